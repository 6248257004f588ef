"""Points that somebody gives, as states of a network."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError


def as_states(x0: Any, width: int, like: Tensor) -> Float[Tensor, "n d"]:
    """Points (n, d), or one of them (d,), as a tensor of the same kind as `like`: of a tensor, an array or lists.

    Raises `SettingError` for no point, and for points of another dimension than the width.
    """
    try:
        x = torch.as_tensor(x0).to(like)
    except (TypeError, ValueError, RuntimeError):
        raise SettingError(f"expected points of {width} coordinates, got {x0!r}") from None
    if x.ndim not in (1, 2) or x.shape[-1] != width:
        raise SettingError(
            f"expected points of {width} coordinates, shape (n, {width}) or ({width},), got shape {tuple(x.shape)};"
            " the key width says how many there are"
        )
    if not len(x):
        raise SettingError("expected one point or more, got none")
    return x.reshape(-1, width)
