"""A convolutional residual network of three stages, each the flow of a field of its own on images.

    x <- scale GN(stem * image) + shift              c channels
    x <- x + h v(x, theta_k), k = 0..n-1, h = T/n    n units of a stage
    x <- scale GN(S * x) + shift, S of stride 2      between stages: half as many pixels a side, twice the channels
    logits = R sqrt(P) mean over P pixels of x + b   global average pool

    v(x) = B * phi(scale GN(A * x) + shift) + b      A, B, S: 3x3 convolutions with zero padding, GN: group norm

Group norm and not batch norm. With group norm `v` is one smooth field: what it does to a state depends on that state
alone, so that `phi_-v` can be run, and a stage with 2n units of step T/2n asks for the same `v`. Batch norm makes
`v(x)` depend on the other images of the batch in training, and in evaluation on running statistics, which are no
function of the state; units that share their weights would share one set of them, averaged over all depths, and a
refined network would meet states, at depths in between, that they were never averaged over.

The factor sqrt(P), a constant of the last stage, makes what is pooled of size 1 at the start, and training on larger
images as fast: after normalisation the maps have mean 0.

Parameters are one flat dictionary, replicas in front: `stem.W (r, c, colours, 3, 3)`, `stem.scale (r, c)`, ...,
`stage1.A (r, sets, c, c, 3, 3)`, `stage1.scale (r, sets, c)`, ..., `to2.W (r, 2c, c, 3, 3)`, ...,
`read_out.W (r, classes, 4c)`. One set a stage are weights that all its units share, n sets free ones. n units read m
sets, where m divides n, as a path that is constant on m intervals of time: unit k reads set `floor(k m / n)`.

Replicas are channels of grouped convolutions, images of shape (n, r c, height, width) on the way: on one CPU core two
or four side by side take 0.4 to 0.75 of the time of a loop at 8x8 pixels, and 0.8 to 1 of it at 28x28.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ..random import Stream
from .activations import activation_named
from .parametrisation import CONVOLUTIONAL

NUMBERS_OF_STAGES = (1, 2, 3)
NORMALISED_GROUPS = 2
"""Groups of channels whose mean and variance, over channels and pixels of one image, are normalised."""
EPSILON = 1e-3
"""Added to the variance: it bounds the derivative of the normalisation, also where an image is constant."""

Parameters = Mapping[str, Tensor]
Images = Float[Tensor, "n colours height width"]
Maps = Float[Tensor, "n channels height width"]
"""Feature maps of all replicas: channels = r c, those of a replica side by side."""


def initial_convolutional(
    shape: tuple[int, int, int],
    channels: int,
    classes: int,
    *,
    sets: int,
    replicas: int,
    seed: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Parameters at the start for images of this shape (colours, height, width): `sets` weight sets a stage.

    Parametrised as `CONVOLUTIONAL` says; all sets of a stage are equal. The draws depend on seed and shapes alone:
    networks with shared and with free weights start as the same network.
    """
    scales = CONVOLUTIONAL.at(depth=sets, width=channels)

    def drawn(name: str, *shape: int) -> Tensor:
        stream = Stream(seed, f"convolutional.{name.removesuffix('.W').removesuffix('.A')}")
        return scales.start(kind(name), shape, stream, replicas=replicas, dtype=dtype, device=device)

    c = channels
    start = {}
    for stage in NUMBERS_OF_STAGES:
        name, into, c = ("stem", shape[0], c) if stage == 1 else (f"to{stage}", c, 2 * c)
        for part, size in {"W": (c, into, 3, 3), "scale": (c,), "shift": (c,)}.items():
            start[f"{name}.{part}"] = drawn(f"{name}.{part}", *size)
        unit = {"A": (c, c, 3, 3), "scale": (c,), "shift": (c,), "B": (c, c, 3, 3), "b": (c,)}
        for part, size in unit.items():
            one = drawn(f"stage{stage}.{part}", *size)[:, None]
            start[f"stage{stage}.{part}"] = one.repeat(1, sets, *(1 for _ in size))
    start["read_out.W"] = drawn("read_out.W", classes, c)
    start["read_out.b"] = drawn("read_out.b", classes)
    return start


def kind(name: str) -> str:
    """The kind of the parameter of this name."""
    where, part = name.split(".")
    if where.startswith("stage"):
        return {"A": "block", "B": "block_last", "scale": "block_gain"}.get(part, "block_bias")
    if where == "read_out":
        return "read_out" if part == "W" else "read_out_bias"
    return {"W": "read_in", "scale": "gain", "shift": "read_in_bias"}[part]


def count(parameters: Parameters) -> int:
    """The number of parameters of one replica."""
    return sum(w[0].numel() for w in parameters.values())


