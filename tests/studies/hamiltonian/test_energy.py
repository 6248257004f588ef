"""`hamiltonian.energy`: the drift of the energy has the order of the integrator."""

from __future__ import annotations

import pytest

from resnet_limits.limits.hamiltonian import integrators
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.studies.hamiltonian.energy import measure as energy
from resnet_limits.studies.hamiltonian.network import WeightDecayedNetwork
from resnet_limits.studies.hamiltonian.trained import measure as trained
from tests.studies.hamiltonian.small import measured, orders
from tests.studies.verdicts import verdict


def test_energy_drifts_at_the_order_of_the_integrator():
    jobs = measured(energy)
    for scheme, order in (("symplectic_euler", 1), ("leapfrog", 2), ("midpoint", 2)):
        assert orders(jobs, "energy_drift", scheme=scheme) == pytest.approx(order, abs=0.15)
    assert orders(jobs, "modified_energy_drift", scheme="symplectic_euler") == pytest.approx(2, abs=0.15)


@pytest.mark.slow
def test_an_explicit_step_in_place_of_the_symplectic_one_is_refuted(monkeypatch: pytest.MonkeyPatch):
    def explicit(self, kernel, q, P, h):
        dq, dP = integrators.flow(kernel, q, P)
        return q + h * dq, P + h * dP

    measured(energy, depths=(8,))  # the limit is found before the fault
    for scheme in ("symplectic_euler", "leapfrog"):
        monkeypatch.setattr(type(INTEGRATORS[scheme]), "step", explicit)
    jobs = measured(energy, depths=(32, 64, 128, 256))
    for claim in ("energy.leapfrog", "energy.symplectic_euler", "form.leapfrog", "form.symplectic_euler"):
        assert verdict(f"hamiltonian.{claim}", jobs).verdict == "refuted", claim
    # the drift of explicit Euler is of order 1 too; that it is not what networks do shows at any depth
    for depth in (8, 64):
        assert verdict("hamiltonian.residual.euler", measured(trained, depths=(depth,))).verdict == "refuted"


@pytest.mark.slow
def test_an_energy_of_momenta_that_are_off_is_refuted(monkeypatch: pytest.MonkeyPatch):
    # half of the slope of the activation in the recursion of the momenta
    careful = WeightDecayedNetwork.carried
    measured(trained)  # the limit is found before the fault
    monkeypatch.setattr(WeightDecayedNetwork, "carried", lambda self, q, P, w: 0.5 * careful(self, q, P, w))
    jobs = measured(trained, depths=(32, 64, 128, 256))
    assert verdict("hamiltonian.energy", jobs).verdict == "refuted"
