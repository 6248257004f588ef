"""Standard normals from random words, the same bit for bit on every machine: Box & Muller (1958).

    a word = (low, high), two halves of 32 bits       u = (low + 2^31 + 1/2) / 2^32,  v = high / 2^32
    x = sqrt(-2 log u) cos 2 pi v                     y = sqrt(-2 log u) sin 2 pi v

A fixed number of bits a normal is what makes a stream readable from anywhere. u has 32 bits: nothing beyond 6.7
standard deviations, where a normal has mass 3e-11.

The elementary functions are polynomials written out here (in float64 those of fdlibm, Sun 1993, in float32 those of
Cephes, Moshier 1992), so that a normal is a few of IEEE 754's basic operations in a fixed order, with a relative error
below 4 eps. `_gaussian.c` has the same ones, compiled, and is used where a compiler was at hand when reslim was
installed: the same numbers, several times as fast.
"""

from __future__ import annotations

import numpy as np

from .streams import Key, words

try:
    from ._gaussian import fill as compiled  # pyright: ignore
except ImportError:  # no compiler at installation
    compiled = None

COMPILED = compiled is not None
"""Whether normals are made by compiled code."""

RANDOM_WORDS_AT_A_TIME = 2**13
"""Words that numpy turns into normals at a time, so that what they are made of stays in the cache. Speed alone."""


def fill(
    out: np.ndarray,
    key: Key,
    *,
    layer: int,
    first_row: int,
    rows_a_block: int,
    first_word: int = 0,
    side_by_side: bool = False,
) -> None:
    """Normals into `out` (rows, size), float32 or float64, contiguous and aligned; row i is row `first_row + i`.

    Blocks of `rows_a_block` rows are streams of their own; a row takes `ceil(size / 2)` words, one after the other, the
    first of a block starting at word `first_word` of it. The pairs of a row lie `side_by_side` (x, y, x, y, ...) or in
    two halves (x, x, ..., y, y, ...).
    """
    single = out.dtype == np.float32
    if not (out.flags.c_contiguous and out.flags.aligned and (single or out.dtype == np.float64)):
        what = f"{out.dtype} with strides {out.strides}" + ("" if out.flags.aligned else ", not aligned")
        raise ValueError(f"normals go into contiguous, aligned float32 or float64, not {what}")
    rows, size = out.shape
    if compiled is not None:
        compiled(out, rows, size, *map(int, key), layer, first_row, rows_a_block, first_word, single, side_by_side)
        return
    pairs = -(-size // 2)
    at_once = max(RANDOM_WORDS_AT_A_TIME // max(pairs, 1), 1)
    done = 0
    while done < rows and size:
        block, within = divmod(first_row + done, rows_a_block)
        taken = min(at_once, rows_a_block - within, rows - done)
        part = out[done : done + taken]
        for column in range(0, pairs, RANDOM_WORDS_AT_A_TIME):
            width = min(RANDOM_WORDS_AT_A_TIME, pairs - column) if taken == 1 else pairs
            drawn_words = words(key, layer, block, first_word + within * pairs + column, taken * width).reshape(
                taken, width
            )
            x, y = (pairs_single if single else pairs_double)(drawn_words)
            rest = min(width, size - pairs - column) if not side_by_side else size // 2 - column
            if side_by_side:
                part[:, 2 * column : 2 * (column + width) : 2] = x
                part[:, 2 * column + 1 : 2 * (column + width) : 2] = y[:, :rest]
            else:
                part[:, column : column + width] = x
                part[:, pairs + column : pairs + column + width] = y[:, :rest]
        done += taken


def pairs_double(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(x, y)` of each word, float64."""
    low, high = words.astype(np.uint32), (words >> np.uint64(32)).astype(np.uint32)
    u = (low.view(np.int32).astype(np.float64) + 2147483648.5) * 2.0**-32
    bits = u.view(np.int64)
    # u = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)): the bits of sqrt(1/2) decide when the exponent goes up.
    exponent = (bits - 0x3FE6A09E667F3BCD) >> 52
    e = exponent.astype(np.float64)
    f = (bits - (exponent << 52)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332))
    odd = w * (0.2857142874366239149 + w * (0.1818357216161805012 + w * 0.1479819860511658591))
    odd = z * (0.6666666666666735130 + odd)
    half = 0.5 * f * f
    logarithm = e * 6.93147180369123816490e-01 - (
        (half - (s * (half + (even + odd)) + e * 1.90821492927058770002e-10)) - f
    )
    radius = np.sqrt(-2.0 * logarithm)

    quadrant = (high + np.uint32(2**29)) >> np.uint32(30)
    a = (high - (quadrant << np.uint32(30))).view(np.int32).astype(np.float64) * (np.pi * 2.0**-31)
    q = a * a
    p = 2.75573137070700676789e-06 + q * (-2.50507602534068634195e-08 + q * 1.58969099521155010221e-10)
    p = -1.66666666666666324348e-01 + q * (8.33333333332248946124e-03 + q * (-1.98412698298579493134e-04 + q * p))
    sine = a + a * q * p
    p = -2.75573143513906633035e-07 + q * (2.08757232129817482790e-09 + q * -1.13596475577881948265e-11)
    p = 4.16666666666666019037e-02 + q * (-1.38888888888741095749e-03 + q * (2.48015872894767294178e-05 + q * p))
    cosine = 1.0 - (0.5 * q - q * q * p)
    return _turned(radius, sine, cosine, quadrant)


def pairs_single(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(x, y)` of each word, float32; log u near u = 1 from 1 - u, which u itself would leave three digits."""
    number = np.float32
    low, high = words.astype(np.uint32), (words >> np.uint64(32)).astype(np.uint32)
    k = low ^ np.uint32(2**31)
    u = (k.astype(number) + number(0.5)) * number(2.0**-32)
    rest = ((~k).astype(number) + number(0.5)) * number(2.0**-32)
    near_one = k >= np.uint32(0xB504F334)  # sqrt(1/2)
    bits = u.view(np.int32)
    exponent = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
    e = np.where(near_one, number(0), exponent.astype(number))
    f = np.where(near_one, -rest, (bits - (exponent << np.int32(23))).view(number) - number(1))
    z = f * f
    p = number(7.0376836292e-2)
    for coefficient in (
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    ):
        p = p * f + number(coefficient)
    logarithm = (f + ((p * f) * z + e * number(-2.12194440e-4) - number(0.5) * z)) + e * number(0.693359375)
    radius = np.sqrt(number(-2) * logarithm)

    quadrant = (high + np.uint32(2**29)) >> np.uint32(30)
    a = (high - (quadrant << np.uint32(30))).view(np.int32).astype(number) * number(np.pi * 2.0**-31)
    q = a * a
    sine = ((number(-1.9515295891e-4) * q + number(8.3321608736e-3)) * q - number(1.6666654611e-1)) * q * a + a
    cosine = (number(2.443315711809948e-5) * q - number(1.388731625493765e-3)) * q + number(4.166664568298827e-2)
    cosine = cosine * q * q - number(0.5) * q + number(1)
    return _turned(radius, sine, cosine, quadrant)


def _turned(
    radius: np.ndarray, sine: np.ndarray, cosine: np.ndarray, quadrant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`radius (cos, sin)` of an angle that is in this quadrant, from the sine and cosine of what is left of it."""
    odd = (quadrant & np.uint32(1)).astype(bool)
    x, y = np.where(odd, sine, cosine), np.where(odd, cosine, sine)
    x = np.where((quadrant == 1) | (quadrant == 2), -x, x)
    y = np.where(quadrant >= 2, -y, y)
    return radius * x, radius * y