def logits_of_images(
    phi: str, parameters: Parameters, images: Images, *, units: int, horizon: float = 1.0
) -> Float[Tensor, "r n classes"]:
    """Logits of the images, the same for all replicas, of networks with so many units a stage, of step horizon/units.

    Raises `ValueError` as `stage_map` does.
    """
    x = images
    for _, x in stages(phi, parameters, images, units=units, horizon=horizon):  # noqa: B007
        pass
    W, b = parameters["read_out.W"], parameters["read_out.b"]
    pooled = x.sum(dim=(2, 3)) / math.sqrt(x.shape[2] * x.shape[3])
    return torch.baddbmm(b[:, None], pooled.unflatten(1, (len(W), -1)).transpose(0, 1), W.mT)


def stages(
    phi: str, parameters: Parameters, images: Images, *, units: int, horizon: float = 1.0
) -> Iterator[tuple[Maps, Maps]]:
    """Of each stage in turn what enters it and what leaves it."""
    x = images
    for stage in NUMBERS_OF_STAGES:
        name = "stem" if stage == 1 else f"to{stage}"
        W, scale, shift = (parameters[f"{name}.{part}"] for part in ("W", "scale", "shift"))
        # All replicas see the same images: their stems are one convolution.
        x = functional.conv2d(x, W.flatten(0, 1), padding=1) if stage == 1 else convolved(x, W, stride=2)
        x = normalised(x, scale, shift)
        entered, x = x, stage_map(phi, parameters, stage, x, units=units, horizon=horizon)
        yield entered, x


def stage_map(phi: str, parameters: Parameters, stage: int, x: Maps, *, units: int, horizon: float = 1.0) -> Maps:
    """`phi_v(x)`: the units of one stage. Raises `ValueError` naming a unit that changes the shape of the state, and
    for units that are no multiple of the weight sets."""
    h, nonlinear = CONVOLUTIONAL.block_factor(units, horizon), activation_named(phi)
    for k, theta in enumerate(weights_of_units(parameters, stage, units)):
        x = x + h * _checked(velocity(nonlinear, x, theta), x, stage, k)
    return x


def stage_inverse(phi: str, parameters: Parameters, stage: int, x: Maps, *, units: int, horizon: float = 1.0) -> Maps:
    """`phi_-v(x)`: the units of one stage in reverse order, each with -h."""
    h, nonlinear = CONVOLUTIONAL.block_factor(units, horizon), activation_named(phi)
    for k, theta in reversed(list(enumerate(weights_of_units(parameters, stage, units)))):
        x = x - h * _checked(velocity(nonlinear, x, theta), x, stage, k)
    return x


def velocity(phi: Callable[[Tensor], Tensor], x: Maps, theta: Parameters) -> Tensor:
    """`v(x) = B * phi(scale GN(A * x) + shift) + b` for weights `A, B (r, c, c, 3, 3)`, `scale, shift, b (r, c)`."""
    z = normalised(convolved(x, theta["A"]), theta["scale"], theta["shift"])
    return convolved(phi(z), theta["B"], theta["b"])


def normalised(x: Maps, scale: Float[Tensor, "r c"], shift: Float[Tensor, "r c"]) -> Maps:
    """`scale GN(x) + shift`: each image's groups of channels with mean 0 and variance 1, each replica by itself."""
    return functional.group_norm(x, NORMALISED_GROUPS * len(scale), scale.flatten(), shift.flatten(), EPSILON)


def convolved(
    x: Maps,
    W: Float[Tensor, "r out into 3 3"],
    b: Float[Tensor, "r out"] | None = None,
    *,
    stride: int = 1,
) -> Tensor:
    """Of each replica its own maps by its own 3x3 convolution."""
    bias = None if b is None else b.flatten()
    return functional.conv2d(x, W.flatten(0, 1), bias, stride=stride, padding=1, groups=len(W))


def weights_of_units(parameters: Parameters, stage: int, units: int) -> list[dict[str, Tensor]]:
    """The weights of each unit of a stage. Raises `ValueError` for units that are no multiple of the weight sets."""
    # By unbinding: the gradient of a slice would be as large as all sets.
    prefix = f"stage{stage}."
    weights = {name.removeprefix(prefix): w.unbind(dim=1) for name, w in parameters.items() if name.startswith(prefix)}
    sets = len(weights["A"])
    if units % sets:
        raise ValueError(f"stage {stage}: {units} units cannot read {sets} weight sets as equal intervals of time")
    return [{name: w[k * sets // units] for name, w in weights.items()} for k in range(units)]


def _checked(v: Tensor, x: Tensor, stage: int, k: int) -> Tensor:
    if v.shape != x.shape:
        raise ValueError(
            f"stage {stage}, unit {k + 1}: its field takes states of shape {tuple(x.shape)} to {tuple(v.shape)}; the"
            " shape may change between stages alone"
        )
    return v
