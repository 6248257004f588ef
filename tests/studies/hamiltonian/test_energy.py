"""`hamiltonian.energy`: the drift of the energy has the order of the integrator."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS, ExplicitEuler
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.kernels.kernel import OperatorKernel
from resnet_limits.limits.hamiltonian.trajectory import tangent_at_end
from resnet_limits.networks.activations import activation_named
from resnet_limits.studies.hamiltonian.energy import measure as energy
from resnet_limits.studies.hamiltonian.network import WeightDecayedNetwork
from resnet_limits.studies.hamiltonian.trained import measure as trained
from tests.normals import normals
from tests.studies.hamiltonian.small import measured, orders
from tests.studies.verdicts import verdict


def test_energy_drifts_at_the_order_of_the_integrator():
    jobs = measured(energy)
    for scheme, order in (("symplectic_euler", 1), ("leapfrog", 2), ("midpoint", 2)):
        assert orders(jobs, "energy_drift", scheme=scheme) == pytest.approx(order, abs=0.15)
    assert orders(jobs, "modified_energy_drift", scheme="symplectic_euler") == pytest.approx(2, abs=0.15)


class ByMatrix(OperatorKernel):
    """A kernel of one's own: derivatives by autograd, through which that of a step is taken too."""

    smooth = True

    def matrix(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 1 / (1 + (x[:, None] - y).square().sum(-1))


@pytest.mark.parametrize("kernel", [FeaturesKernel(activation_named("gelu")), ByMatrix()], ids=["gelu", "own"])
@pytest.mark.parametrize("scheme", ["symplectic_euler", "leapfrog", "midpoint"])
def test_the_derivative_of_the_flow_is_that_of_its_tangents_and_keeps_the_form_to_rounding(
    scheme: str, kernel: OperatorKernel
):
    q, P, steps = normals(3, 2), normals(3, 2, seed=1, scale=0.4), 8
    D = energy.flow_derivative(INTEGRATORS[scheme], kernel, q, P, steps)
    unit = torch.eye(12, dtype=q.dtype).reshape(12, 2, 3, 2)
    columns = tangent_at_end(kernel, q, P, INTEGRATORS[scheme], steps, unit[:, 0], unit[:, 1])
    torch.testing.assert_close(D, torch.stack(columns, dim=1).reshape(12, 12).T, atol=1e-12, rtol=1e-12)
    assert energy.form_defect(INTEGRATORS[scheme], kernel, q, P, steps) < 1e-12
    explicit = [energy.form_defect(ExplicitEuler(), kernel, q, P, steps) for steps in (32, 64)]
    assert explicit[0] / explicit[1] == pytest.approx(2, rel=0.1)


@pytest.mark.slow
def test_an_explicit_step_in_place_of_the_symplectic_one_is_refuted(monkeypatch: pytest.MonkeyPatch):
    measured(energy, depths=(8,))  # the limit is found before the fault
    for scheme in ("symplectic_euler", "leapfrog"):
        monkeypatch.setattr(type(INTEGRATORS[scheme]), "step", ExplicitEuler.step)
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
