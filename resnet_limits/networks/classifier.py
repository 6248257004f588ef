"""`logits = R_out x_L + c_out`, `x_0 = R_in z + c_in`: a residual trunk between a linear read-in and read-out.

The parameters are one flat dictionary, replicas in front: `read_in.W (r, d, features)`, `read_in.b (r, d)`,
`trunk.NAME (r, sets, *shape)` for each parameter of the field, `read_out.W (r, classes, d)`, `read_out.b`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from ..random import normals
from .affine import affine
from .residual import forward
from .steps.step import Field, Step

TRUNK = "trunk."
Forward = Callable[[Field, Step, Tensor, Mapping[str, Tensor], float], Tensor]
"""`x_0 -> x_L`, called like `residual.forward`."""


def initial(
    features: int,
    width: int,
    classes: int,
    trunk: Mapping[str, Tensor],
    *,
    replicas: int,
    seed: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Parameters at the start: weights of the read-in and read-out `N(0, 1/fan-in)`, their biases 0, this trunk.

    The draws depend on seed and shapes alone, not on the depth: networks of all depths start from one read-in
    and read-out. The trunk's tensors are `(replicas, sets, *shape)`.
    """

    def weight(rows: int, columns: int, purpose: str) -> Tensor:
        draw = normals((rows, columns), replicas=replicas, seed=seed, purpose=purpose, dtype=dtype, device=device)
        return draw / columns**0.5

    return {
        "read_in.W": weight(width, features, "read_in"),
        "read_in.b": torch.zeros(replicas, width, dtype=dtype, device=device),
        **{TRUNK + name: w for name, w in trunk.items()},
        "read_out.W": weight(classes, width, "read_out"),
        "read_out.b": torch.zeros(replicas, classes, dtype=dtype, device=device),
    }


def trunk_of(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trunk's weights by the names of the vector field."""
    return {name.removeprefix(TRUNK): w for name, w in parameters.items() if name.startswith(TRUNK)}


def logits(
    field: Field,
    step: Step,
    parameters: Mapping[str, Tensor],
    points: Tensor,
    h: float,
    *,
    through: Forward = forward,
) -> Float[Tensor, "r n classes"]:
    """Logits of the points, `(n, features)` for all replicas alike or `(r, n, features)`.

    `through` is the way from `x_0` to `x_L`: plain, or an `engines.engine.Trunk` in training.
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
