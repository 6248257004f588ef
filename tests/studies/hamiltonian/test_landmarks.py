"""`hamiltonian.geodesic.landmarks`: the geodesic that matches landmarks is approached by training every layer."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.shooting import Problem
from resnet_limits.measurement.job import InMemory
from resnet_limits.studies.hamiltonian.landmarks import measure as landmarks
from tests.planting import plant
from tests.studies.hamiltonian.small import measured
from tests.studies.verdicts import verdict


def test_landmarks_are_matched_by_the_geodesic_that_training_every_layer_approaches():
    jobs = measured(landmarks, depths=(4, 8))
    assert verdict("hamiltonian.geodesic.landmarks", jobs).verdict == "inconclusive"  # two depths
    gaps = [r.value for _, m in jobs for r in m.records if r.observable == "energy_gap"]
    assert np.log2(gaps[0] / gaps[1]) == pytest.approx(1, abs=0.1)
    arrays = jobs[0][1].arrays
    assert all(array.flags["C_CONTIGUOUS"] for array in arrays.values())  # else a file of them holds something else
    assert np.abs(arrays["landmarks.states"][-1] - arrays["landmarks.targets"]).max() < 0.02
    grid = arrays["landmarks.grid"]
    assert grid.shape == (5, landmarks.LINES_OF_GRID**2, 2)
    np.testing.assert_array_equal(grid[0], landmarks.nodes_of_plane().numpy())


@pytest.mark.slow
def test_landmarks_shot_with_another_kernel_are_refuted(monkeypatch: pytest.MonkeyPatch):
    def wrong(kernel, q, nu, loss):
        return Problem(GaussianKernel(1.1), q, nu, loss)

    plant(monkeypatch, Problem, wrong, within="resnet_limits.studies")
    jobs = measured(landmarks, depths=(4, 8, 16, 32), shared=InMemory())
    assert verdict("hamiltonian.geodesic.landmarks.observed", jobs).verdict == "refuted"
