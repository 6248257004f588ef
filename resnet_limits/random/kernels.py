"""Standard normals on a GPU, in Triton: the definition in `gaussian.py`, the same bit for bit.

Every operation on floating-point numbers is one of IEEE 754's basic ones in the order of `gaussian.py`, so kernels that
use these functions are compiled with `enable_fp_fusion=False`.
"""

# What is compiled for a GPU is no Python to a type checker.
# pyright: reportArgumentType=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import triton
import triton.language as tl


@triton.jit
def philox_words(c0, c1, c2, c3, k0, k1):
    """Philox 4x64-10: four words of a counter of four."""
    for _ in tl.static_range(10):
        high0, low0 = tl.umulhi(c0, tl.full(c0.shape, 0xD2E7470EE14C6C93, tl.uint64)), c0 * 0xD2E7470EE14C6C93
        high1, low1 = tl.umulhi(c2, tl.full(c2.shape, 0xCA5A826395121157, tl.uint64)), c2 * 0xCA5A826395121157
        c0, c2 = high1 ^ c1 ^ k0, high0 ^ c3 ^ k1
        c1, c3 = low1, low0
        k0 = k0 + 0x9E3779B97F4A7C15
        k1 = k1 + 0xBB67AE8584CAA73B
    return c0, c1, c2, c3


@triton.jit
def turned_pair(radius, sine, cosine, quadrant):
    """`radius (cos, sin)` of an angle that is in this quadrant, from the sine and cosine of what is left of it."""
    odd = (quadrant & 1) != 0
    x, y = tl.where(odd, sine, cosine), tl.where(odd, cosine, sine)
    x = tl.where((quadrant == 1) | (quadrant == 2), -x, x)
    y = tl.where(quadrant >= 2, -y, y)
    return radius * x, radius * y


@triton.jit
def pair_single(word):
    low, high = word.to(tl.uint32), (word >> 32).to(tl.uint32)
    k = low ^ 0x80000000
    u = (k.to(tl.float32) + 0.5) * 2.3283064365386963e-10
    rest = ((~k).to(tl.float32) + 0.5) * 2.3283064365386963e-10
    near_one = k >= 0xB504F334  # sqrt(1/2)
    bits = u.to(tl.int32, bitcast=True)
    exponent = (bits - 0x3F3504F3) >> 23
    e = tl.where(near_one, 0.0, exponent.to(tl.float32))
    f = tl.where(near_one, -rest, (bits - (exponent << 23)).to(tl.float32, bitcast=True) - 1.0)
    z = f * f
    p = 7.0376836292e-2 * f + -1.1514610310e-1
    p = p * f + 1.1676998740e-1
    p = p * f + -1.2420140846e-1
    p = p * f + 1.4249322787e-1
    p = p * f + -1.6668057665e-1
    p = p * f + 2.0000714765e-1
    p = p * f + -2.4999993993e-1
    p = p * f + 3.3333331174e-1
    logarithm = (f + ((p * f) * z + e * -2.12194440e-4 - 0.5 * z)) + e * 0.693359375
    radius = tl.sqrt_rn(-2.0 * logarithm)
    quadrant = (high + 0x20000000) >> 30
    a = (high - (quadrant << 30)).to(tl.int32, bitcast=True).to(tl.float32) * 1.4629180792671596e-09  # pi / 2^31
    q = a * a
    sine = ((-1.9515295891e-4 * q + 8.3321608736e-3) * q - 1.6666654611e-1) * q * a + a
    cosine = (2.443315711809948e-5 * q - 1.388731625493765e-3) * q + 4.166664568298827e-2
    cosine = cosine * q * q - 0.5 * q + 1.0
    return turned_pair(radius, sine, cosine, quadrant)


@triton.jit
def pair_double(word):
    low, high = word.to(tl.uint32), (word >> 32).to(tl.uint32)
    u = (low.to(tl.int32, bitcast=True).to(tl.float64) + 2147483648.5) * 2.3283064365386962890625e-10
    bits = u.to(tl.int64, bitcast=True)
    exponent = (bits - 0x3FE6A09E667F3BCD) >> 52  # sqrt(1/2)
    e = exponent.to(tl.float64)
    f = (bits - (exponent << 52)).to(tl.float64, bitcast=True) - 1.0
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
    radius = tl.sqrt(-2.0 * logarithm)
    quadrant = (high + 0x20000000) >> 30
    a = (high - (quadrant << 30)).to(tl.int32, bitcast=True).to(tl.float64) * 1.4629180792671596e-09  # pi / 2^31
    q = a * a
    p = 2.75573137070700676789e-06 + q * (-2.50507602534068634195e-08 + q * 1.58969099521155010221e-10)
    p = -1.66666666666666324348e-01 + q * (8.33333333332248946124e-03 + q * (-1.98412698298579493134e-04 + q * p))
    sine = a + a * q * p
    p = -2.75573143513906633035e-07 + q * (2.08757232129817482790e-09 + q * -1.13596475577881948265e-11)
    p = 4.16666666666666019037e-02 + q * (-1.38888888888741095749e-03 + q * (2.48015872894767294178e-05 + q * p))
    cosine = 1.0 - (0.5 * q - q * q * p)
    return turned_pair(radius, sine, cosine, quadrant)


@triton.jit
def store_normals(
    to, group, first, size, pairs, key0, key1, layer, block,
    SINGLE: tl.constexpr, SIDE_BY_SIDE: tl.constexpr,
):  # fmt: skip
    """The normals of these groups of four words of a block's stream, of the row whose first word is `first`."""
    zero = group * 0
    counter, of_layer, of_block = (group + 1).to(tl.uint64), (zero + layer).to(tl.uint64), (zero + block).to(tl.uint64)
    of_key0, of_key1 = (zero + key0).to(tl.uint64), (zero + key1).to(tl.uint64)
    w0, w1, w2, w3 = philox_words(counter, zero.to(tl.uint64), of_layer, of_block, of_key0, of_key1)
    for lane in tl.static_range(4):
        word = w0 if lane == 0 else (w1 if lane == 1 else (w2 if lane == 2 else w3))
        if SINGLE:
            x, y = pair_single(word)
        else:
            x, y = pair_double(word)
        column = group * 4 + lane - first
        inside = (column >= 0) & (column < pairs)
        at_x, at_y = (2 * column, 2 * column + 1) if SIDE_BY_SIDE else (column, pairs + column)
        tl.store(to + at_x, x, mask=inside)
        tl.store(to + at_y, y, mask=inside & (at_y < size))


@triton.jit
def fill_rows(
    out, size, pairs, key0, key1, layer, first_row, rows_a_block, first_word,
    SINGLE: tl.constexpr, SIDE_BY_SIDE: tl.constexpr, GROUPS: tl.constexpr,
):  # fmt: skip
    """`gaussian.fill`; one program is a row and GROUPS groups of four words of it."""
    row = tl.program_id(0).to(tl.int64)
    block, within = (first_row + row) // rows_a_block, (first_row + row) % rows_a_block
    first = first_word + within * pairs
    group = first // 4 + tl.program_id(1) * GROUPS + tl.arange(0, GROUPS)
    store_normals(out + row * size, group, first, size, pairs, key0, key1, layer, block, SINGLE, SIDE_BY_SIDE)
