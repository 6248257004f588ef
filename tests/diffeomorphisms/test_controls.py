"""What controls folds in training: penalties against naive loops, normalised weights against torch's own."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from resnet_limits.diffeomorphisms.controls import CONTROLS, h1_norm, inverse_inconsistency, lipschitz_excess
from resnet_limits.diffeomorphisms.lipschitz import lipschitz_bound, scaled_to_bound
from resnet_limits.engines import default_engine
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.residual import forward
from resnet_limits.random import Stream, normals

R, L, D, H, BOUND = 3, 4, 2, 0.7, 0.6
FIELD = field(TwoBlock(hidden=5), "tanh", D)


def leaves() -> dict[str, torch.Tensor]:
    return {
        name: normals((L, *shape), Stream(2, name), replicas=R).requires_grad_() for name, shape in FIELD.shapes.items()
    }


def points() -> torch.Tensor:
    return normals((6, D), Stream(2, "x"), replicas=R)


def naive(kind: str, theta: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """One network, one block and one point after another."""
    values = []
    for r in range(R):
        sets = [{name: w[r, k] for name, w in theta.items()} for k in range(L)]
        if kind == "lipschitz":
            norms = [torch.linalg.svdvals(weights["V"])[0] * torch.linalg.svdvals(weights["W"])[0] for weights in sets]
            values.append(sum(torch.relu(H * norm - BOUND) ** 2 for norm in norms) / L)
        elif kind == "h1":
            total = sum((w**2).sum() for w in sets[0].values())
            for before, after in itertools.pairwise(sets):
                total = total + L * sum(((after[name] - before[name]) ** 2).sum() for name in before)
            values.append(total)
        else:
            off = []
            for start in x[r]:
                y = start
                for weights in sets:
                    y = y + H * weights["V"] @ torch.tanh(weights["W"] @ y + weights["b"])
                for weights in reversed(sets):
                    y = y - H * weights["V"] @ torch.tanh(weights["W"] @ y + weights["b"])
                off.append((y - start) ** 2)
            values.append(torch.stack(off).mean())
    return torch.stack([torch.as_tensor(value) for value in values])


@pytest.mark.parametrize("kind", ["lipschitz", "h1", "inverse", "inverse by trunks"])
def test_penalties_and_their_gradients_are_those_of_a_naive_loop(kind):
    theta, other, x = leaves(), leaves(), points()
    if kind == "lipschitz":
        value = lipschitz_excess(FIELD, theta, H, BOUND)
    elif kind == "h1":
        value = h1_norm(theta)
    else:
        ways = {way: default_engine().trunk(64.0) if "trunks" in kind else forward for way in ("there", "back")}
        value = inverse_inconsistency(FIELD, x, theta, H, **ways)
    expected = naive(kind, other, x)
    torch.testing.assert_close(value, expected, rtol=1e-11, atol=1e-13)
    value.sum().backward()
    expected.sum().backward()
    for name, w in theta.items():
        theirs = other[name].grad  # none, where no bias is in the penalty
        assert (w.grad is None) == (theirs is None)
        torch.testing.assert_close(w.grad, theirs, rtol=1e-9, atol=1e-12)


def test_nothing_is_asked_of_blocks_below_the_bound_or_of_a_constant_path():
    small = {name: 1e-3 * w.detach() for name, w in leaves().items()}
    assert (lipschitz_excess(FIELD, small, H, BOUND) == 0).all()
    constant = {name: w[:, :1].expand(-1, L, *w.shape[2:]) for name, w in small.items()}
    squares = torch.stack([w[:, 0].flatten(1).square().sum(dim=1) for w in small.values()]).sum(dim=0)
    torch.testing.assert_close(h1_norm(constant), squares)


def test_the_hard_bound_is_torchs_spectral_norm_after_many_power_iterations():
    """Where the norm of V is above the bound, and W has norm 1, ours is the bound times torch's."""
    for k in range(L):
        V = leaves()["V"].detach()[0, k] * 5
        layer = nn.Linear(V.shape[1], V.shape[0], bias=False, dtype=torch.float64)
        layer.weight.data.copy_(V)
        torchs = getattr(spectral_norm(copy.deepcopy(layer), n_power_iterations=500), "weight").detach()  # noqa: B009
        W = torch.eye(5, D, dtype=torch.float64)
        ours = scaled_to_bound(FIELD, {"V": V[None, None], "W": W[None, None]}, BOUND)["V"][0, 0]
        torch.testing.assert_close(ours, BOUND * torchs, rtol=1e-9, atol=1e-12)


def test_one_power_iteration_is_no_hard_bound_and_ours_is():
    torch.manual_seed(0)
    matrix = torch.randn(40, 40, dtype=torch.float64)
    layer = nn.Linear(40, 40, bias=False, dtype=torch.float64)
    layer.weight.data.copy_(matrix)
    assert torch.linalg.matrix_norm(spectral_norm(layer, n_power_iterations=1).weight, ord=2) > 1 + 1e-4
    vector_field = field(OutsideBlock(), "tanh", 40)
    ours = scaled_to_bound(vector_field, {"W": matrix[None, None]}, 1.0)
    assert float(lipschitz_bound(vector_field, ours)) <= 1 + 1e-12


def test_blocks_below_the_bound_stay_as_they_are():
    small = {name: 1e-2 * w.detach() for name, w in leaves().items()}
    for name, w in scaled_to_bound(FIELD, small, BOUND).items():
        assert torch.equal(w, small[name])


def test_plain_blocks_have_the_factor_one_and_the_others_that_of_the_flow():
    factors = {name: control.parametrisation.block_factor(10, 2.0) for name, control in CONTROLS.items()}
    assert factors == {"none": 1, "spectral": 1, "lipschitz": 1, "inverse": 1, "factor": 0.2, "h1": 0.2}
