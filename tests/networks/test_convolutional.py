"""Convolutional networks, replicas as channels of grouped convolutions, against `torch.nn` one replica at a time."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from resnet_limits.claims.order import fit_order
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.convolutional import (
    EPSILON,
    NORMALISED_GROUPS,
    NUMBERS_OF_STAGES,
    count,
    initial_convolutional,
    logits_of_images,
    stage_inverse,
    stage_map,
    stages,
    velocity,
)
from resnet_limits.random import Stream, normals
from resnet_limits.studies.flow import request

CHANNELS, CLASSES, REPLICAS = 4, 5, 3


def images(shape: tuple[int, int, int] = (1, 8, 8), count: int = 6) -> Tensor:
    return normals(shape, Stream(0, "images"), replicas=count)


def random_parameters(shape: tuple[int, int, int] = (1, 8, 8), *, sets: int = 1) -> dict[str, Tensor]:
    """All weights random, those of the sets of a stage independent."""
    start = initial_convolutional(shape, CHANNELS, CLASSES, sets=sets, replicas=REPLICAS, seed=1, dtype=torch.float64)
    parameters = {}
    for name, w in start.items():
        fan_in = w[0, 0, 0].numel() if w.ndim == 6 else w[0, 0].numel()
        size = 0.3 if name.endswith(("scale", "shift", ".b")) else fan_in**-0.5
        draw = size * normals(tuple(w.shape[1:]), Stream(2, name), replicas=REPLICAS)
        parameters[name] = draw + (1 if name.endswith("scale") else 0)
    return parameters


class Unit(nn.Module):
    def __init__(self, channels: int, phi: str, h: float) -> None:
        super().__init__()
        self.A = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(NORMALISED_GROUPS, channels, eps=EPSILON)
        self.B = nn.Conv2d(channels, channels, 3, padding=1)
        self.phi, self.h = activation_named(phi), h

    def forward(self, x: Tensor) -> Tensor:
        return x + self.h * self.B(self.phi(self.norm(self.A(x))))


class Naive(nn.Module):
    """One replica, free weights, module after module."""

    def __init__(self, parameters: dict[str, Tensor], replica: int, phi: str, units: int, horizon: float) -> None:
        super().__init__()
        of_replica = {name: w[replica] for name, w in parameters.items()}
        layers: list[nn.Module] = []
        for stage in NUMBERS_OF_STAGES:
            name = "stem" if stage == 1 else f"to{stage}"
            out, into = of_replica[f"{name}.W"].shape[:2]
            entry = nn.Conv2d(into, out, 3, stride=1 if stage == 1 else 2, padding=1, bias=False)
            norm = nn.GroupNorm(NORMALISED_GROUPS, out, eps=EPSILON)
            self.put(entry, of_replica[f"{name}.W"])
            self.put(norm, of_replica[f"{name}.scale"], of_replica[f"{name}.shift"])
            layers += [entry, norm]
            for k in range(units):
                unit, prefix = Unit(out, phi, horizon / units), f"stage{stage}."
                self.put(unit.A, of_replica[prefix + "A"][k])
                self.put(unit.norm, of_replica[prefix + "scale"][k], of_replica[prefix + "shift"][k])
                self.put(unit.B, of_replica[prefix + "B"][k], of_replica[prefix + "b"][k])
                layers.append(unit)
        read_out = nn.Linear(out, CLASSES)
        self.put(read_out, of_replica["read_out.W"], of_replica["read_out.b"])
        self.body, self.read_out = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), read_out

    @staticmethod
    def put(module: nn.Module, weight: Tensor, bias: Tensor | None = None) -> None:
        module.weight = nn.Parameter(weight)
        if bias is not None:
            module.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        sides = [((side + 1) // 2 + 1) // 2 for side in x.shape[2:]]
        return self.read_out(self.body(x) * (sides[0] * sides[1]) ** 0.5)


@pytest.mark.parametrize("phi", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7)], ids=["digits", "colours, odd sides"])
def test_logits_and_gradients_are_those_of_modules(shape: tuple[int, int, int], phi: str):
    parameters = {name: w.requires_grad_() for name, w in random_parameters(shape, sets=3).items()}
    x = images(shape)
    scores = logits_of_images(phi, parameters, x, units=3, horizon=0.7)
    gradients = torch.autograd.grad(scores.square().sum(), list(parameters.values()))
    for r in range(REPLICAS):
        naive = Naive({name: w.detach() for name, w in parameters.items()}, r, phi, 3, 0.7)
        reference = naive(x)
        assert torch.allclose(scores[r], reference, rtol=1e-12, atol=1e-12)
        reference.square().sum().backward()
        expected = sum(float(p.grad.double().square().sum()) for p in naive.parameters() if p.grad is not None)
        assert sum(float(g[r].square().sum()) for g in gradients) == pytest.approx(expected, rel=1e-10)
        assert count(parameters) == sum(p.numel() for p in naive.parameters())


def test_replicas_do_not_see_each_other():
    parameters, x = random_parameters(sets=2), images()
    together = logits_of_images("tanh", parameters, x, units=2)
    for r in range(REPLICAS):
        alone = logits_of_images("tanh", {name: w[r : r + 1] for name, w in parameters.items()}, x, units=2)
        assert torch.allclose(together[r : r + 1], alone, rtol=1e-12, atol=1e-12)
    leaves = {name: w.clone().requires_grad_() for name, w in parameters.items()}
    gradients = torch.autograd.grad(logits_of_images("tanh", leaves, x, units=2)[0].sum(), list(leaves.values()))
    assert all(bool((g[1:] == 0).all()) for g in gradients)


def test_shared_weights_are_free_ones_that_are_equal():
    shared, x = random_parameters(), images()
    free = {
        name: w.expand(-1, 3, *w.shape[2:]).contiguous() if name.startswith("stage") else w
        for name, w in shared.items()
    }
    assert torch.equal(logits_of_images("tanh", shared, x, units=3), logits_of_images("tanh", free, x, units=3))


def test_more_units_than_sets_read_a_path_that_is_constant_on_intervals():
    two, x = random_parameters(sets=2), images()
    four = {name: w.repeat_interleave(2, dim=1) if name.startswith("stage") else w for name, w in two.items()}
    assert torch.equal(logits_of_images("tanh", two, x, units=4), logits_of_images("tanh", four, x, units=4))
    with pytest.raises(ValueError, match="stage 1: 3 units cannot read 2 weight sets"):
        logits_of_images("tanh", two, x, units=3)


def test_all_sets_start_equal_and_the_start_does_not_depend_on_their_number():
    one, three = (initial_convolutional((1, 8, 8), 4, 10, sets=sets, replicas=2, seed=0) for sets in (1, 3))
    x = images().float()
    assert torch.equal(logits_of_images("tanh", one, x, units=3), logits_of_images("tanh", three, x, units=3))
    assert one["stage1.A"].dtype == torch.float32
    # A doubles its channels twice: fan-in 9, 36, 72 of entries with variance 1/fan-in
    assert float(one["stage3.A"].var()) == pytest.approx(1 / (9 * 16), rel=0.1)


def test_an_image_does_not_see_the_others_of_its_batch():
    """What batch norm would break: the field is a function of the state alone."""
    parameters, x = random_parameters(), images()
    together = logits_of_images("tanh", parameters, x, units=2)
    alone = torch.cat([logits_of_images("tanh", parameters, one[None], units=2) for one in x], dim=1)
    assert torch.allclose(together, alone, rtol=1e-12, atol=1e-12)


def exact(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
    """Logits with the flow of each stage in place of its units, by an adaptive solver."""
    left = x
    for stage in NUMBERS_OF_STAGES:
        if stage == 1:
            entering = next(iter(stages("tanh", parameters, x, units=1)))[0]
        else:
            W, scale, shift = (parameters[f"to{stage}.{name}"] for name in ("W", "scale", "shift"))
            of_each = left.unflatten(1, (REPLICAS, -1)).unbind(dim=1)
            maps = [nn.functional.conv2d(y, w, stride=2, padding=1) for y, w in zip(of_each, W, strict=True)]
            norms = zip(maps, scale, shift, strict=True)
            entering = torch.cat(
                [nn.functional.group_norm(y, NORMALISED_GROUPS, *group, EPSILON) for y, *group in norms], dim=1
            )
        theta = {
            name.removeprefix(f"stage{stage}."): w[:, 0]
            for name, w in parameters.items()
            if name.startswith(f"stage{stage}.")
        }
        solved = odeint(
            lambda t, y, theta=theta: velocity(torch.tanh, y, theta),
            entering,
            torch.tensor([0.0, 1.0], dtype=torch.float64),
            rtol=1e-10,
            atol=1e-10,
            method="dopri5",
        )
        assert isinstance(solved, Tensor)
        left = solved[-1]
    pooled = 2 * left.mean(dim=(2, 3)).unflatten(1, (REPLICAS, -1)).transpose(0, 1)  # of 2 x 2 pixels
    return pooled @ parameters["read_out.W"].mT + parameters["read_out.b"][:, None]


def test_refined_networks_converge_to_the_flow_at_order_one():
    parameters, x, counts = random_parameters(), images(), (4, 8, 16, 32, 64)
    runs = [logits_of_images("tanh", parameters, x, units=m) for m in (*counts, 128)]
    limit = exact(parameters, x)
    errors = [float((run - limit).norm()) for run in runs[:-1]]
    gaps = [float((a - b).norm()) for a, b in zip(runs[1:], runs[:-1], strict=True)]
    for values in (errors, gaps):
        fit = fit_order(counts, values)
        assert fit.order == pytest.approx(1, abs=0.1)
        assert fit.low < 1 < fit.high


@pytest.mark.parametrize("sets", [1, 4], ids=["shared", "free"])
def test_a_stage_run_backwards_is_its_inverse_up_to_order_one(sets: int):
    parameters, counts = random_parameters(sets=sets), (8, 16, 32, 64, 128)
    for stage, (x, _) in zip(NUMBERS_OF_STAGES, stages("tanh", parameters, images(), units=4), strict=True):
        errors = []
        for m in counts:
            there = stage_map("tanh", parameters, stage, x, units=m)
            assert float((there - x).norm()) > 0.1 * float(x.norm())
            errors.append(float((stage_inverse("tanh", parameters, stage, there, units=m) - x).norm()))
        assert fit_order(counts, errors).order == pytest.approx(1, abs=0.1)


def test_a_unit_that_changes_the_shape_is_named():
    parameters = random_parameters(sets=2)
    parameters["stage2.B"] = parameters["stage2.B"][:, :, :1]
    parameters["stage2.b"] = parameters["stage2.b"][:, :, :1]
    words = "stage 2, unit 1: its field takes states of shape (6, 24, 4, 4) to (6, 3, 4, 4)"
    with pytest.raises(ValueError, match=re.escape(words)):
        logits_of_images("tanh", parameters, images(), units=2)


def test_what_a_request_is_checked_against_is_what_the_networks_have():
    assert request.GROUPS_OF_CHANNELS == NORMALISED_GROUPS
    tiny = images((1, request.SMALLEST_IMAGE_SIDE, request.SMALLEST_IMAGE_SIDE))
    assert logits_of_images("tanh", random_parameters(), tiny, units=1).isfinite().all()
