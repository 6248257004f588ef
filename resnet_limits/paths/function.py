"""Weights that are a plain function of time: what a law of one's own may return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from ..errors import SettingError
from .path import Draw, Path, checked


@dataclass(frozen=True)
class FunctionPath:
    """`theta(t) = function(t)`, of shape (R, *shape) at one time `t`, a scalar tensor.

    The function is written with torch's operations, `torch.cos(t)`: it is read at many times at once, and
    differentiated in time. `math.cos(t)` would hide the derivative: `at` raises `SettingError`.
    """

    function: Callable[[Tensor], Tensor]
    draw: Draw

    def at(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        moments = checked(times, self.draw.horizon).to(self.draw.device, torch.float64)
        try:
            values = vmap(self.function)(moments)
        except RuntimeError as error:
            if "vmap" not in str(error):
                raise
            raise SettingError(
                "path(draw) returns a function that reads t as a number; t is a tensor: write torch.cos(t) and not"
                " math.cos(t), torch.where in place of if"
            ) from error
        return values.movedim(0, 1).to(self.draw.dtype)


def path_of(drawn: Any, draw: Draw) -> Path:
    """What a law drew, a path or a function of time, as a path. Raises `SettingError` where it is neither."""
    if isinstance(drawn, Path):
        return drawn
    if not callable(drawn):
        raise SettingError(
            f"path(draw) returns {type(drawn).__name__}; expected a function of one time t that returns weights"
            " (replicas, *draw.shape)"
        )
    return FunctionPath(cast(Callable[[Tensor], Tensor], drawn), draw)
