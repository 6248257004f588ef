"""Activations inside a kernel, from operations that a GPU and Triton's interpreter both have.

A name that is no constant of the kernel is compiled away. Errors are measured by `tests/networks/test_triton.py`.
"""

# What is compiled for a GPU is no Python to a type checker.
# pyright: reportArgumentType=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import triton
import triton.language as tl


@triton.jit
def tanh(z):
    """Near 0 the rational forms of Moshier's Cephes library (1989), which keep all digits; else from exp(-2|z|)."""
    a = tl.abs(z)
    w = a * a
    if z.dtype == tl.float64:
        p = (-9.64399179425052238628e-1 * w - 9.92877231001918586564e1) * w - 1.61468768441708447952e3
        q = ((w + 1.12811678491632931402e2) * w + 2.23548839060100448583e3) * w + 4.84406305325125486048e3
        r = p / q
    else:
        r = (((-5.70498872745e-3 * w + 2.06390887954e-2) * w - 5.37397155531e-2) * w + 1.33314422036e-1) * w
        r = r - 3.33332819422e-1
    e = tl.exp(-2 * a)
    far = (1 - e) / (1 + e)
    return tl.where(a < 0.625, z + z * w * r, tl.where(z < 0, -far, far))


@triton.jit
def logistic(z):
    e = tl.exp(-tl.abs(z))
    return tl.where(z < 0, e, 1.0) / (1 + e)


@triton.jit
def normal_distribution(z):
    return 0.5 * (1 + tl.erf(z * 0.70710678118654752440))


@triton.jit
def phi(z, NAME: tl.constexpr):
    if NAME == "tanh":
        return tanh(z)
    elif NAME == "relu":
        return tl.where(z <= 0, 0.0, z).to(z.dtype)
    elif NAME == "swish":
        return (z * logistic(z)).to(z.dtype)
    elif NAME == "gelu":
        return (z * normal_distribution(z)).to(z.dtype)
    else:
        return z


@triton.jit
def slope(kept, NAME: tl.constexpr):
    """`phi'(z)` from what is kept: of tanh its value, else z."""
    if NAME == "tanh":
        return 1 - kept * kept
    elif NAME == "relu":
        return tl.where(kept <= 0, 0.0, 1.0).to(kept.dtype)
    elif NAME == "swish":
        s = logistic(kept)
        return (s * (1 + kept * (1 - s))).to(kept.dtype)
    elif NAME == "gelu":
        density = 0.39894228040143267794 * tl.exp(-0.5 * kept * kept)
        return (normal_distribution(kept) + kept * density).to(kept.dtype)
    else:
        return tl.full(kept.shape, 1.0, kept.dtype)


@triton.jit
def value(kept, NAME: tl.constexpr):
    """`phi(z)` from what is kept."""
    return kept if NAME == "tanh" else phi(kept, NAME)
