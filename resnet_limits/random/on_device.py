"""Normals on the device where they are wanted, the same bit for bit on every one: on a GPU by a kernel, if it can."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor

from . import gaussian
from .streams import Key

GROUPS_A_PROGRAM = 128
"""Groups of four words; speed alone."""


class Which(TypedDict, total=False):
    """Which normals of a key: see `gaussian.fill`."""

    layer: int
    first_row: int
    rows_a_block: int
    first_word: int
    side_by_side: bool


@cache
def without_kernels() -> str | None:
    """Why normals are not made on a GPU, or None."""
    return None if importlib.util.find_spec("triton") else "there is no package triton"


def fill_on_device(out: Tensor, key: Key, **which: Unpack[Which]) -> None:
    """`gaussian.fill` into a contiguous tensor (rows, size), float32 or float64, on any device."""
    if out.device.type == "cpu":
        gaussian.fill(out.numpy(), key, **which)
    elif out.device.type == "cuda" and without_kernels() is None:
        fill_by_kernel(out, key, **which)
    else:
        made = torch.empty(out.shape, dtype=out.dtype)
        gaussian.fill(made.numpy(), key, **which)
        out.copy_(made)


def fill_by_kernel(
    out: Tensor,
    key: Key,
    *,
    layer: int,
    first_row: int,
    rows_a_block: int,
    first_word: int = 0,
    side_by_side: bool = False,
) -> None:
    """The same on a GPU, or in Triton's interpreter."""
    from . import kernels

    kernel: Any = kernels.fill_rows
    rows, size = out.shape
    if not rows or not size:
        return
    pairs = -(-size // 2)
    groups = -(-(pairs + 3) // 4)  # the first of them may begin within a group
    signed = (int(np.uint64(k).astype(np.int64)) for k in key)
    kernel[(rows, -(-groups // GROUPS_A_PROGRAM))](
        out,
        size,
        pairs,
        *signed,
        layer,
        first_row,
        rows_a_block,
        first_word,
        SINGLE=out.dtype == torch.float32,
        SIDE_BY_SIDE=side_by_side,
        GROUPS=GROUPS_A_PROGRAM,
        enable_fp_fusion=False,
    )
