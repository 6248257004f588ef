"""`logits = R_out x_L + c_out`, `x_0 = R_in z + c_in`: a residual trunk between a linear read-in and read-out.

The parameters are one flat dictionary, replicas in front: `read_in.W (r, d, features)`, `read_in.b (r, d)`,
`trunk.NAME (r, sets, *shape)` for each parameter of the field, `read_out.W (r, classes, d)`, `read_out.b`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from ..random import Stream
from .affine import affine
from .parametrisation import ODE, Parametrisation
from .steps.step import Field, Step
from .vector_field import VectorField

T = TypeVar("T")

TRUNK = "trunk."
Forward = Callable[[Field, Step, Tensor, Mapping[str, Tensor], float], Tensor]
"""`x_0 -> x_L`, called like `residual.forward`."""


def initial_classifier(
    features: int,
    width: int,
    classes: int,
    trunk: Mapping[str, Tensor],
    *,
    parametrisation: Parametrisation = ODE,
    replicas: int,
    seed: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Parameters at the start: read-in and read-out of this parametrisation, and this trunk.

    The draws depend on seed and shapes alone, not on the depth: networks of all depths start from one read-in
    and read-out. The trunk's tensors are `(replicas, sets, *shape)`.
    """
    scales = parametrisation.at(width=width)

    def drawn(kind: str, *shape: int) -> Tensor:
        return scales.start(kind, shape, Stream(seed, kind), replicas=replicas, dtype=dtype, device=device)

    return {
        "read_in.W": drawn("read_in", width, features),
        "read_in.b": drawn("read_in_bias", width),
        **{TRUNK + name: w for name, w in trunk.items()},
        "read_out.W": drawn("read_out", classes, width),
        "read_out.b": drawn("read_out_bias", classes),
    }


def kinds_of_parameters(field: VectorField) -> dict[str, str]:
    """The kind of each parameter, by its name.

    The last linear map of a block is the matrix that it declares to carry its output.
    """
    last = field.block.outer

    def kind(name: str, shape: tuple[int, ...]) -> str:
        return "block_bias" if len(shape) == 1 else "block_last" if name == last else "block"

    ends = {"W": "", "b": "_bias"}
    return {
        **{f"read_in.{name}": f"read_in{kind}" for name, kind in ends.items()},
        **{TRUNK + name: kind(name, shape) for name, shape in field.shapes.items()},
        **{f"read_out.{name}": f"read_out{kind}" for name, kind in ends.items()},
    }


def trunk_of(parameters: Mapping[str, T]) -> dict[str, T]:
    """The trunk's weights, or what else is said of each, by the names of the vector field."""
    return {name.removeprefix(TRUNK): w for name, w in parameters.items() if name.startswith(TRUNK)}


def logits(
    field: Field,
    step: Step,
    parameters: Mapping[str, Tensor],
    points: Tensor,
    h: float,
    *,
    through: Forward,
) -> Float[Tensor, "r n classes"]:
    """Logits of the points, `(n, features)` for all replicas alike or `(r, n, features)`.

    `through` is the way from `x_0` to `x_L`: an engine's `forward`, or its trunk in training.
    """
    read_in, read_out = parameters["read_in.W"], parameters["read_out.W"]
    points = points.expand(read_in.shape[0], *points.shape[-2:])
    x0 = affine(points, read_in, parameters["read_in.b"])
    x_last = through(field, step, x0, trunk_of(parameters), h)
    return affine(x_last, read_out, parameters["read_out.b"])


def cross_entropy(scores: Float[Tensor, "r n classes"], labels: Int[Tensor, " n"]) -> Float[Tensor, " r"]:
    """Mean over the points of `-log softmax(scores)[label]`, one value a replica."""
    labels = labels.expand(scores.shape[:2])
    return functional.cross_entropy(scores.mT, labels, reduction="none").mean(dim=1)


def accuracy(scores: Float[Tensor, "r n classes"], labels: Int[Tensor, " n"]) -> Float[Tensor, " r"]:
    """Fraction of the points whose largest score is their label's, one value a replica, float64."""
    return (scores.argmax(dim=-1) == labels).double().mean(dim=1)
