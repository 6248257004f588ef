"""Activations in C against numbers of many digits, over the whole range; run as a program this prints their errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

from resnet_limits.engines.compiled import PROCESSORS, layers

pytestmark = pytest.mark.skipif(not PROCESSORS, reason="installed without a C compiler")
Number = mpmath.mpf


def tanh(z: Any) -> tuple[Any, Any]:
    return mpmath.tanh(z), mpmath.sech(z) ** 2


def swish(z: Any) -> tuple[Any, Any]:
    s = 1 / (1 + mpmath.exp(-z))
    return z * s, s * (1 + z / (1 + mpmath.exp(z)))


def gelu(z: Any) -> tuple[Any, Any]:
    below = mpmath.erfc(-z / mpmath.sqrt(2)) / 2
    return z * below, below + z * mpmath.npdf(z)


EXACT: dict[str, Callable[[Any], tuple[Any, Any]]] = {"tanh": tanh, "swish": swish, "gelu": gelu}
RANGE = {
    np.float32: {"tanh": 43.0, "swish": 80.0, "gelu": 13.0},
    np.float64: {"tanh": 353.0, "swish": 700.0, "gelu": 37.0},
}
"""Where value and slope are normal numbers."""
MOST = {"tanh": (1.5, 2.5), "swish": (2.0, 2.0), "gelu": (3.5, 2.0)}
"""Units of 2^-52 or 2^-23: of the value, relative to it, and of the slope, relative to it or to 1 where it is less."""


def points(dtype: type, top: float) -> np.ndarray:
    """Normal ones, as many over the whole range, and of every size next to 0."""
    rng = np.random.default_rng(0)
    z = [
        2 * rng.normal(size=400),
        rng.uniform(-top, top, 400),
        rng.choice([-1, 1], 400) * np.exp(rng.uniform(-60, 0, 400)),
    ]
    return np.concatenate([*z, np.linspace(-top, top, 80)]).astype(dtype)


def errors(processor: str, name: str, dtype: type) -> tuple[float, float]:
    """The largest error of the value and of the slope."""
    z = points(dtype, RANGE[dtype][name])
    value, slope = np.empty_like(z), np.empty_like(z)
    layers.functions(processor, name, z, value, slope)
    eps, worst = float(np.finfo(dtype).eps), [Number(0), Number(0)]
    with mpmath.workprec(140):
        for at, a, s in zip(z, value, slope, strict=True):
            exact_a, exact_s = EXACT[name](Number(float(at)))
            worst[0] = max(worst[0], abs(Number(float(a)) - exact_a) / abs(exact_a))
            worst[1] = max(worst[1], abs(Number(float(s)) - exact_s) / max(abs(exact_s), 1))
    return float(worst[0]) / eps, float(worst[1]) / eps


def table() -> Iterator[str]:
    yield f"{'':<14}{'':<8}{'precision':<10}{'|z| <=':>7}{'value':>7}{'slope':>7}   units of the last place of 1"
    for processor in PROCESSORS:
        for dtype in (np.float32, np.float64):
            for name in EXACT:
                value, slope = errors(processor, name, dtype)
                top = RANGE[dtype][name]
                yield f"{processor:<14}{name:<8}{dtype.__name__:<10}{top:>7g}{value:>7.2f}{slope:>7.2f}"


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_right_to_some_units_of_the_last_place(processor, name, dtype):
    value, slope = errors(processor, name, dtype)
    assert value < MOST[name][0]
    assert slope < MOST[name][1]


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_beyond_every_size_and_at_zero_they_are_what_they_tend_to(processor, dtype):
    huge, tiny = float(np.finfo(dtype).max), float(np.finfo(dtype).tiny)
    z = np.resize(np.array([0.0, -0.0, huge, -huge, np.inf, tiny, -tiny, np.nan]), 16).astype(dtype)
    expected = {
        "tanh": ([0, 0, 1, -1, 1, tiny, -tiny, np.nan], [1, 1, 0, 0, 0, 1, 1, np.nan]),
        "relu": ([0, 0, huge, 0, np.inf, tiny, 0, np.nan], [0, 0, 1, 0, 1, 1, 0, None]),
        "identity": (z[:8], [1] * 8),
        "swish": ([0, 0, huge, 0, np.inf, tiny / 2, -tiny / 2, np.nan], [0.5, 0.5, 1, 0, 1, 0.5, 0.5, np.nan]),
        "gelu": ([0, 0, huge, 0, np.inf, tiny / 2, -tiny / 2, np.nan], [0.5, 0.5, 1, 0, 1, 0.5, 0.5, np.nan]),
    }
    for name, (values, slopes) in expected.items():
        value, slope = np.empty_like(z), np.empty_like(z)
        layers.functions(processor, name, z, value, slope)
        for got, exact in ((value, values), (slope, slopes)):
            for mine, limit in zip(got, exact, strict=False):
                assert limit is None or mine == pytest.approx(limit, rel=1e-6, abs=1e-30, nan_ok=True), name
        assert np.array_equal(np.signbit(value[:2]), [False, True]) or name == "relu"


if __name__ == "__main__":
    print(*table(), sep="\n")
