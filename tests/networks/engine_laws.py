"""The laws that every engine obeys, stated once: what a loop over the layers computes, and autograd differentiates."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from resnet_limits.engines.engine import Engine
from resnet_limits.networks.activations import Activation, activation_named
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.block import Block
from resnet_limits.networks.residual import forward, states
from resnet_limits.networks.steps import STEPS, Step
from resnet_limits.networks.vector_field import VectorField
from resnet_limits.random import Stream
from resnet_limits.sampling.backward import recorded_pass
from resnet_limits.sampling.layer_law import Isotropic, Law
from resnet_limits.sampling.matrix_normal import MatrixNormal
from resnet_limits.sampling.schemes import EulerMaruyama, Scheme, ShallowNetwork, Walker
from resnet_limits.sampling.tangent import tangents
from resnet_limits.sampling.walk import walk

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
    vector_field, stream = field(block, activation, D), torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=stream, dtype=torch.float64).to(dtype)

    weights = {name: draw(sets, R, *shape).transpose(0, 1) for name, shape in vector_field.shapes.items()}
    if not layer_first:
        weights = {name: w.contiguous() for name, w in weights.items()}
    return vector_field, draw(R, N, D).requires_grad_(), {name: w.requires_grad_() for name, w in weights.items()}


def output_and_gradients(
    through, vector_field: VectorField, x: Tensor, weights, h: float, step: Step = EULER
) -> list[Tensor]:
    output = through(vector_field, step, x, weights, h)
    cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return [output.detach(), *torch.autograd.grad(output, [x, *weights.values()], cotangent.to(output.dtype))]


@dataclasses.dataclass(frozen=True)
class Leaky:
    """`x + phi(z) - h x`: a scheme that no engine knows."""

    phi: str

    def features(self, x: Tensor) -> Tensor:
        return torch.sin(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return x + activation_named(self.phi)(z) - h * x


def correlated(width: int) -> MatrixNormal:
    """Weights with a mean and correlated entries."""
    eye = torch.eye(width, dtype=torch.float64)
    return MatrixNormal(0.3 * eye, 0.1 * eye[0], eye + 0.3, (eye + 0.2) / width, 0.25 * eye)


ISOTROPIC = Isotropic(1.2, 0.5)
LAWS: list[Law] = [ISOTROPIC, Isotropic(1.2, 0.0), Isotropic(0.0, 0.7), correlated(D)]
SCHEMES: list[Scheme] = [
    *(ShallowNetwork(phi, psi) for phi, psi in (("tanh", "identity"), ("relu", "tanh"), ("swish", "gelu"))),
    *(EulerMaruyama("swish", "tanh", ISOTROPIC, ito_drift) for ito_drift in (True, False)),
    Leaky("tanh"),
]
each_law = pytest.mark.parametrize("law", LAWS, ids=["iid", "no biases", "biases alone", "matrix normal"])
each_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
each_size = pytest.mark.parametrize(("n", "width"), [(1, 1), (1, 9), (2, 16), (3, 5), (4, 33), (9, 2)])


def start(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> Tensor:
    """Numbers of size 1: inputs, tangents, costates."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


