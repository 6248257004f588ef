"""The laws that every engine obeys, stated once: what a loop over the layers computes, and autograd differentiates."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from resnet_limits.engines.engine import Engine
from resnet_limits.networks.activations import Activation
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.block import Block
from resnet_limits.networks.residual import forward, states
from resnet_limits.networks.steps import STEPS, Step
from resnet_limits.networks.vector_field import VectorField
from resnet_limits.random import Stream
from resnet_limits.sampling.law import Isotropic
from resnet_limits.sampling.schemes import EulerMaruyama, Network
from resnet_limits.sampling.walk import Walker

R, N, D = 3, 4, 5
HIDDEN = 6
EULER = STEPS["euler"]
BUDGETS = (1000.0, 0.0)
"""MB: everything is kept, and nothing."""


def option(name: str) -> Block:
    """The block of this name; of those with a width inside, 6."""
    cls = Block.options[name]
    return cls(hidden=HIDDEN) if "hidden" in {f.name for f in dataclasses.fields(cls)} else cls()


each_block = pytest.mark.parametrize("block", [option(name) for name in Block.options], ids=lambda b: b.name)
each_activation = pytest.mark.parametrize("activation", Activation.options)
each_precision = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def network(
    block: Block, activation: str, sets: int, *, layer_first: bool = False, dtype: torch.dtype = torch.float64
) -> tuple[VectorField, Tensor, dict[str, Tensor]]:
    """A field with weights of one size in every layer, and an input."""
    its, stream = field(block, activation, D), torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=stream, dtype=torch.float64).to(dtype)

    weights = {name: draw(sets, R, *shape).transpose(0, 1) for name, shape in its.shapes.items()}
    if not layer_first:
        weights = {name: w.contiguous() for name, w in weights.items()}
    return its, draw(R, N, D).requires_grad_(), {name: w.requires_grad_() for name, w in weights.items()}


def output_and_gradients(through, its: VectorField, x: Tensor, weights, h: float, step: Step = EULER) -> list[Tensor]:
    output = through(its, step, x, weights, h)
    cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return [output.detach(), *torch.autograd.grad(output, [x, *weights.values()], cotangent.to(output.dtype))]


class EngineLaws:
    """Inherit and set `engine`."""

    engine: Engine

    @each_block
    @each_precision
    @pytest.mark.parametrize("depth", [1, 2, 30])
    def test_the_output_is_that_of_a_loop_over_the_layers(self, block: Block, dtype: torch.dtype, depth: int):
        its, x, weights = network(block, "tanh", depth, dtype=dtype)
        expected = x.detach().double()
        for k in range(depth):
            expected = expected + 0.7 / depth * its(
                expected, {n: w[:, k].detach().double() for n, w in weights.items()}
            )
        output = self.engine.trunk(1000.0)(its, EULER, x, weights, 0.7 / depth)
        assert output.dtype == dtype
        tolerance = {torch.float32: 3e-5, torch.float64: 1e-13}[dtype]
        torch.testing.assert_close(output.double(), expected, rtol=tolerance, atol=tolerance)

    @each_block
    @each_activation
    @each_precision
    @pytest.mark.parametrize(("depth", "layer_first"), [(1, False), (8, True), (30, False)])
    def test_outputs_and_gradients_are_those_of_autograd(self, block, activation, dtype, depth, layer_first):
        its, x, weights = network(block, activation, depth, layer_first=layer_first, dtype=dtype)
        expected = output_and_gradients(forward, its, x, weights, 0.7 / depth)
        ours = output_and_gradients(self.engine.trunk(1000.0), its, x, weights, 0.7 / depth)
        for mine, theirs in zip(ours, expected, strict=True):
            tolerance = 1e-12 if dtype == torch.float64 else 1e-4
            torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance * float(theirs.abs().max()))

    @each_block
    @pytest.mark.parametrize("activation", ["relu", "gelu"])
    @pytest.mark.parametrize("memory", BUDGETS)
    def test_gradients_agree_with_finite_differences(self, block, activation, memory):
        its, x, weights = network(block, activation, 10)
        engine = self.engine

        class OneBackwardAForward(torch.autograd.Function):
            """gradcheck goes backward many times after one forward pass, which uses up the activations of a trunk."""

            @staticmethod
            def forward(ctx, x, *flat):
                ctx.save_for_backward(x, *flat)
                return forward(its, EULER, x, dict(zip(weights, flat, strict=True)), 0.1)

            @staticmethod
            def backward(ctx, *cotangent):
                x, *flat = (t.detach().requires_grad_() for t in ctx.saved_tensors)
                with torch.enable_grad():
                    output = engine.trunk(memory)(its, EULER, x, dict(zip(weights, flat, strict=True)), 0.1)
                return torch.autograd.grad(output, [x, *flat], cotangent)

        assert torch.autograd.gradcheck(OneBackwardAForward.apply, (x, *weights.values()), fast_mode=True)

    @each_block
    @each_activation
    def test_no_memory_budget_changes_a_bit(self, block, activation):
        its, x, weights = network(block, activation, 50)
        everything = 51 * R * N * D * 8 * 3 / 2**20
        kept, *others = (
            output_and_gradients(self.engine.trunk(memory), its, x, weights, 1 / 50)
            for memory in (1000.0, 0.0, 0.3 * everything, 0.5 * everything, 0.7 * everything)
        )
        for other in others:
            assert all(torch.equal(a, b) for a, b in zip(kept, other, strict=True))

    @each_block
    def test_a_trunk_that_is_used_again_gives_the_same_and_follows_new_weights_and_batches(self, block):
        trunk = self.engine.trunk(0.0)
        for depth in (20, 30, 20):
            its, x, weights = network(block, "gelu", depth)
            for points in (N, 2, N):
                some = x[:, :points]
                ours = output_and_gradients(trunk, its, some, weights, 0.1)
                fresh = output_and_gradients(self.engine.trunk(0.0), its, some, weights, 0.1)
                assert all(torch.equal(a, b) for a, b in zip(ours, fresh, strict=True))

    def test_one_trunk_takes_one_block_after_another(self):
        trunk = self.engine.trunk(1000.0)
        for name in (*Block.options, *Block.options):
            its, x, weights = network(option(name), "tanh", 9)
            ours = output_and_gradients(trunk, its, x, weights, 0.1)
            for mine, theirs in zip(ours, output_and_gradients(forward, its, x, weights, 0.1), strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)

    def test_a_backward_pass_after_another_forward_pass_is_refused(self):
        its, x, weights = network(option("one"), "tanh", 4)
        trunk = self.engine.trunk(1.0)
        first, second = trunk(its, EULER, x, weights, 0.1), trunk(its, EULER, x, weights, 0.1)
        with pytest.raises(RuntimeError, match="overwritten by a later forward pass"):
            first.sum().backward()
        second.sum().backward(retain_graph=True)
        with pytest.raises(RuntimeError, match="used up"):
            second.sum().backward()

    @pytest.mark.parametrize("name", ["heun", "rk4"])
    def test_other_steps_have_the_same_gradients(self, name):
        step = STEPS[name]
        its, x, weights = network(option("one"), "tanh", len(step.times(4)))
        ours = output_and_gradients(self.engine.trunk(0.0), its, x, weights, 0.25, step)
        expected = output_and_gradients(forward, its, x, weights, 0.25, step)
        for mine, theirs in zip(ours, expected, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)

    def test_a_number_of_weight_sets_that_fits_no_depth_is_refused(self):
        its, x, weights = network(option("one"), "tanh", 6)
        with pytest.raises(ValueError, match="no depth has 6 weight sets"):
            self.engine.trunk(0.0)(its, STEPS["rk4"], x, weights, 0.1)

    @each_block
    @pytest.mark.parametrize("name", ["euler", "heun"])
    def test_states_begin_with_the_input_and_are_those_of_the_loop(self, block, name):
        step = STEPS[name]
        its, x, weights = network(block, "tanh", len(step.times(6)))
        ours = self.engine.states(its, step, x.detach(), weights, 0.1)
        assert ours.shape == (7, R, N, D)
        assert torch.equal(ours[0], x)
        torch.testing.assert_close(ours, states(its, step, x.detach(), weights, 0.1), rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(ours[-1], forward(its, step, x, weights, 0.1), rtol=1e-12, atol=1e-13)

    @each_precision
    def test_a_walk_steps_each_scheme_by_the_same_noise(self, dtype):
        # What acts on the states of layer k is the law's own draw of that layer, summed for the shallower network.
        law, schemes = Isotropic(1.2, 0.5), (Network("swish", "tanh"), Network("swish", "tanh"), None)
        fine, coarse = schemes[0], schemes[1]
        maruyama = EulerMaruyama("swish", "tanh", law)
        walkers = [Walker(fine, 8), Walker(coarse, 4), Walker(maruyama, 8)]
        x0 = torch.randn(R, N, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
        stream = Stream(4, "test.walk", first_replica=2)
        steps = list(self.engine.walk(walkers, x0, law, horizon=0.8, stream=stream))
        assert [k for k, _ in steps] == list(range(1, 9))
        x, half, y, summed = x0, x0, x0, torch.zeros_like(x0)
        tolerance = 1e-12 if dtype == torch.float64 else 1e-4
        for k, found in steps:
            of = torch.cat([torch.tanh(v) for v in (x, half, y)], dim=1)
            z = law.act(of, torch.ones(3 * N), 0.1, stream.at(k - 1))
            a, b, c = z.split(N, dim=1)
            y = y + 0.5 * c + 0.25 * 0.1 * law.variance(torch.tanh(y))
            x, summed = x + a * torch.sigmoid(a), summed + b
            if k % 2 == 0:
                half, summed = half + summed * torch.sigmoid(summed), torch.zeros_like(summed)
            for mine, theirs in zip(found, (x, half, y), strict=True):
                torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)

    def test_replicas_of_a_walk_do_not_depend_on_how_they_are_cut(self):
        law, walkers = Isotropic(1.2, 0.5), [Walker(Network("tanh"), 8)]
        x0 = torch.randn(1, 2, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64).expand(96, 2, D)

        def walked(first: int, stop: int) -> Tensor:
            stream = Stream(4, "test.walk", first_replica=first)
            *_, (_, (x,)) = self.engine.walk(walkers, x0[first:stop], law, horizon=1.0, stream=stream)
            return x

        assert torch.equal(torch.cat([walked(0, 32), walked(32, 96)]), walked(0, 96))
