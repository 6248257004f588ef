"""What the measurements of the study share: inputs, law, schemes, and estimates with their errors."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ... import device
from ...data.loading import embed, load
from ...data.sources.gaussian import GaussianData
from ...errors import SettingError
from ...measurement.record import Record
from ...random import generator
from ..degenerate import degenerate_points, of_a_layer
from .outside import growth, overflows, sizes
from .settings import Sde


def inputs(settings: Sde, *, width: int | None = None, count: int | None = None) -> Float[Tensor, "n d"]:
    """The inputs: of `data=gaussian` directions drawn once, of norm `|x|^2 = sde.norm width` and equal angles between
    any two, cosine `sde.correlation`; of other data the first `sde.inputs` training points, embedded in the width.

    Raises `SettingError` where there are fewer points.
    """
    width, count = width or settings.width, count or settings.sde.inputs
    if isinstance(settings.data, GaussianData):
        x = _at_equal_angles(count, width, settings)
    else:
        dataset = load(settings.data, seed=settings.seed)
        if len(dataset.x_train) < count:
            raise SettingError(f"sde.inputs={count}: {dataset.name} has {len(dataset.x_train)} training points")
        x = embed(dataset.x_train[:count], width, seed=settings.seed)
    return x.to(device.resolve(settings.device), getattr(torch, settings.dtype))


def _at_equal_angles(count: int, width: int, settings: Sde) -> Float[Tensor, "n d"]:
    if count > width:  # all on one line
        if settings.sde.correlation**2 != 1:
            raise SettingError(f"sde.inputs={count}: that many inputs at equal angles need a width of at least {count}")
        signs = torch.ones(count, 1, dtype=torch.float64)
        signs[1:] *= settings.sde.correlation
        return (settings.sde.norm * width) ** 0.5 * signs @ _frame(1, width, settings)
    gram = torch.full((count, count), float(settings.sde.correlation), dtype=torch.float64).fill_diagonal_(1.0)
    values, vectors = torch.linalg.eigh(gram)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T  # symmetric: no input is singled out
    return (settings.sde.norm * width) ** 0.5 * root @ _frame(count, width, settings)


def _frame(count: int, width: int, settings: Sde) -> Float[Tensor, "n d"]:
    """Orthonormal rows, drawn once."""
    directions = torch.from_numpy(generator(settings.seed, "sde.inputs").standard_normal((width, count)))
    return torch.linalg.qr(directions).Q.T


def pair_or_one(settings: Sde) -> Float[Tensor, "n d"]:
    """The first two inputs, also where `sde.inputs=1`; of the line, whose angles are 0 and 180 degrees, the first."""
    of_any_angle = isinstance(settings.data, GaussianData) and settings.width > 1
    return inputs(settings, count=2 if of_any_angle else min(2, settings.sde.inputs))


def degenerate(settings: Sde) -> str | None:
    """What there is no number for, of an input, of a layer, of two inputs; or None."""
    init, x = sizes(settings), inputs(settings).cpu()
    reason = of_a_layer(init, x, settings, exponent=0.5) or overflows(growth(settings))
    if reason is None and settings.width == 1:
        reason = "width=1: on a line angles are 0 or 180 degrees, and a state has no two coordinates"
    reason = reason or degenerate_points(x, "input")
    if reason is None and len(x) == 1:
        reason = "sde.inputs=1: an overlap is one of two inputs"
    return reason


def finite_records(records: list[Record]) -> list[Record]:
    """Those that are numbers: past its explosion a network may have none to show."""
    return [record for record in records if math.isfinite(record.value)]