class EngineLaws:
    """Inherit and set `engine`."""

    engine: Engine

    @each_block
    @each_precision
    @pytest.mark.parametrize("depth", [1, 2, 30])
    def test_the_output_is_that_of_a_loop_over_the_layers(self, block: Block, dtype: torch.dtype, depth: int):
        vector_field, x, weights = network(block, "tanh", depth, dtype=dtype)
        expected = x.detach().double()
        for k in range(depth):
            expected = expected + 0.7 / depth * vector_field(
                expected, {n: w[:, k].detach().double() for n, w in weights.items()}
            )
        output = self.engine.trunk(1000.0)(vector_field, EULER, x, weights, 0.7 / depth)
        assert output.dtype == dtype
        tolerance = {torch.float32: 3e-5, torch.float64: 1e-13}[dtype]
        torch.testing.assert_close(output.double(), expected, rtol=tolerance, atol=tolerance)

    @each_block
    @each_activation
    @each_precision
    @pytest.mark.parametrize(("depth", "layer_first"), [(1, False), (8, True), (30, False)])
    def test_outputs_and_gradients_are_those_of_autograd(self, block, activation, dtype, depth, layer_first):
        vector_field, x, weights = network(block, activation, depth, layer_first=layer_first, dtype=dtype)
        expected = output_and_gradients(forward, vector_field, x, weights, 0.7 / depth)
        ours = output_and_gradients(self.engine.trunk(1000.0), vector_field, x, weights, 0.7 / depth)
        for mine, theirs in zip(ours, expected, strict=True):
            tolerance = 1e-12 if dtype == torch.float64 else 1e-4
            torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance * float(theirs.abs().max()))

    @each_block
    @pytest.mark.parametrize("activation", ["relu", "gelu"])
    @pytest.mark.parametrize("memory", BUDGETS)
    def test_gradients_agree_with_finite_differences(self, block, activation, memory):
        vector_field, x, weights = network(block, activation, 10)
        engine = self.engine

        class OneBackwardAForward(torch.autograd.Function):
            """gradcheck goes backward many times after one forward pass, which uses up the activations of a trunk."""

            @staticmethod
            def forward(ctx, x, *flat):
                ctx.save_for_backward(x, *flat)
                return forward(vector_field, EULER, x, dict(zip(weights, flat, strict=True)), 0.1)

            @staticmethod
            def backward(ctx, *cotangent):
                x, *flat = (t.detach().requires_grad_() for t in ctx.saved_tensors)
                with torch.enable_grad():
                    output = engine.trunk(memory)(vector_field, EULER, x, dict(zip(weights, flat, strict=True)), 0.1)
                return torch.autograd.grad(output, [x, *flat], cotangent)

        assert torch.autograd.gradcheck(OneBackwardAForward.apply, (x, *weights.values()), fast_mode=True)

    @each_block
    @each_activation
    def test_no_memory_budget_changes_a_bit(self, block, activation):
        vector_field, x, weights = network(block, activation, 50)
        everything = 51 * R * N * D * 8 * 3 / 2**20
        kept, *others = (
            output_and_gradients(self.engine.trunk(memory), vector_field, x, weights, 1 / 50)
            for memory in (1000.0, 0.0, 0.3 * everything, 0.5 * everything, 0.7 * everything)
        )
        for other in others:
            assert all(torch.equal(a, b) for a, b in zip(kept, other, strict=True))

    @each_block
    def test_a_trunk_that_is_used_again_gives_the_same_and_follows_new_weights_and_batches(self, block):
        trunk = self.engine.trunk(0.0)
        for depth in (20, 30, 20):
            vector_field, x, weights = network(block, "gelu", depth)
            for points in (N, 2, N):
                some = x[:, :points]
                ours = output_and_gradients(trunk, vector_field, some, weights, 0.1)
                fresh = output_and_gradients(self.engine.trunk(0.0), vector_field, some, weights, 0.1)
                assert all(torch.equal(a, b) for a, b in zip(ours, fresh, strict=True))

    def test_one_trunk_takes_one_block_after_another(self):
        trunk = self.engine.trunk(1000.0)
        for name in (*Block.options, *Block.options):
            vector_field, x, weights = network(option(name), "tanh", 9)
            ours = output_and_gradients(trunk, vector_field, x, weights, 0.1)
            for mine, theirs in zip(ours, output_and_gradients(forward, vector_field, x, weights, 0.1), strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)

    def test_a_backward_pass_after_another_forward_pass_is_refused(self):
        vector_field, x, weights = network(option("one"), "tanh", 4)
        trunk = self.engine.trunk(1.0)
        first, second = trunk(vector_field, EULER, x, weights, 0.1), trunk(vector_field, EULER, x, weights, 0.1)
        with pytest.raises(RuntimeError, match="overwritten by a later forward pass"):
            first.sum().backward()
        second.sum().backward(retain_graph=True)
        with pytest.raises(RuntimeError, match="used up"):
            second.sum().backward()

    @pytest.mark.parametrize("name", ["heun", "rk4"])
    def test_other_steps_have_the_same_gradients(self, name):
        step = STEPS[name]
        vector_field, x, weights = network(option("one"), "tanh", len(step.times(4)))
        ours = output_and_gradients(self.engine.trunk(0.0), vector_field, x, weights, 0.25, step)
        expected = output_and_gradients(forward, vector_field, x, weights, 0.25, step)
        for mine, theirs in zip(ours, expected, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)

    def test_a_number_of_weight_sets_that_fits_no_depth_is_refused(self):
        vector_field, x, weights = network(option("one"), "tanh", 6)
        with pytest.raises(ValueError, match="no depth has 6 weight sets"):
            self.engine.trunk(0.0)(vector_field, STEPS["rk4"], x, weights, 0.1)

    @each_block
    @pytest.mark.parametrize("name", ["euler", "heun"])
    def test_states_begin_with_the_input_and_like_the_output_are_those_of_the_loop(self, block, name):
        step = STEPS[name]
        vector_field, x, weights = network(block, "tanh", len(step.times(6)))
        ours = self.engine.states(vector_field, step, x.detach(), weights, 0.1)
        end = self.engine.forward(vector_field, step, x.detach(), {n: w.detach() for n, w in weights.items()}, 0.1)
        assert ours.shape == (7, R, N, D)
        assert torch.equal(ours[0], x)
        torch.testing.assert_close(ours, states(vector_field, step, x.detach(), weights, 0.1), rtol=1e-12, atol=1e-13)
        for last in (ours[-1], end):
            torch.testing.assert_close(last, forward(vector_field, step, x, weights, 0.1), rtol=1e-12, atol=1e-13)

    @each_precision
    def test_a_walk_steps_each_scheme_by_the_same_noise(self, dtype):
        # What acts on the states of layer k is the law's own draw of that layer, summed for the shallower network.
        law, schemes = Isotropic(1.2, 0.5), (ShallowNetwork("swish", "tanh"), ShallowNetwork("swish", "tanh"), None)
        fine, coarse = schemes[0], schemes[1]
        maruyama = EulerMaruyama("swish", "tanh", law)
        walkers = [Walker(fine, 8), Walker(coarse, 4), Walker(maruyama, 8)]
        x0 = torch.randn(R, N, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
        stream = Stream(4, "test.walk", first_replica=2)
        steps = list(self.engine.walk(walkers, x0, law, horizon=0.8, stream=stream))
        assert [k for k, _ in steps] == list(range(1, 9))
        x, half, y, summed = x0, x0, x0, torch.zeros_like(x0)
        tolerance = 1e-12 if dtype == torch.float64 else 1e-4
        for k, states_walked in steps:
            of = torch.cat([torch.tanh(v) for v in (x, half, y)], dim=1)
            z = law.act(of, torch.ones(3 * N), 0.1, stream.at(k - 1))
            a, b, c = z.split(N, dim=1)
            y = y + 0.5 * c + 0.25 * 0.1 * law.variance(torch.tanh(y))
            x, summed = x + a * torch.sigmoid(a), summed + b
            if k % 2 == 0:
                half, summed = half + summed * torch.sigmoid(summed), torch.zeros_like(summed)
            for mine, theirs in zip(states_walked, (x, half, y), strict=True):
                torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)

    @each_law
    @each_scheme
    def test_walks_are_those_of_the_loop_for_every_scheme_and_law(self, scheme: Scheme, law: Law):
        walkers = [Walker(scheme, 4), Walker(ShallowNetwork("swish", "tanh"), 8)]
        keys = {"horizon": 0.8, "stream": Stream(4, "test.walk", first_replica=60)}
        ours, loop = (way(walkers, start(9, 2, D), law, **keys) for way in (self.engine.walk, walk))
        for (k, mine), (layer, theirs) in zip(ours, loop, strict=True):
            assert k == layer
            torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-11)

    @each_size
    @each_precision
    def test_walks_are_those_of_the_loop_at_every_size(self, n: int, width: int, dtype: torch.dtype):
        x0, tolerance = start(5, n, width, dtype=dtype), 1e-11 if dtype == torch.float64 else 1e-4
        how = {"horizon": 1.0, "stream": Stream(4, "test.walk")}
        walkers = [Walker(ShallowNetwork("tanh"), 3), Walker(ShallowNetwork("tanh"), 6)]
        *_, (_, expected) = walk(walkers, x0, ISOTROPIC, **how)
        ends = self.engine.final(walkers, x0, ISOTROPIC, **how)
        assert all(x.dtype == dtype for x in ends)
        torch.testing.assert_close(ends, expected, rtol=tolerance, atol=tolerance)

    def test_layers_that_are_asked_for_are_the_same_as_among_all_and_stay(self):
        walkers, x0 = [Walker(ShallowNetwork("tanh"), 4), Walker(Leaky("tanh"), 12)], start(5, 2, D)
        how = {"horizon": 1.0, "stream": Stream(4, "test.walk")}
        every = [(k, [x.clone() for x in states]) for k, states in self.engine.walk(walkers, x0, ISOTROPIC, **how)]
        some = list(self.engine.walk(walkers, x0, ISOTROPIC, **how, layers=[3, 4, 9, 12]))
        assert [k for k, _ in some] == [3, 4, 9, 12]
        for k, states_walked in some:
            assert all(torch.equal(a, b) for a, b in zip(states_walked, every[k - 1][1], strict=True))
        end = self.engine.final(walkers, x0, ISOTROPIC, **how)
        assert all(torch.equal(a, b) for a, b in zip(end, every[-1][1], strict=True))

    def test_equal_inputs_and_equal_walkers_stay_equal(self):
        x0, walkers = start(40, 3, 7)[:, [0, 1, 2, 1]], [Walker(ShallowNetwork("tanh"), 8)] * 2
        a, b = self.engine.final(walkers, x0, ISOTROPIC, horizon=1.0, stream=Stream(0, "test.walk"))
        assert torch.equal(a, b)
        assert torch.equal(a[:, 1], a[:, 3])

    @each_law
    @each_scheme
    def test_tangents_are_those_of_the_loop(self, scheme: Scheme, law: Law):
        walkers, x0, u0 = [Walker(scheme, 2), Walker(scheme, 4)], start(5, 2, D), start(5, 2, 3, D, seed=2)
        how = {"horizon": 1.0, "stream": Stream(4, "test.walk")}
        ours = self.engine.tangents(walkers, x0, u0, law, **how, layers=[2, 4])
        loop = [step_of_loop for step_of_loop in tangents(walkers, x0, u0, law, **how) if step_of_loop[0] in (2, 4)]
        for mine, theirs in zip(ours, loop, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)

    @each_law
    @each_scheme
    def test_a_tape_is_that_of_the_loop_forward_and_backward(self, scheme: Scheme, law: Law):
        x0, u0, p = start(5, 2, D), start(5, 2, 3, D, seed=2), start(5, 2, D, seed=3)
        how = {"depth": 6, "horizon": 1.0, "stream": Stream(4, "test.tape", first_replica=3), "u0": u0}
        ours, loop = (way(scheme, x0, law, **how) for way in (self.engine.record, recorded_pass))
        for name, length in {"states": 7, "pre_activations": 6, "tangents": 7}.items():
            mine, theirs = list(getattr(ours, name)), list(getattr(loop, name))
            assert len(mine) == length
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
        for mine, theirs in zip(ours.backward(p), loop.backward(p), strict=True):
            torch.testing.assert_close(dataclasses.astuple(mine), dataclasses.astuple(theirs), rtol=1e-9, atol=1e-9)

    @each_law
    @each_scheme
    def test_costates_and_tangents_of_a_tape_are_dual(self, scheme: Scheme, law: Law):
        x0, u0, p = start(5, 2, D), start(5, 2, 3, D, seed=2), start(5, 2, D, seed=3)
        tape = self.engine.record(scheme, x0, law, depth=6, horizon=1.0, stream=Stream(4, "test.tape"), u0=u0)
        expected = torch.einsum("rnd,rnmd->rnm", p, tape.tangents[-1])
        for layer in tape.backward(p):
            pairing = torch.einsum("rnd,rnmd->rnm", layer.p, tape.tangents[layer.k])
            torch.testing.assert_close(pairing, expected, rtol=1e-9, atol=1e-9)

    def test_a_tape_without_tangents_walks_as_a_walk_does(self):
        x0, how = start(5, 2, D), {"horizon": 1.0, "stream": Stream(4, "test.tape")}
        tape = self.engine.record(SCHEMES[0], x0, ISOTROPIC, depth=6, **how)
        assert all(u.shape == (5, 2, 0, D) for u in tape.tangents)
        for k, (x,) in self.engine.walk([Walker(SCHEMES[0], 6)], x0, ISOTROPIC, **how):
            torch.testing.assert_close(tape.states[k], x, rtol=1e-11, atol=1e-11)

    def test_gradients_of_a_tape_are_the_norms_of_its_layers(self):
        x0, how = start(5, 2, D), {"depth": 6, "horizon": 1.0, "stream": Stream(4, "test.tape")}
        one, other = (self.engine.record(SCHEMES[0], x0, ISOTROPIC, **how) for _ in range(2))
        gradients = one.gradients(one.final)
        assert gradients.weights.shape == gradients.biases.shape == (6, 5)
        assert torch.equal(gradients.states[6], one.final.norm(dim=-1))
        for layer in other.backward(other.final):
            assert torch.equal(gradients.weights[layer.k], layer.weights)
            assert torch.equal(gradients.biases[layer.k], layer.biases)
            assert torch.equal(gradients.states[layer.k], layer.p.norm(dim=-1))

    @each_law
    def test_a_layer_acts_as_its_law_says(self, law: Law):
        vectors, biased = start(5, 3, D), torch.tensor([1.0, 0.0, -2.0], dtype=torch.float64)
        stream = Stream(4, "test.act", 7, first_replica=2)
        ours, expected = self.engine.act(law, vectors, biased, 0.3, stream), law.act(vectors, biased, 0.3, stream)
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)

    def test_pieces_hold_each_replica_once(self):
        for vectors, width, dtype in ((1, 1, torch.float32), (4, 100, torch.float64), (20, 3000, torch.float64)):
            size = self.engine.piece_size(vectors, width, dtype)
            assert size & (size - 1) == 0, "a power of two, so that pieces and blocks of replicas nest"
            cut = list(self.engine.pieces(3 * size - 1, vectors=vectors, width=width, dtype=dtype))
            assert [r for first, count in cut for r in range(first, first + count)] == list(range(3 * size - 1))

    @each_precision
    def test_replicas_do_not_depend_on_how_they_are_cut(self, dtype: torch.dtype):
        # Bit for bit, of walks, tangents, tapes and layers, from the first or a later one, on one thread and two.
        scheme, n, width = ShallowNetwork("swish", "tanh"), 3, 17
        x0, u0 = start(96, n, width, dtype=dtype), start(96, n, 2, width, dtype=dtype)

        def of_part(first: int, stop: int) -> list[Tensor]:
            x, u, stream = x0[first:stop], u0[first:stop], Stream(4, "test.cut", first_replica=first)
            how = {"horizon": 1.0, "stream": stream}
            ends = self.engine.final([Walker(scheme, 2), Walker(scheme, 4)], x, ISOTROPIC, **how)
            *_, (_, _, (along,)) = self.engine.tangents([Walker(scheme, 2)], x, u, ISOTROPIC, **how)
            tape = self.engine.record(scheme, x, ISOTROPIC, depth=3, **how)
            *_, last = tape.backward(tape.final)
            layer = self.engine.act(ISOTROPIC, x, torch.ones(n), 0.5, stream)
            return [*ends, along, tape.final, last.p, last.weights, last.biases, layer]

        def same(first: int, stop: int) -> bool:
            pairs = zip(of_part(first, stop), whole, strict=True)
            return all(torch.equal(mine, rows[first:stop]) for mine, rows in pairs)

        whole = of_part(0, 96)
        assert all(same(*cut) for cut in ((0, 32), (32, 96), (0, 1), (5, 77)))
        torch.set_num_threads(2)
        try:
            assert same(0, 96)
        finally:
            torch.set_num_threads(1)
