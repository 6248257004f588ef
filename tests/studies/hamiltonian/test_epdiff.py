"""`hamiltonian.epdiff`: particles against the equation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.limits.hamiltonian.kernels.periodic import PeriodicKernel
from resnet_limits.measurement.job import InMemory
from resnet_limits.random.normals import generator
from resnet_limits.studies.hamiltonian.epdiff import measure as epdiff
from tests.planting import plant
from tests.studies.hamiltonian.small import SMALL, measured
from tests.studies.verdicts import verdict

FEW = replace(SMALL, replicas=6)
SHARED = InMemory()


def test_particles_on_a_grid_have_the_velocity_of_the_equation_and_carry_its_momentum():
    jobs = measured(epdiff, FEW, (8,), SHARED)
    for claim in ("epdiff", "epdiff.grid", "epdiff.conserved", "epdiff.momentum"):
        assert verdict(f"hamiltonian.{claim}", jobs).verdict == "supported", claim


def test_independent_particles_come_nearer_at_one_half():
    measured_order = verdict("hamiltonian.epdiff.sampled", measured(epdiff, FEW, (8,), SHARED)).measured
    assert measured_order is not None
    assert measured_order.low < 0.5 < measured_order.high


def test_the_kernel_of_the_particles_is_that_of_the_equation():
    x = np.linspace(-4, 9, 30)
    matrix = PeriodicKernel(epdiff.LENGTH_OF_KERNEL).matrix(torch.from_numpy(x)[:, None], torch.zeros(1, 1).double())
    np.testing.assert_allclose(matrix[:, 0].numpy(), epdiff.kernel_of_equation(x), rtol=1e-14)


def test_draws_of_as_many_particles_for_every_count_are_refuted(monkeypatch: pytest.MonkeyPatch):
    class Same:
        def random(self, size: int) -> np.ndarray:
            return np.resize(stream.random(16), size)

    stream = np.random.default_rng(0)
    plant(monkeypatch, generator, lambda *key: Same(), within="resnet_limits.studies.hamiltonian.epdiff")
    assert verdict("hamiltonian.epdiff.sampled", measured(epdiff, FEW, (8,), InMemory())).verdict == "refuted"
