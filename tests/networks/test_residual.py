"""Residual networks: replicas, gradients by three independent ways, and reconstruction without memory."""

import math

import pytest
import torch

from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.parametrisation import ODE, Parametrisation
from resnet_limits.networks.residual import forward, gradients, reversed_gradients, states
from resnet_limits.networks.steps import STEPS, frozen

R, N, D = 3, 4, 5
BLOCKS = (OneBlock(), OutsideBlock(), TwoBlock(hidden=6))
ALL_STEPS = [*STEPS.values(), frozen(STEPS["heun"], "midpoint")]


def smooth_weights(f, step, depth, replicas=R):
    """`A sin(2 t) + B cos(t)` for each parameter: smooth in depth, the same path at every depth."""
    stream = torch.Generator().manual_seed(7)
    t = step.times(depth)
    weights = {}
    for name, shape in f.shapes.items():
        a, b = (torch.randn(replicas, 1, *shape, generator=stream, dtype=torch.float64) / D**0.5 for _ in range(2))
        wave = [w.reshape(-1, *(1,) * len(shape)) for w in (torch.sin(2 * t), torch.cos(t))]
        weights[name] = wave[0] * a + wave[1] * b
    return weights


def start():
    return torch.randn(R, N, D, generator=torch.Generator().manual_seed(11), dtype=torch.float64)


def half_square(x):
    """`J = |x|^2 / 2` of each replica, with its derivative."""
    return x.square().sum(dim=(1, 2)) / 2, x


def test_a_network_is_the_loop_that_defines_it():
    f, x = field(OneBlock(), "tanh", D), start()
    weights = smooth_weights(f, STEPS["euler"], 8)
    for r in range(R):
        for n in range(N):
            y = x[r, n]
            for k in range(8):
                y = y + 0.125 * torch.tanh(weights["W"][r, k] @ y + weights["b"][r, k])
            output = forward(f, STEPS["euler"], x, weights, ODE.block_factor(8))
            torch.testing.assert_close(output[r, n], y, rtol=1e-13, atol=1e-13)


def test_block_factor_is_the_horizon_over_a_power_of_the_depth():
    assert ODE.block_factor(16, 2.0) == 0.125
    assert Parametrisation(alpha=0.5).block_factor(16) == 0.25
    assert Parametrisation(alpha=0.0).block_factor(16) == 1.0


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.name)
@pytest.mark.parametrize("step", ALL_STEPS, ids=lambda s: s.name)
def test_replicas_side_by_side_are_the_replicas_one_at_a_time(block, step):
    f, x = field(block, "tanh", D), start()
    weights = smooth_weights(f, step, 6)
    together = gradients(f, step, x, weights, ODE.block_factor(6), half_square)
    trajectory = states(f, step, x, weights, ODE.block_factor(6))
    for r in range(R):
        mine = {name: w[r : r + 1] for name, w in weights.items()}
        alone = gradients(f, step, x[r : r + 1], mine, ODE.block_factor(6), half_square)
        torch.testing.assert_close(trajectory[:, r : r + 1], states(f, step, x[r : r + 1], mine, ODE.block_factor(6)))
        torch.testing.assert_close(together.loss[r : r + 1], alone.loss)
        torch.testing.assert_close(together.x0[r : r + 1], alone.x0)
        for name in weights:
            torch.testing.assert_close(together.weights[name][r : r + 1], alone.weights[name])


def test_states_begin_with_the_input_and_end_with_the_output():
    f, x, step = field(OneBlock(), "tanh", D), start(), STEPS["heun"]
    weights = smooth_weights(f, step, 8)
    trajectory = states(f, step, x, weights, 1 / 8)
    assert trajectory.shape == (9, R, N, D)
    assert torch.equal(trajectory[0], x)
    assert torch.equal(trajectory[-1], forward(f, step, x, weights, 1 / 8))


def test_a_number_of_weight_sets_that_fits_no_depth_is_refused():
    f = field(OneBlock(), "tanh", D)
    weights = smooth_weights(f, STEPS["euler"], 6)
    with pytest.raises(ValueError, match="no depth has 6 weight sets"):
        forward(f, STEPS["rk4"], start(), weights, 1 / 6)


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.name)
@pytest.mark.parametrize("step", ALL_STEPS, ids=lambda s: s.name)
def test_gradients_agree_with_finite_differences(block, step):
    f, x = field(block, "swish", D), start().requires_grad_()
    weights = {n: w.requires_grad_() for n, w in smooth_weights(f, step, 3).items()}

    def loss(x, *flat):
        return forward(f, step, x, dict(zip(weights, flat, strict=True)), 1 / 3).square().sum() / 2

    assert torch.autograd.gradcheck(loss, (x, *weights.values()))
    by_autograd = torch.autograd.grad(loss(x, *weights.values()), [x, *weights.values()])
    ours = gradients(f, step, x, weights, 1 / 3, half_square)
    for mine, expected in zip([ours.x0, *ours.weights.values()], by_autograd, strict=True):
        torch.testing.assert_close(mine, expected)
    torch.testing.assert_close(ours.loss.sum(), loss(x, *weights.values()))


@pytest.mark.parametrize("step", ALL_STEPS, ids=lambda s: s.name)
def test_reversed_gradients_are_the_gradients_where_reversal_is_exact(step):
    # Shared nilpotent weights, W^2 = 0 and no bias: exp(hW) = 1 + hW is every scheme's step, its inverse is 1 - hW.
    f, depth = field(OneBlock(), "identity", 2), 5
    sets = len(step.times(depth))
    nilpotent = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    weights = {"W": nilpotent.expand(R, sets, 2, 2), "b": torch.zeros(R, sets, 2, dtype=torch.float64)}
    x0 = start()[..., :2]
    exact = gradients(f, step, x0, weights, 0.2, half_square)
    ours = reversed_gradients(f, step, x0, weights, 0.2, half_square, true_states=states(f, step, x0, weights, 0.2))
    assert ours.reconstruction_error < 1e-14
    for mine, expected in zip(
        [ours.loss, ours.x0, *ours.weights.values()],
        [exact.loss, exact.x0, *exact.weights.values()],
        strict=True,
    ):
        torch.testing.assert_close(mine, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.name)
@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("heun", 3)])
def test_reconstruction_and_its_gradients_have_orders_one_and_three(block, name, order):
    f, x, step = field(block, "tanh", D), start(), STEPS[name]
    errors = []
    for depth in (128, 256):
        weights = smooth_weights(f, step, depth)
        h = ODE.block_factor(depth)
        exact = gradients(f, step, x, weights, h, half_square)
        ours = reversed_gradients(f, step, x, weights, h, half_square, true_states=states(f, step, x, weights, h))
        density = max(float((ours.weights[n] - exact.weights[n]).abs().max()) / h for n in weights)
        errors.append((ours.reconstruction_error, float((ours.x0 - exact.x0).abs().max()), density))
        assert ours.reconstruction_error > 0
    for coarse, fine in zip(*errors, strict=True):
        assert math.log2(coarse / fine) == pytest.approx(order, abs=0.15)
        assert fine < {1: 0.2, 3: 2e-5}[order]


def test_without_true_states_the_reconstruction_error_is_unknown():
    f, step = field(OneBlock(), "tanh", D), STEPS["euler"]
    ours = reversed_gradients(f, step, start(), smooth_weights(f, step, 4), 0.25, half_square)
    assert math.isnan(ours.reconstruction_error)
