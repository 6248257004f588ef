"""`hamiltonian.sparsity`: points without a gradient of the loss have no momentum."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_limits.limits.hamiltonian.end_loss import Fixed
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.shooting import Problem
from resnet_limits.measurement.job import InMemory
from resnet_limits.studies.hamiltonian.sparsity import measure as sparsity
from tests.planting import plant
from tests.studies.hamiltonian.small import SMALL, measured
from tests.studies.verdicts import verdict


@pytest.mark.parametrize("loss", ["square", "squared_insensitive"])
def test_points_without_loss_gradient_have_no_momentum(loss: str):
    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, loss=loss, nu=0.02))
    jobs = measured(sparsity, settings, (32,))
    judgement = verdict("hamiltonian.sparsity", jobs)
    assert judgement.measured is not None
    assert judgement.measured.value >= 0.9, judgement.why
    values = {r.observable: r.value for r in jobs[0][1].records}
    assert 0 < values["without_gradient"] < 1
    assert values["momentum_off_support"] < 1e-9


def test_momenta_of_points_without_loss_gradient_are_refuted(monkeypatch: pytest.MonkeyPatch):
    # the square loss in place of the hinge in the shooting: all points have a gradient

    def wrong(kernel, q, nu, loss):
        return Problem(kernel, q, nu, Fixed(SquareLoss(), loss.y))

    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, loss="squared_hinge", nu=0.02))
    plant(monkeypatch, Problem, wrong, within="resnet_limits.studies")
    assert verdict("hamiltonian.sparsity", measured(sparsity, settings, (32,), shared=InMemory())).verdict == "refuted"
