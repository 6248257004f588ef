"""Parametrisations: sizes and rates by the formula, functions that must not depend on them, updates of order one."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from resnet_limits.data.dataset import Dataset
from resnet_limits.networks import convolutional, ntk
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.affine import affine, linear
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.block import Block
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.classifier import initial_classifier, kinds_of_parameters, trunk_of
from resnet_limits.networks.parametrisation import (
    CONVOLUTIONAL,
    FLOW,
    KINDS_OF_BLOCKS,
    KINDS_OF_PARAMETERS,
    NTK,
    ODE,
    PLAIN,
    Kind,
    Moves,
    Parametrisation,
    Power,
    Scales,
    Size,
)
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS
from resnet_limits.random import Stream, normals
from resnet_limits.settings.training import Train
from resnet_limits.training.loop import train

L, D, T = 9, 6, 1.5
STREAM = Stream(3, "test")
ENDS = tuple(name for name in KINDS_OF_PARAMETERS if name not in KINDS_OF_BLOCKS)


def at(parametrisation: Parametrisation) -> Scales:
    return parametrisation.at(depth=L, width=D, horizon=T)


def started(scales: Scales, kind: str, shape: tuple[int, ...]) -> Tensor:
    return scales.start(kind, shape, STREAM, replicas=2, dtype=torch.float64)


# -- rates ----------------------------------------------------------------------------------------

LAYERS: dict[str, tuple[Parametrisation, str, float, float]] = {
    "ode, sgd": (ODE, "sgd", L, 1e-8),
    "ode, adam": (ODE, "adam", 1, 1e-8 / L),
    "ode, adamw": (ODE, "adamw", 1, 1e-8 / L),
    "convolutional, sgd": (CONVOLUTIONAL, "sgd", L, 1e-8),
    "flow, sgd": (FLOW, "sgd", L, 1e-8),
    "flow, adam": (FLOW, "adam", 1, 1e-8 / L),
    "plain, sgd": (PLAIN, "sgd", 1 / L, 1e-8),
    "plain, adam": (PLAIN, "adam", 1 / 3, 1e-8 / L),
    "ntk, sgd": (NTK, "sgd", 1, 1e-8),
    "exponent, sgd": (ODE.with_layer_rate(0.5), "sgd", 3, 1e-8),
    "exponent, adamw": (ODE.with_layer_rate(-0.5), "adamw", 1 / 3, 1e-8 / L),
}


@pytest.mark.parametrize("name", LAYERS)
def test_rates_of_layers_and_of_all_else_are_those_of_the_formula(name: str):
    parametrisation, optimiser, rate, eps = LAYERS[name]
    recipe, scales = Train(optimizer=optimiser, lr=0.25, weight_decay=0.5), at(parametrisation)
    for kind in KINDS_OF_BLOCKS:
        assert scales.rate(kind, recipe) == pytest.approx(0.25 * rate, rel=1e-15)
        assert scales.eps(kind, recipe) == eps
        assert scales.decay(kind, recipe) == 0.5
    for kind in ENDS:
        assert (scales.rate(kind, recipe), scales.eps(kind, recipe), scales.decay(kind, recipe)) == (0.25, 1e-8, 0.5)


def test_groups_hold_every_parameter_once_with_its_rate():
    names = {"read_in.W": "read_in", "trunk.V": "block_last", "trunk.W": "block", "read_out.W": "read_out"}
    parameters = {name: torch.zeros(i + 1) for i, name in enumerate(names)}
    recipe = Train(optimizer="adamw", lr=0.25, weight_decay=0.5)
    groups = at(ODE.with_layer_rate(0.5)).groups(parameters, names, recipe)
    rates = {len(w): group["lr"] for group in groups for w in group["params"]}
    assert rates == {1: 0.25, 2: 0.75, 3: 0.75, 4: 0.25}
    assert all(group["unscheduled"] == group["lr"] and group["weight_decay"] == 0.5 for group in groups)
    assert [group["eps"] for group in groups] == [1e-8, 1e-8 / L]
    assert len(torch.optim.AdamW(groups).param_groups) == 2
    assert all("eps" not in group for group in at(ODE).groups(parameters, names, replace(recipe, optimizer="sgd")))


def test_at_the_base_depth_and_width_numbers_hold_as_they_are():
    """And the rules of learning-rate transfer: rate times decay does not depend on the depth."""
    depth_mup = Parametrisation(alpha=0.5, base_depth=4).with_blocks(
        adamw=Moves(Power(-0.5), Power(-0.5), Power(0.5)), sgd=Moves()
    )
    completep = Parametrisation(alpha=1.0, base_depth=4).with_blocks(
        adamw=Moves(eps=Power(-1.0)), sgd=Moves(Power(1.0), decay=Power(-1.0))
    )
    recipes = [Train(optimizer=name, lr=0.25, weight_decay=0.5) for name in ("sgd", "adamw")]
    for rule in (depth_mup, completep):
        assert rule.block_factor(4, 0.5) == 0.5**1.0
        assert rule.block_factor(16, 0.5) == 0.5 * 4**-rule.alpha
        for recipe in recipes:
            base = rule.at(depth=4)
            assert (base.rate("block", recipe), base.decay("block", recipe)) == (0.25, 0.5)
            for depth in (16, 64):
                rates = rule.at(depth=depth)
                assert rates.rate("block", recipe) * rates.decay("block", recipe) == pytest.approx(0.125, rel=1e-15)
    assert depth_mup.at(depth=16).rate("block", recipes[1]) == 0.125
    assert depth_mup.at(depth=16).eps("block", recipes[1]) == 0.5e-8
    wide = Parametrisation(base_width=8, block=Kind(Size(), sgd=Moves(Power(width=-1.0))))
    assert wide.at(width=32).rate("block", recipes[0]) == 0.25 / 4


# -- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["read_in", "block", "read_out"])
@pytest.mark.parametrize("shape", [(4, 7), (4, 7, 3, 3)])
def test_a_start_is_normals_over_the_root_of_the_fan_in(name: str, shape: tuple[int, ...]):
    drawn = normals(shape, STREAM, replicas=2)
    for parametrisation in (ODE, FLOW, PLAIN, CONVOLUTIONAL):
        start = started(at(parametrisation), name, shape)
        assert torch.equal(start, drawn / math.prod(shape[1:]) ** 0.5)
    assert torch.equal(started(at(NTK), name, shape), drawn)


def test_constants_at_the_start():
    for kind, value in (("gain", 1), ("block_gain", 1), ("block_bias", 0), ("block_last", 0), ("read_in_bias", 0)):
        assert torch.equal(started(at(CONVOLUTIONAL), kind, (4,)), torch.full((2, 4), float(value)).double()), kind


def test_blocks_start_from_their_law_as_the_parametrisation_says():
    drawn = {name: normals((L, *shape), STREAM.part(name), replicas=2) for name, shape in SHAPES.items()}
    of = trunk_of(kinds_of_parameters(FIELD))
    assert of == {"V": "block_last", "W": "block", "b": "block_bias"}
    for parametrisation, last in ((ODE, torch.zeros_like(drawn["V"])), (FLOW, drawn["V"] / L), (PLAIN, drawn["V"] / L)):
        start = at(parametrisation).start_of_blocks(drawn, of)
        assert torch.equal(start["V"], last)
        assert torch.equal(start["W"], drawn["W"])
        assert torch.equal(start["b"], drawn["b"])
    doubled = replace(ODE, block=Kind(Size(fan_in=-2.0)), block_bias=Kind(Size(depth=-1.0)))
    start = at(doubled).start_of_blocks(drawn, of)
    torch.testing.assert_close(start["W"], drawn["W"] / D**0.5)
    torch.testing.assert_close(start["b"], drawn["b"] / 3)


def test_multipliers_are_those_of_the_tangent_kernel():
    x, scales = normals((4, 5), STREAM, replicas=2), at(NTK)
    assert torch.equal(scales.multiplied("block_last", x, fan_in=D, sigma=0.8), math.sqrt(T / L / D) * 0.8 * x)
    assert torch.equal(scales.multiplied("block_bias", x, sigma=0.8), math.sqrt(T / L) * 0.8 * x)
    assert torch.equal(scales.multiplied("read_in", x, fan_in=5), x / math.sqrt(5))
    assert torch.equal(at(ODE).multiplied("read_in", x, fan_in=5), x)
    unit = NTK.at(depth=1, width=3)  # h = 1: still a product
    assert torch.equal(unit.multiplied("block", x, fan_in=3), math.sqrt(1 / 3) * x)


def test_factors_on_a_block():
    factors = {name: rule.block_factor(16, 2.0) for name, rule in (("ode", ODE), ("plain", PLAIN), ("ntk", NTK))}
    assert factors == {"ode": 0.125, "plain": 1, "ntk": 1}
    assert Parametrisation(alpha=0.5, horizon_power=0.5).block_factor(8, 2.0) == pytest.approx(0.5, rel=1e-15)


# -- kinds ----------------------------------------------------------------------------------------

FIELD = field(TwoBlock(hidden=5), "tanh", D)
SHAPES = FIELD.shapes


def test_every_parameter_of_every_network_has_a_kind():
    parameters = initial_classifier(
        7, D, 3, {name: torch.zeros(1, L, *s) for name, s in SHAPES.items()}, replicas=1, seed=0
    )
    assert set(parameters) == set(kinds_of_parameters(FIELD))
    assert trunk_of(kinds_of_parameters(field(OneBlock(), "tanh", D))) == {"W": "block_last", "b": "block_bias"}
    images = convolutional.initial_convolutional((1, 8, 8), 4, 3, sets=2, replicas=1, seed=0)
    assert {convolutional.kind(name) for name in images} == set(KINDS_OF_PARAMETERS)
    assert set(ntk.KIND_BY_LETTER.values()) < set(KINDS_OF_PARAMETERS)


def test_an_unknown_kind_and_a_size_that_is_missing_are_said_in_words():
    with pytest.raises(ValueError, match=r"expected one of read_in, .*, got stem"):
        ODE.kind("stem")
    with pytest.raises(ValueError, match=r"depends on the depth: say at\(depth=\.\.\.\)"):
        ODE.at(width=3).rate("block", Train())
    with pytest.raises(ValueError, match="depends on the depth"):
        NTK.at(width=3).multiplied("block_bias", torch.ones(1))
    assert ODE.at().rate("read_out", Train(lr=0.5)) == 0.5


def test_it_is_free_of_torch_and_numpy():
    program = "import sys, resnet_limits.networks.parametrisation; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# -- one function, two parametrisations -------------------------------------------------------------

HERE = {"read_in": (0.0, -1.0), "block_last": (-1.0, -1.0), "block_bias": (-1.0, 0.0), "read_out": (0.0, -1.0)}
"""Of each kind, `s^2 = L^a D^b` for its multiplier s of the tangent kernel, horizon 1, and D features."""


def moved_inside(**wrong: Moves) -> Parametrisation:
    """The tangent kernel's parametrisation with all sizes in the parameters, w' = s w: the same network, trained alike.

    A gradient is 1/s times as large, and a step must be s times as large as that of w.
    """

    def kind(name: str) -> Kind:
        a, b = HERE[name]
        square, root = (lambda e: Power(e * a, e * b)), (lambda e: Power(e * a / 2, e * b / 2))
        return Kind(
            NTK.kind(name).multiplier,
            sgd=Moves(square(1), decay=square(-1)),
            adam=Moves(root(1), root(-1), square(-1)),
            adamw=Moves(root(1), root(-1), root(-1)),
        )

    kinds = replace(NTK, **{name: kind(name) for name in HERE})
    return replace(kinds, block_last=replace(kinds.block_last, **wrong))


def parameters_of(scales: Scales) -> dict[str, Tensor]:
    shapes = {"A": (D, D), "W": (D, D), "b": (D,), "V": (2, D)}

    def drawn(name: str, layer: int = 0) -> Tensor:
        return scales.start(
            ntk.KIND_BY_LETTER[name], shapes[name], STREAM.part(name).at(layer), replicas=1, dtype=torch.float64
        )

    layers = {name: torch.stack([drawn(name, k) for k in range(L)], dim=1) for name in ("W", "b")}
    return {"A": drawn("A"), **layers, "V": drawn("V")}


def plain_outputs(theta: Mapping[str, Tensor], z: Tensor) -> Tensor:
    x = linear(z[None], theta["A"])
    for k in range(L):
        x = x + activation_named("tanh")(affine(x, theta["W"][:, k], theta["b"][:, k]))
    return linear(x, theta["V"])


def trained_outputs(
    scales: Scales, outputs: Callable[[Mapping[str, Tensor], Tensor], Tensor], optimiser: str
) -> list[Tensor]:
    """Before and after a few steps; the loss is so small that eps counts."""
    z, y = normals((4, D), STREAM, replicas=1)[0], normals((4, 2), STREAM.part("y"), replicas=1)
    theta = {name: w.requires_grad_() for name, w in parameters_of(scales).items()}
    rate, small = (0.5e6, 1e-6) if optimiser == "sgd" else (0.05, 1e-6)
    decay = {"sgd": 0.05 * small, "adam": 0.5 * small, "adamw": 0.5}[optimiser]
    groups = scales.groups(theta, ntk.KIND_BY_LETTER, Train(optimizer=optimiser, lr=rate, weight_decay=decay))
    descent = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimiser](groups)
    outputs_by_step = [outputs(theta, z).detach()]
    for _ in range(4):
        descent.zero_grad()
        (small * (outputs(theta, z) - y).square().mean()).backward()
        descent.step()
        outputs_by_step.append(outputs(theta, z).detach())
    return outputs_by_step


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_a_size_outside_or_inside_the_parameter_is_one_network_and_one_training(optimiser: str):
    network = ntk.NtkNetwork("tanh", L, D, 1.0, 1.0, 1.0)
    outside = trained_outputs(network.scales, partial(network.outputs, through=forward), optimiser)
    inside = trained_outputs(moved_inside().at(depth=L, width=D), plain_outputs, optimiser)
    moved = float((outside[-1] - outside[0]).abs().max())
    assert moved > 0.1
    for a, b in zip(outside, inside, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)
    right = moved_inside().block_last.moves(optimiser)
    for changes in ({"rate": Power(-0.75, right.rate.width)}, {"eps": Power()}, {"decay": Power()}):
        if "eps" in changes and optimiser == "sgd":
            continue
        wrong = moved_inside(**{optimiser: replace(right, **changes)})
        other = trained_outputs(wrong.at(depth=L, width=D), plain_outputs, optimiser)
        torch.testing.assert_close(other[0], outside[0], rtol=1e-9, atol=1e-10)
        assert float((other[-1] - outside[-1]).abs().max()) > 1e-3 * moved, changes


# -- updates of order one ---------------------------------------------------------------------------


def growth_of_updates(parametrisation: Parametrisation, optimiser: str, block: Block, steps: int = 2) -> float:
    """Slope in log L of the change of `x_L` that the updates of the layers cause, ends as they were."""
    x, sizes, depths = normals((16, D), STREAM, replicas=1)[0], [], (16, 32, 64, 128)
    targets = normals((16, 2), STREAM.part("y"), replicas=1)[0]
    dataset = Dataset("targets", x, targets, x[:2], targets[:2], 0)
    recipe = Train(optimizer=optimiser, lr=1e-5 if optimiser == "sgd" else 1e-6, epochs=steps, batch_size=16)
    vector_field, euler, replicas = field(block, "tanh", D), STEPS["euler"], 4
    for depth in depths:
        scales, h = parametrisation.at(depth=depth, width=D), parametrisation.block_factor(depth)
        law = {
            name: normals((depth, *s), STREAM.part(name), replicas=replicas) / (s[-1] ** 0.5 if len(s) > 1 else 1)
            for name, s in vector_field.shapes.items()
        }
        trunk = {
            name: w.clone()
            for name, w in scales.start_of_blocks(law, trunk_of(kinds_of_parameters(vector_field))).items()
        }
        start = initial_classifier(D, D, 2, trunk, replicas=replicas, seed=0)
        x0 = affine(x.expand(replicas, -1, -1), start["read_in.W"], start["read_in.b"])
        before = forward(vector_field, euler, x0, trunk, h)
        copies = {name: w.clone() for name, w in start.items()}
        keywords = {"progress": lambda fraction, message: None, "parametrisation": parametrisation}
        end = train(vector_field, copies, dataset, recipe, depth=depth, h=h, seed=0, **keywords).parameters
        after = forward(vector_field, euler, x0, trunk_of({name: w.detach() for name, w in end.items()}), h)
        sizes.append(float((after - before).square().mean().sqrt()))
    return math.log2(sizes[-1] / sizes[0]) / math.log2(depths[-1] / depths[0])


DEPTH_MUP = Parametrisation(alpha=0.5, block_bias=Kind(0.0)).with_blocks(
    adam=Moves(Power(-0.5), Power(-0.5)), sgd=Moves()
)
TWO, SINGLE = TwoBlock(hidden=8), OutsideBlock()
GROWTHS: dict[str, tuple[Parametrisation, str, Block, float]] = {
    "ode, sgd": (ODE, "sgd", TWO, 0),
    "ode, adam": (ODE, "adam", TWO, 0),
    "flow, sgd": (FLOW, "sgd", TWO, 0),
    "flow, adam": (FLOW, "adam", TWO, 0),
    "plain, sgd": (PLAIN, "sgd", TWO, 0),
    "independent layers, sgd": (DEPTH_MUP, "sgd", SINGLE, 0),
    "independent layers, adam": (DEPTH_MUP, "adam", SINGLE, 0),
    "plain, adam": (PLAIN, "adam", TWO, 0.5),  # balanced for both matrices moving; the first steps move one
    # wrong exponents
    "ode, sgd at one rate": (ODE.with_layer_rate(0.0), "sgd", TWO, -1),
    "ode, adam at a rate too small": (ODE.with_layer_rate(-0.5), "adam", TWO, -0.5),
    "plain, sgd at one rate": (PLAIN.with_layer_rate(0.0), "sgd", TWO, 1),
    "independent layers, adam at one rate": (DEPTH_MUP.with_layer_rate(0.0), "adam", SINGLE, 0.5),
}


@pytest.mark.parametrize("name", GROWTHS)
def test_updates_of_the_layers_change_the_output_by_a_power_of_the_depth(name: str):
    """Order one where the exponents are right; where they are not, the power is that of the error."""
    parametrisation, optimiser, block, power = GROWTHS[name]
    assert growth_of_updates(parametrisation, optimiser, block) == pytest.approx(power, abs=0.12)
