"""Normals from words: Box and Muller's formula to rounding, and the compiled numbers are numpy's, bit for bit."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest

from resnet_limits.random import gaussian
from resnet_limits.random.streams import key_of, words
from tests.planting import plant

KEY = key_of(3, "test")
EXTREME = np.array([0, 1, 0x3504F333, 0x3504F334, 2**31 - 1, 2**31, 2**32 - 1, 2**29, 3 * 2**29, 5 * 2**29], np.uint64)


def box_muller(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The formula in 80-bit numbers; its log near u = 1 from 1 - u."""
    wide = np.longdouble
    low, high = words.astype(np.uint32).view(np.int32), (words >> np.uint64(32)).astype(np.uint32)
    rest = (wide(2.0**31 - 0.5) - low.astype(wide)) / wide(2**32)  # 1 - u
    u = (low.astype(wide) + wide(2.0**31 + 0.5)) / wide(2**32)
    radius = np.sqrt(-2 * np.where(u > 0.5, np.log1p(-rest), np.log(u)))
    turn = high.astype(np.int64)  # cos and sin of whole quarters are exact
    quarter = (turn + 2**29) >> 30
    angle = (turn - (quarter << 30)).astype(wide) * (wide(2) * np.arctan2(wide(0), wide(-1)) / wide(2**32))
    c, s = np.cos(angle), np.sin(angle)
    x = np.choose(quarter % 4, [c, -s, -c, s])
    y = np.choose(quarter % 4, [s, c, -s, -c])
    return radius * x, radius * y


@pytest.mark.parametrize(("pairs", "digits"), [(gaussian.pairs_double, 2**-52), (gaussian.pairs_single, 2**-23)])
def test_normals_are_those_of_the_formula(pairs, digits):
    """Relative to the number itself: also next to u = 1, next to u = 0, and next to the axes."""
    sample = words(KEY, 0, 0, 0, 200_000)
    corners = (EXTREME[:, None] | (EXTREME[None, :] << np.uint64(32))).ravel()
    for bits in (sample, corners):
        for got, exact in zip(pairs(bits), box_muller(bits), strict=True):
            there = exact != 0
            assert np.abs(got[~there]).max(initial=0) == 0
            error = np.abs(got[there].astype(np.longdouble) - exact[there]) / np.abs(exact[there])
            assert error.max() < 4 * digits


def test_a_compiler_that_was_at_hand_was_used():
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on this machine")
    assert gaussian.COMPILED


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("side_by_side", [False, True])
def test_compiled_numbers_are_those_of_numpy(dtype, side_by_side, monkeypatch):
    """Odd and even sizes, from within a group of Philox's words, over blocks, more words than are made at a time."""
    if not gaussian.COMPILED:
        pytest.skip("installed without a C compiler")
    for size in (0, 1, 2, 3, 7, 80, 1000, 1001, 40_000, 40_001):
        for first_row, rows_a_block, first_word, rows in ((0, 64, 0, 3), (61, 64, 3, 7), (5, 1, 2, 1), (5, 2, 1, 3)):
            where: Any = {"layer": 7, "first_row": first_row, "rows_a_block": rows_a_block, "first_word": first_word}
            results = []
            for compiled in (True, False):
                out = np.full((rows, size), np.nan, dtype)
                with monkeypatch.context() as patch:
                    if not compiled:
                        plant(patch, gaussian.compiled, None)
                    gaussian.fill(out, KEY, side_by_side=side_by_side, **where)
                results.append(out)
            assert np.isfinite(results[1]).all()
            assert results[0].tobytes() == results[1].tobytes()


def test_rows_of_other_types_and_layouts_are_refused():
    where: Any = {"layer": 0, "first_row": 0, "rows_a_block": 1}
    shifted = np.zeros(8 * 6 + 1, np.uint8)[1:].view(np.float64).reshape(2, 3)  # not at a multiple of 8 bytes
    assert not shifted.flags.aligned
    for out in (np.empty((2, 3), np.float16), np.empty((3, 2)).T, np.empty((4, 4))[:, :2], shifted):
        with pytest.raises(ValueError, match="contiguous"):
            gaussian.fill(out, KEY, **where)


def test_the_compiled_function_does_not_write_beyond_its_array():
    if gaussian.compiled is None:
        pytest.skip("installed without a C compiler")
    with pytest.raises(ValueError, match="room"):
        gaussian.compiled(np.empty((2, 3)), 2, 4, 0, 0, 0, 0, 1, 0, False, False)
