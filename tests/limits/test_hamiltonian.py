"""Hamiltonian flows: derivatives against autograd, symplecticity, orders, and flows that are known exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import mpmath
import numpy as np
import pytest
import scipy.integrate
import torch
from torch import Tensor

from resnet_limits.limits.hamiltonian import pair_sums
from resnet_limits.limits.hamiltonian.integrators import (
    INTEGRATORS,
    ConjugateEuler,
    Diverged,
    ExplicitEuler,
    Integrator,
)
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianAt, GaussianKernel, PairSumsAt
from resnet_limits.limits.hamiltonian.kernels.kernel import KernelAtPoints, OperatorKernel
from resnet_limits.limits.hamiltonian.kernels.periodic import PeriodicKernel
from resnet_limits.limits.hamiltonian.pair_sums import MOST_COMPILED_COORDINATES, PAIR_PROCESSORS
from resnet_limits.limits.hamiltonian.trajectory import pull_back_through_flow, tangent_at_end, trajectory_from
from resnet_limits.networks.activations import Activation, activation_named
from tests.normals import normals
from tests.planting import resize

from .kernel_laws import HamiltonianLaws, IsotropicLaws
from .limit_laws import LimitLaws, adaptive

KERNELS = {
    **{name: FeaturesKernel(activation_named(name)) for name in ("tanh", "swish", "gelu", "identity")},
    "without_bias": FeaturesKernel(activation_named("tanh"), bias=False),
    "gaussian": GaussianKernel(0.8),
}
EXPLICIT = ExplicitEuler()
STEPS = {**INTEGRATORS, "conjugate_euler": ConjugateEuler()}


class TestFeatures(HamiltonianLaws):
    kernels: ClassVar = {
        name: lambda kernel=kernel: kernel for name, kernel in KERNELS.items() if isinstance(kernel, FeaturesKernel)
    }

    def matrix(self, kernel: FeaturesKernel, q: Tensor) -> Tensor:
        f = kernel.of_points(q)
        return f @ f.T


class ByMatrices(GaussianKernel):
    """Without the extension."""

    def at(self, q: Tensor) -> GaussianAt:
        return GaussianAt(self, q)


@dataclass(frozen=True)
class ByPairs(GaussianKernel):
    """In C for this kind of processor."""

    processor: str

    def at(self, q: Tensor) -> GaussianAt:
        return PairSumsAt(self, q, self.processor)


class TestGaussian(HamiltonianLaws, IsotropicLaws):
    kernels: ClassVar = {
        "gaussian": partial(GaussianKernel, 0.8),
        "matrices": partial(ByMatrices, 0.8),
        **{processor: partial(ByPairs, 0.8, processor) for processor in PAIR_PROCESSORS},
    }
    diagonal_rounding = 1e-11  # of a root that is Cholesky's, with a shift

    def matrix(self, kernel: GaussianKernel, q: Tensor) -> Tensor:
        return torch.exp(-(q[:, None] - q[None]).square().sum(-1) / (2 * kernel.length**2))


class TestPeriodic(HamiltonianLaws):
    kernels: ClassVar = {"periodic": partial(PeriodicKernel, 0.8)}
    diagonal_rounding = 1e-9  # of a root that is Cholesky's, with a shift

    def matrix(self, kernel: PeriodicKernel, q: Tensor) -> Tensor:
        halves = torch.sin((q[:, None] - q[None]) / 2)
        return torch.exp(-2 * halves.square().sum(-1) / kernel.length**2)

    def test_points_that_go_once_round_are_the_same(self, kernel: PeriodicKernel):
        q, round_trip = normals(4, 2), 2 * math.pi * torch.tensor([[1, -2]]).double()
        torch.testing.assert_close(kernel.matrix(q + round_trip, q), kernel.matrix(q, q))


class ByMatrix(OperatorKernel):
    """The Gaussian kernel as somebody would write it who knows nothing of flows: derivatives by autograd."""

    smooth = True

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.exp(-(x[:, None] - y).square().sum(-1) / (2 * 0.8**2))


class TestByMatrix(HamiltonianLaws, IsotropicLaws):
    kernels: ClassVar = {"by matrix": ByMatrix}
    diagonal_rounding = 1e-9  # of a root that is Cholesky's, with a shift

    def matrix(self, kernel: ByMatrix, q: Tensor) -> Tensor:
        return kernel.matrix(q, q)


# -- derivatives ----------------------------------------------------------------------------------


def test_blocks_of_rows_and_a_kept_matrix_are_the_same(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.limits.hamiltonian.kernels import gaussian

    q, P, u, v = (normals(11, 2, seed=s) for s in range(4))

    def all_of(at: KernelAtPoints) -> tuple[Tensor, ...]:
        return at.velocity(P), at.rate(P), *at.tangent(P, u, v), *at.tangent_of_momenta(P, v), *at.both(P)

    expected = all_of(ByMatrices(0.7).at(q).keep())
    resize(monkeypatch, gaussian, ENTRIES_A_BLOCK=33)
    matrix, rows = GaussianKernel.matrix, []
    monkeypatch.setattr(GaussianKernel, "matrix", lambda kernel, x, q: rows.append(len(x)) or matrix(kernel, x, q))
    for one, whole in zip(all_of(ByMatrices(0.7).at(q)), expected, strict=True):
        torch.testing.assert_close(one, whole)
    assert max(rows) == 3, "never the whole matrix"


@pytest.mark.skipif(not PAIR_PROCESSORS, reason="installed without a C compiler")
class TestPairSums:
    @pytest.mark.parametrize("processor", PAIR_PROCESSORS)
    @pytest.mark.parametrize(("n", "d", "k"), [(1, 1, 1), (9, 2, 2), (17, 3, 3), (40, 2, 5), (33, 16, 1), (20, 5, 16)])
    def test_they_are_those_of_the_matrices_at_every_size(self, processor: str, n: int, d: int, k: int):
        q, u = normals(n, d), normals(2, 3, n, d, seed=1)
        P, v = normals(n, k, seed=2), normals(2, 3, n, k, seed=3)
        ours, theirs = ByPairs(0.7, processor).at(q), ByMatrices(0.7).at(q)
        for one, other in zip(ours.both(P), theirs.both(P), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)
        of_momenta = ours.tangent_of_momenta(P, v), theirs.tangent_of_momenta(P, v)
        for of_ours, of_theirs in (of_momenta, (ours.tangent(P, u, v), theirs.tangent(P, u, v))):
            for one, other in zip(of_ours, of_theirs, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)

    @pytest.mark.parametrize("processor", PAIR_PROCESSORS)
    def test_the_kernel_is_exact_to_a_few_digits_of_the_last_at_every_distance(self, processor: str):
        far = torch.cat([torch.zeros(1), torch.logspace(-9, math.log10(37), 400)]).double()[:, None]
        P = torch.zeros_like(far)
        P[0] = 1  # the velocity of each point is its kernel with the first
        velocity = ByPairs(1.0, processor).at(far).velocity(P)
        exact = [[float(mpmath.exp(-(mpmath.mpf(float(x)) ** 2) / 2))] for x in far]
        error = (velocity / torch.tensor(exact, dtype=torch.float64) - 1).abs()
        # The exponent is rounded, which is worth its size.
        assert float((error / (2 + far.square())).max()) < torch.finfo(torch.float64).eps

    def test_points_beyond_all_distances_and_no_numbers_are_as_in_the_matrices(self):
        q = torch.tensor([[0.0], [1e160], [-1e160], [50.0]], dtype=torch.float64)
        velocity, rate = GaussianKernel(1.0).at(q).both(torch.ones_like(q))
        torch.testing.assert_close(velocity, torch.ones_like(q))
        assert bool(torch.isfinite(rate).all())
        assert bool(
            GaussianKernel(1.0).at(torch.full((3, 2), math.nan).double()).rate(torch.ones(3, 2).double()).isnan().all()
        )

    def test_it_is_taken_in_few_dimensions_in_double_precision_where_nothing_is_differentiated(self):
        few = normals(4, MOST_COMPILED_COORDINATES)
        assert type(GaussianKernel(1.0).at(few)) is PairSumsAt
        many, single, differentiated = (
            normals(4, MOST_COMPILED_COORDINATES + 1),
            few.float(),
            few.clone().requires_grad_(),
        )
        for points in (many, single, differentiated):
            assert type(GaussianKernel(1.0).at(points)) is GaussianAt
        velocity = GaussianKernel(1.0).at(few).velocity(P := normals(4, 20))
        torch.testing.assert_close(velocity, ByMatrices(1.0).at(few).velocity(P))

    def test_wrong_arrays_are_refused(self):
        q = normals(4, 2).numpy()
        for arrays in ((q, q, q, q[:3]), (q, q[:3], q[:3], q), (q, q, q[:, :1], q), (q, q, q.astype("f"), q)):
            with pytest.raises((ValueError, BufferError)):
                pair_sums.in_c.both(PAIR_PROCESSORS[0], 1.0, *arrays)
        with pytest.raises(ValueError, match="processor=none"):
            pair_sums.in_c.both("none", 1.0, q, q, q.copy(), q.copy())
        with pytest.raises(ValueError, match="tangents"):
            pair_sums.in_c.tangent(PAIR_PROCESSORS[0], 1.0, q, q, q[None, :3], q[None], q[None], q[None])


# -- steps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["tanh", "gaussian"])
@pytest.mark.parametrize("name", STEPS)
def test_tangent_and_transpose_are_those_of_the_step(name: str, kernel: str):
    step, kernel_used = STEPS[name], KERNELS[kernel]
    q, P, u, v, a, b = (normals(4, 2, seed=s, scale=0.5) for s in range(6))
    h, eps = 0.2, 1e-5
    new, (du, dv) = step.tangent(kernel_used, q, P, h, u, v)
    for one, other in zip(new, step.step(kernel_used, q, P, h), strict=True):
        torch.testing.assert_close(one, other)
    ahead, behind = (step.step(kernel_used, q + s * u, P + s * v, h) for s in (eps, -eps))
    torch.testing.assert_close(du, (ahead[0] - behind[0]) / (2 * eps), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(dv, (ahead[1] - behind[1]) / (2 * eps), rtol=1e-8, atol=1e-8)
    back = step.pull_back(kernel_used, q, P, h, a, b)
    forward = float((a * du).sum() + (b * dv).sum())
    assert float((back[0] * u).sum() + (back[1] * v).sum()) == pytest.approx(forward, rel=1e-12)
    end, last = step.last_step(kernel_used, q, P, h)
    for one, other in zip((*end, *last(a)), (*new, *step.pull_back(kernel_used, q, P, h, a, 0 * b)), strict=True):
        torch.testing.assert_close(one, other)


def jacobian(name: str, kernel: OperatorKernel, h: float) -> Tensor:
    """Of one step, (2nd, 2nd)."""
    q, P = normals(3, 2, scale=0.7), normals(3, 2, seed=1, scale=0.7)
    unit = torch.eye(12, dtype=torch.float64).reshape(12, 2, 3, 2)
    _, (du, dv) = STEPS[name].tangent(kernel, q, P, h, unit[:, 0], unit[:, 1])
    return torch.stack([du, dv], dim=1).reshape(12, 12).T


@pytest.mark.parametrize("kernel", ["tanh", "gaussian"])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_symplectic_unless_it_is_rk4(name: str, kernel: str):
    M = jacobian(name, KERNELS[kernel], 0.2)
    J = torch.zeros(12, 12, dtype=torch.float64)
    J[:6, 6:], J[6:, :6] = torch.eye(6), -torch.eye(6)
    off = float((M.T @ J @ M - J).abs().max())
    assert (off < 1e-12) == (name != "rk4")


class Turning(KernelAtPoints):
    """`H = (|P|^2 + |q|^2)/2` at points `q`."""

    def __init__(self, q: Tensor) -> None:
        self.q = q

    def velocity(self, P: Tensor) -> Tensor:
        return P

    def rate(self, P: Tensor) -> Tensor:
        return -self.q

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        return P, -self.q

    def energy(self, P: Tensor) -> Tensor:
        return (P.square().sum() + self.q.square().sum()) / 2

    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return v, -u

    def root(self) -> Tensor:
        return self.q


class Oscillator(OperatorKernel):
    """`q(t) = q cos t + P sin t`: a kernel in all that integrators ask for."""

    def at(self, q: Tensor) -> KernelAtPoints:
        return Turning(q)

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        raise NotImplementedError("it has none")

    def field(self, x: Tensor, q: Tensor, P: Tensor) -> Tensor:
        return P


@pytest.mark.parametrize("name", STEPS)
def test_the_harmonic_oscillator_turns_at_the_order_of_the_integrator_and_keeps_its_energy(name: str):
    q, P = normals(3, 2), normals(3, 2, seed=1)
    exact = q * math.cos(1) + P * math.sin(1), P * math.cos(1) - q * math.sin(1)
    errors = []
    for steps in (16, 32):
        end = trajectory_from(Oscillator(), q, P, STEPS[name], steps).end
        errors.append(max(float((x - y).abs().max()) for x, y in zip(end, exact, strict=True)))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(STEPS[name].order, abs=0.05)
    energies = over_time(STEPS[name].step, Oscillator(), q, P, 1 / 20, 400)
    assert float((energies / energies[0] - 1).abs().max()) < 0.06
    explicit = over_time(EXPLICIT.step, Oscillator(), q, P, 1 / 20, 400)
    assert float(explicit[-1] / explicit[0]) == pytest.approx((1 + 1 / 400) ** 400)


def over_time(
    step: Callable[[OperatorKernel, Tensor, Tensor, float], tuple[Tensor, Tensor]],
    kernel: OperatorKernel,
    q: Tensor,
    P: Tensor,
    h: float,
    steps: int,
) -> Tensor:
    """The energy before each of so many steps, and after the last."""
    energies = [kernel.at(q).energy(P)]
    for _ in range(steps):
        q, P = step(kernel, q, P, h)
        energies.append(kernel.at(q).energy(P))
    return torch.stack(energies)


@pytest.mark.parametrize("kernel", ["tanh", "gaussian"])
@pytest.mark.parametrize("name", STEPS)
def test_the_energy_drifts_at_the_order_of_the_integrator(name: str, kernel: str):
    q, P = normals(5, 2), normals(5, 2, seed=3, scale=0.3)
    drifts = [trajectory_from(KERNELS[kernel], q, P, STEPS[name], steps).drift for steps in (32, 64)]
    assert math.log2(drifts[0] / drifts[1]) == pytest.approx(STEPS[name].order, abs=0.25)


@pytest.mark.parametrize("step", [*STEPS.values(), EXPLICIT], ids=[*STEPS, "explicit_euler"])
def test_gradients_through_the_flow_agree_forwards_backwards_and_with_differences(step: Integrator):
    kernel, q, P, u, v, a, b = KERNELS["gaussian"], *(normals(4, 2, seed=s, scale=0.5) for s in range(6))
    path = trajectory_from(kernel, q, P, step, 8)
    du, dv = tangent_at_end(kernel, q, P, step, 8, u, v)
    back = pull_back_through_flow(kernel, path.states, path.momenta, step, a, b, h=1 / 8)
    forwards = float((a * du).sum() + (b * dv).sum())
    assert float((back[0] * u).sum() + (back[1] * v).sum()) == pytest.approx(forwards, rel=1e-11)
    ends = [trajectory_from(kernel, q + s * u, P + s * v, step, 8).end for s in (1e-5, -1e-5)]
    differences = [(x - y) / 2e-5 for x, y in zip(*ends, strict=True)]
    assert forwards == pytest.approx(float((a * differences[0]).sum() + (b * differences[1]).sum()), rel=1e-7)


@pytest.mark.parametrize(("kernel", "seed"), [("tanh", 12), ("gaussian", 10)])
def test_explicit_euler_gains_energy_where_symplectic_euler_does_not(kernel: str, seed: int):
    # from the same points and momenta, in as many steps of the same length; without total momentum they stay together
    kernel_used, q, P = KERNELS[kernel], normals(8, 2, seed=seed), normals(8, 2, seed=20 + seed)
    P = P - P.mean(0)
    explicit, kept = (
        over_time(step, kernel_used, q, P, 1 / 50, 300)
        for step in (EXPLICIT.step, INTEGRATORS["symplectic_euler"].step)
    )
    assert float(explicit[-1] / explicit[0]) > 1.3
    assert float((kept / kept[0] - 1).abs().max()) < 0.05


def test_a_flow_that_diverges_is_a_result_with_its_energy():
    path = trajectory_from(
        FeaturesKernel(activation_named("identity")),
        normals(5, 2),
        normals(5, 2, scale=1e3),
        INTEGRATORS["leapfrog"],
        4,
    )
    assert path.diverged is not None
    assert "energy" in path.diverged
    assert len(path.states) == len(path.momenta) == len(path.energy) <= 4
    with pytest.raises(Diverged):
        INTEGRATORS["rk4"].step(
            FeaturesKernel(activation_named("identity")), normals(2, 2), normals(2, 2, scale=1e200), 1.0
        )


class TestFlow(LimitLaws):
    """Of positions and momenta, (2, n, d); at momenta `t P` the flow of a unit of time is that of time t."""

    cases: ClassVar = {
        name: lambda kernel=KERNELS[name]: kernel for name in ("tanh", "swish", "without_bias", "gaussian")
    }
    rounding = 1e-8  # of rk4 in 128 steps

    def start(self, case: OperatorKernel) -> Tensor:
        return torch.stack([normals(4, 2), normals(4, 2, seed=1, scale=0.3)])

    def flow(self, case: OperatorKernel, start: Tensor, since: float, until: float) -> tuple[Tensor, float]:
        time = until - since
        q, P = trajectory_from(case, start[0], time * start[1], INTEGRATORS["rk4"], 128).end
        return torch.stack([q, P / time]), 0.0

    def independent(self, case: OperatorKernel, start: Tensor, until: float) -> Tensor:
        laws = TestGaussian() if isinstance(case, GaussianKernel) else TestFeatures()

        def velocity(t: float, state: Tensor) -> Tensor:
            state = state.clone().requires_grad_()
            dq, dP = torch.autograd.grad(laws.energy(case, *state), state)[0]
            return torch.stack([dP, -dq])

        return adaptive(velocity, start, until)


# -- exact flows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "swish", "gelu", "identity"])
def test_of_one_point_in_dimension_one_the_transformed_position_is_linear_in_time(name: str):
    activation, q, P = (
        activation_named(name),
        torch.tensor([[0.3]], dtype=torch.float64),
        torch.tensor([[0.9]], dtype=torch.float64),
    )
    path = trajectory_from(FeaturesKernel(activation), q, P, INTEGRATORS["rk4"], 128)

    def transformed(x: float) -> float:
        of = lambda s: 1 / math.sqrt(1 + float(activation(torch.tensor(s, dtype=torch.float64))) ** 2)  # noqa: E731
        return scipy.integrate.quad(of, 0.3, x, epsabs=1e-13)[0]

    speed = math.sqrt(2 * float(path.energy[0]))
    for s in (32, 64, 128):
        assert transformed(float(path.states[s])) == pytest.approx(speed * s / 128, rel=1e-8)
    if name == "identity":
        expected = np.sinh(speed * np.arange(129) / 128 + math.asinh(0.3))
        np.testing.assert_allclose(path.states[:, 0, 0].numpy(), expected, rtol=1e-8)


def test_without_bias_the_identity_gives_geodesics_of_the_linear_group():
    q, P = normals(5, 3), normals(5, 3, seed=2, scale=0.3)
    kernel = FeaturesKernel(activation_named("identity"), bias=False)
    path, omega = trajectory_from(kernel, q, P, INTEGRATORS["rk4"], 64), kernel.at(q).weights(P)
    A = omega - omega.T
    for s in (16, 64):
        t = s / 64
        exact = torch.matrix_exp(t * A) @ torch.matrix_exp(t * omega.T) @ q.T
        torch.testing.assert_close(path.states[s], exact.T, rtol=1e-7, atol=1e-7)


def test_a_bias_alone_moves_all_points_along_one_straight_line():
    class Zero(Activation):
        name, formula, kinks = "zero", "0", ()

        def __call__(self, z: Tensor) -> Tensor:
            return torch.zeros_like(z)

    q, P = normals(4, 2), normals(4, 2, seed=1)
    path = trajectory_from(FeaturesKernel(Zero()), q, P, INTEGRATORS["leapfrog"], 8)
    for s in range(9):
        torch.testing.assert_close(path.states[s], q + s / 8 * P.sum(0))


def test_in_dimension_one_without_bias_all_weights_are_equal():
    kernel, q, P = FeaturesKernel(activation_named("tanh"), bias=False), normals(6, 1), normals(6, 1, seed=1)
    path = trajectory_from(kernel, q, P, INTEGRATORS["rk4"], 64)
    weights = torch.stack([kernel.at(x).weights(p) for x, p in zip(path.states, path.momenta, strict=True)])
    torch.testing.assert_close(weights, weights[:1].expand_as(weights), rtol=1e-8, atol=1e-8)
