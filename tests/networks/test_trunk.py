"""The backward pass written by hand: autograd's gradients, the same bits in segments, memory like sqrt(L)."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.networks.blocks import field
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS
from resnet_limits.networks.engines.eager import MEGABYTE, Trunk, segments
from resnet_limits.settings.blocks.one import One
from resnet_limits.settings.blocks.outside import Outside
from resnet_limits.settings.blocks.two import Two
from resnet_limits.settings.names import ACTIVATIONS
from resnet_limits.settings.registry import BLOCK

R, N, D = 3, 4, 5
BLOCKS = (One(), Outside(), Two(hidden=6))
EULER = STEPS["euler"]
each_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.name)
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def network(block, activation, depth, *, layer_first=False):
    """A field with weights of one size in every layer, and an input."""
    f, stream = field(block, activation, D), torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(*shape, generator=stream, dtype=torch.float64)

    weights = {name: draw(depth, R, *shape).transpose(0, 1) for name, shape in f.shapes.items()}
    if not layer_first:
        weights = {name: w.contiguous() for name, w in weights.items()}
    return f, draw(R, N, D).requires_grad_(), {name: w.requires_grad_() for name, w in weights.items()}


def output_and_gradients(through, f, x, weights, h, step=EULER):
    output = through(f, step, x, weights, h)
    cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(5), dtype=output.dtype)
    return [output.detach(), *torch.autograd.grad(output, [x, *weights.values()], cotangent)]


def test_every_activation_and_block_that_a_user_may_name_has_a_backward_pass_here():
    assert {block.name for block in BLOCKS} == set(BLOCK) - {"prenorm"}


@each_block
@each_activation
@pytest.mark.parametrize("depth", [1, 8, 30])
@pytest.mark.parametrize("layer_first", [False, True])
def test_outputs_and_gradients_are_those_of_autograd(block, activation, depth, layer_first):
    f, x, weights = network(block, activation, depth, layer_first=layer_first)
    expected = output_and_gradients(forward, f, x, weights, 0.7 / depth)
    ours = output_and_gradients(Trunk(1000.0), f, x, weights, 0.7 / depth)
    for mine, theirs in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)


@each_block
@each_activation
@pytest.mark.parametrize("memory", [1000.0, 0.0])
def test_gradients_agree_with_finite_differences(block, activation, memory):
    f, x, weights = network(block, activation, 10)

    class OneBackwardAForward(torch.autograd.Function):
        """gradcheck goes backward many times after one forward pass, which uses up the activations of a trunk."""

        @staticmethod
        def forward(ctx, x, *flat):
            ctx.save_for_backward(x, *flat)
            return forward(f, EULER, x, dict(zip(weights, flat, strict=True)), 0.1)

        @staticmethod
        def backward(ctx, *cotangent):
            x, *flat = (t.detach().requires_grad_() for t in ctx.saved_tensors)
            with torch.enable_grad():
                output = Trunk(memory)(f, EULER, x, dict(zip(weights, flat, strict=True)), 0.1)
            return torch.autograd.grad(output, [x, *flat], cotangent)

    assert torch.autograd.gradcheck(OneBackwardAForward.apply, (x, *weights.values()), fast_mode=True)


@each_block
@each_activation
def test_no_memory_budget_changes_a_bit(block, activation):
    f, x, weights = network(block, activation, 50)
    everything = 51 * R * N * D * 8 * 3 / MEGABYTE
    kept, *others = (
        output_and_gradients(Trunk(memory), f, x, weights, 1 / 50)
        for memory in (1000.0, 0.0, 0.3 * everything, 0.5 * everything, 0.7 * everything)
    )
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(kept, other, strict=True))


@each_block
def test_a_trunk_that_is_used_again_gives_the_same_and_follows_new_weights_and_batches(block):
    trunk = Trunk(0.0)
    for depth in (20, 30, 20):
        f, x, weights = network(block, "gelu", depth)
        for points in (N, 2, N):
            some = x[:, :points]
            ours = output_and_gradients(trunk, f, some, weights, 0.1)
            fresh = output_and_gradients(Trunk(0.0), f, some, weights, 0.1)
            assert all(torch.equal(a, b) for a, b in zip(ours, fresh, strict=True))


def held(depth, memory, block=BLOCKS[0]):
    f, x, weights = network(block, "tanh", depth)
    trunk = Trunk(memory)
    trunk(f, EULER, x, weights, 1 / depth)
    return trunk.elements


@each_block
def test_activations_held_grow_like_the_depth_within_the_budget_and_like_its_square_root_beyond(block):
    layer = R * N * (D + (6 if block.name == "two" else D))
    within = [held(depth, 1000.0, block) / layer for depth in (256, 1024, 4096)]
    beyond = [held(depth, 0.0, block) / layer for depth in (256, 1024, 4096)]
    assert within == pytest.approx([256, 1024, 4096], rel=0.06)
    for depth, layers in zip((256, 1024, 4096), beyond, strict=True):
        assert layers < 2.2 * depth**0.5
    assert beyond[1] / beyond[0] == pytest.approx(2, rel=0.15)
    assert beyond[2] / beyond[1] == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_budget_is_used_and_not_exceeded(share):
    all_kept = held(1024, 1000.0)
    elements = held(1024, share * all_kept * 8 / MEGABYTE)
    assert share * all_kept * 0.85 < elements <= share * all_kept


def test_segments_cover_the_layers_once_and_do_not_depend_on_anything_but_the_depth():
    for depth in (1, 7, 8, 9, 100, 1000):
        cut = segments(depth)
        assert [k for start, stop in cut for k in range(start, stop)] == list(range(depth))


def test_a_backward_pass_after_another_forward_pass_is_refused():
    f, x, weights = network(BLOCKS[0], "tanh", 4)
    trunk = Trunk(1.0)
    first, second = trunk(f, EULER, x, weights, 0.1), trunk(f, EULER, x, weights, 0.1)
    with pytest.raises(RuntimeError, match="overwritten by a later forward pass"):
        first.sum().backward()
    second.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="used up"):
        second.sum().backward()


@pytest.mark.parametrize("name", ["heun", "rk4"])
def test_other_steps_go_through_autograd(name):
    step = STEPS[name]
    f, x, weights = network(BLOCKS[0], "tanh", len(step.times(4)))
    ours = output_and_gradients(Trunk(0.0), f, x, weights, 0.25, step)
    expected = output_and_gradients(forward, f, x, weights, 0.25, step)
    assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))
