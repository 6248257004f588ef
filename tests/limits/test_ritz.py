"""The limit over polynomials: derivatives, and the limit's own equations."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from resnet_limits.limits.euler_lagrange import extremal
from resnet_limits.limits.ritz import Ritz
from resnet_limits.training.depth_regularised import DepthRegularised, DepthWeights, Penalties
from resnet_limits.training.loss_with_curvature import CrossEntropy, MeanSquareLoss
from resnet_limits.training.minimiser import descend

PENALTIES = Penalties(K=0.03, b=0.05, W=0.02, c=0.04, t1=2.0, t2=0.5)
RANDOM = np.random.default_rng(3)
X, Y = RANDOM.standard_normal((6, 2)), RANDOM.standard_normal((6, 1))
PROBLEM = DepthRegularised(X, MeanSquareLoss(Y), "tanh", PENALTIES, depth=1)


@pytest.mark.parametrize("loss", [MeanSquareLoss(Y), CrossEntropy(np.arange(6) % 3, 3)], ids=["square", "entropy"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_gradient_is_that_of_the_value(loss, activation: str):
    ritz = Ritz(replace(PROBLEM, loss=loss, activation=activation), degree=4, steps=5)
    u = 0.3 * RANDOM.standard_normal(ritz.size)
    _, gradient = ritz.value_and_gradient(u)
    for direction in np.eye(ritz.size)[:: ritz.size // 12]:
        up, down = (ritz.value_and_gradient(u + s * 1e-6 * direction)[0] for s in (1, -1))
        assert gradient @ direction == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-8)


def test_the_penalty_of_paths_is_their_h1_norm_and_a_higher_degree_has_the_same_paths():
    ritz = Ritz(PROBLEM, degree=3, steps=4)
    u = RANDOM.standard_normal(ritz.size)
    times = np.linspace(0, 1, 20001)
    w, p = ritz.at(u, times), PENALTIES
    energy = p.W * (w.W**2).sum() + p.c * (w.c**2).sum()
    for path, a, t in ((w.K, p.K, p.t1), (w.b, p.b, p.t2)):
        slopes = np.diff(path, axis=0) / times[1]
        energy += a * ((slopes**2).sum() * times[1] + t * (path[0] ** 2).sum())
    assert u @ u == pytest.approx(energy, rel=1e-6)
    higher = Ritz(PROBLEM, degree=5, steps=4).at(ritz.raised(u, 5), times)
    assert np.abs(higher.path - w.path).max() < 1e-12


def test_states_are_those_of_the_flow_at_order_4():
    """Against a network of Euler steps, extrapolated: another discretisation of the same flow."""
    start = DepthWeights(RANDOM.standard_normal((1, 2, 2)), RANDOM.standard_normal((1, 2)), Y[:2].T, Y[2])
    coarse, fine = (Ritz(PROBLEM, 2, steps) for steps in (16, 32))
    u = coarse.constant(start)
    u[4:8] += 0.1  # K is no constant
    values = [ritz.value_and_gradient(u)[0] for ritz in (coarse, fine, Ritz(PROBLEM, 2, 256))]
    assert np.log2(abs(values[0] - values[2]) / abs(values[1] - values[2])) == pytest.approx(4, abs=0.4)
    losses = [PROBLEM.at_depth(n).loss_at(fine.at(u, np.arange(n) / n)) for n in (512, 1024, 2048)]
    extrapolated = [2 * b - a for a, b in pairwise(losses)]
    assert (4 * extrapolated[1] - extrapolated[0]) / 3 == pytest.approx(values[2] - u @ u, abs=1e-8)


def test_the_least_value_falls_to_that_of_the_euler_lagrange_equations_as_the_degree_grows():
    above = []
    for degree in (1, 2, 4, 6):
        ritz = Ritz(PROBLEM, degree, steps=24)
        u, _ = descend(
            ritz,
            ritz.constant(DepthWeights(*(np.zeros(s) for s in ((1, 2, 2), (1, 2), (1, 2), (1,))))),
            400,
            until=1e-8,
        )
        above.append(ritz.value_and_gradient(u)[0])
    exact = extremal(PROBLEM, ritz.at(u, np.arange(32) / 32), tolerance=1e-7)
    assert exact.value == pytest.approx(above[-1], rel=1e-7)
    assert np.all(np.diff(above) < 0)
    there = exact.at(np.linspace(0, 1, 33)).path
    assert np.abs(ritz.at(u, np.linspace(0, 1, 33)).path - there).max() < 1e-3 * np.abs(there).max()
