"""Depth-regularised networks: the penalty in scaled variables, derivatives against torch, identities of minima."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pytest
import torch
from torch.nn import functional

from resnet_limits.networks.activations import activation_named
from resnet_limits.training.depth_regularised import DepthRegularised, Penalties
from resnet_limits.training.loss_with_curvature import CrossEntropy, Loss, MeanSquareLoss
from resnet_limits.training.minimiser import minimise
from resnet_limits.training.penalty import Penalty

PENALTIES = Penalties(K=0.1, b=0.2, W=0.3, c=0.4, t1=0.5, t2=0.6)
RNG = np.random.default_rng(0)
X, Y, LABELS = RNG.standard_normal((5, 2)), RNG.standard_normal((5, 3)), RNG.integers(0, 3, 5)


def problem(activation: str = "tanh", loss: Loss | None = None, penalty: Penalty = "h1", depth: int = 6):
    return DepthRegularised(X, loss or MeanSquareLoss(Y), activation, PENALTIES, depth, penalty)


@pytest.mark.parametrize("penalty", get_args(Penalty))
def test_in_scaled_variables_the_penalty_is_the_square(penalty: Penalty):
    objective = problem(penalty=penalty)
    u = np.random.default_rng(1).standard_normal(objective.size)
    w = objective.weights(u)
    assert objective.scaled(w) == pytest.approx(u)
    n, p = objective.depth, PENALTIES
    squares = lambda a: float((a**2).sum())  # noqa: E731
    by_hand = {
        "h1": p.K * (n * squares(np.diff(w.K, axis=0)) + p.t1 * squares(w.K[0]))
        + p.b * (n * squares(np.diff(w.b, axis=0)) + p.t2 * squares(w.b[0])),
        "decay": p.K / n * squares(w.K) + p.b / n * squares(w.b),
        "unscaled": p.K * squares(w.K) + p.b * squares(w.b),
        "none": 0.0,
    }[penalty]
    by_hand += 0 if penalty == "none" else p.W * squares(w.W) + p.c * squares(w.c)
    assert objective.value(w) - objective.loss_at(w) == pytest.approx(by_hand)


@pytest.mark.parametrize("loss", ["square", "cross_entropy"])
@pytest.mark.parametrize("activation", ["tanh", "swish", "gelu", "identity"])
@pytest.mark.parametrize("penalty", get_args(Penalty))
def test_derivatives_are_those_of_torch(activation: str, loss: Literal["square", "cross_entropy"], penalty: Penalty):
    objective = problem(activation, MeanSquareLoss(Y) if loss == "square" else CrossEntropy(LABELS, 3), penalty)
    rng = np.random.default_rng(2)
    u, v = rng.standard_normal(objective.size), rng.standard_normal(objective.size)

    def value(point: torch.Tensor) -> torch.Tensor:
        # The map from scaled variables to weights is linear: its matrix, column by column.
        columns = np.stack([_flat(objective, unit) for unit in np.eye(objective.size)], axis=1)
        K, b, W, c = _shaped(objective, torch.from_numpy(columns) @ point)
        x = torch.from_numpy(X)
        for k in range(objective.depth):
            x = x + activation_named(activation)(x @ K[k].T + b[k]) / objective.depth
        o = x @ W.T + c
        fit = (
            ((o - torch.from_numpy(Y)) ** 2).sum() / len(X)
            if loss == "square"
            else functional.cross_entropy(o, torch.from_numpy(LABELS))
        )
        return fit + (0 if penalty == "none" else point @ point)

    point = torch.from_numpy(u).requires_grad_()
    there = value(point)
    (gradient,) = torch.autograd.grad(there, point, create_graph=True)
    (product,) = torch.autograd.grad(gradient, point, torch.from_numpy(v))
    mine, slope = objective.value_and_gradient(u)
    assert mine == pytest.approx(float(there.detach()))
    assert mine == pytest.approx(objective.value(objective.weights(u)))
    assert slope == pytest.approx(gradient.detach().numpy(), rel=1e-9, abs=1e-11)
    assert objective.hessian(u)(v) == pytest.approx(product.numpy(), rel=1e-9, abs=1e-11)


def _flat(objective: DepthRegularised, u: np.ndarray) -> np.ndarray:
    w = objective.weights(u)
    return np.concatenate([w.K.ravel(), w.b.ravel(), w.W.ravel(), w.c])


def _shaped(objective: DepthRegularised, w: torch.Tensor) -> tuple[torch.Tensor, ...]:
    n, d, m = objective.depth, objective.width, objective.loss.outputs
    K, b, W, c = torch.split(w, [n * d * d, n * d, m * d, m])
    return K.reshape(n, d, d), b.reshape(n, d), W.reshape(m, d), c


def test_minima_meet_the_exact_conditions_at_both_ends():
    objective = replace(problem(depth=12), loss=CrossEntropy(LABELS, 3))
    minimum = minimise(objective, np.zeros(objective.size))
    assert minimum.converged, minimum.why
    w, n = objective.weights(minimum.point), objective.depth
    gradient = objective.loss_gradient(w)
    for path, its_gradient, a, t in ((w.K, gradient.K, 0.1, 0.5), (w.b, gradient.b, 0.2, 0.6)):
        assert n * (path[1] - path[0]) == pytest.approx(t * path[0] + its_gradient[0] / (2 * a), abs=1e-9)
        assert n * (path[-1] - path[-2]) == pytest.approx(-its_gradient[-1] / (2 * a), abs=1e-9)


def test_a_minimum_has_the_relative_accuracy_that_its_certificate_says():
    objective = problem(depth=8)
    rough, fine = (minimise(objective, np.zeros(objective.size), tolerance=t) for t in (1e-3, 1e-12))
    assert np.linalg.norm(rough.point - fine.point) <= 2 * rough.distance + 1e-12
