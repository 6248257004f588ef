"""Every compiled path on arrays of odd sizes, for a copy of the extension with sanitizers: `python sanitized.py SO`.

Without torch and the package, which would take the sanitizers' memory for theirs. Prints `done`.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np


def loaded(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parameters(rng: np.random.Generator, dtype: type, r: int, depth: int, d: int, m: int, *, layer_first: bool):
    """`(V, W, b)` (r, depth, *shape), in either order in memory."""

    def drawn(*shape: int) -> np.ndarray:
        if layer_first:
            return rng.normal(size=(depth, r, *shape)).astype(dtype).swapaxes(0, 1)
        return rng.normal(size=(r, depth, *shape)).astype(dtype)

    return drawn(d, m), drawn(m, d), drawn(m)


def layers(module: Any) -> None:
    rng, depth = np.random.default_rng(0), 3
    sizes = (
        (1, 1, 1, 1),
        (2, 1, 3, 5),
        (1, 3, 30, 25),
        (3, 5, 17, 33),
        (1, 9, 64, 7),
        (3, 9, 64, 70),
    )  # r, vectors, d, m
    for processor, dtype, (r, vectors, d, hidden) in itertools.product(
        module.PROCESSORS, (np.float32, np.float64), sizes
    ):
        n = vectors * 64 // np.dtype(dtype).itemsize
        for block, activation, layer_first in itertools.product(module.BLOCKS, module.ACTIVATIONS, (False, True)):
            m = hidden if block == "two" else d
            theta = parameters(rng, dtype, r, depth, d, m, layer_first=layer_first)
            gradients = tuple(np.empty((depth, *w.shape[:1], *w.shape[2:]), dtype).swapaxes(0, 1) for w in theta)
            states, inner = np.empty((depth, r, d, n), dtype), np.empty((depth - 1, r, m, n), dtype)
            states[0], g = rng.normal(size=(r, d, n)), rng.normal(size=(r, d, n)).astype(dtype)
            how = (processor, block, activation, 0.1, 2)  # threads, where there is work for them
            module.advance(*how, states, inner, theta, 1)
            module.pull_back(*how, states, inner, g, theta, gradients, 1)
            module.run(*how, np.zeros((1, r, d, n), dtype), theta, m, depth)
            module.run(*how, np.zeros((depth + 1, r, d, n), dtype), theta, m, depth)
            z = np.array([0, 1e30, -1e30, np.inf, -np.inf, np.nan, 80, -80] * 2, dtype)
            module.functions(processor, activation, z, z.copy(), z.copy())


def walks(module: Any) -> None:
    """Spans with and without dependent vectors, bases of all coordinates, and states that are not finite."""
    sizes = ((1, 0, 1), (1, 0, 9), (2, 1, 16), (3, 2, 5), (7, 0, 33), (9, 0, 2), (20, 1, 50), (2, 0, 15))  # n, m, d
    forms = (("tanh", "identity", False), ("swish", "gelu", True), ("identity", "relu", False))
    for processor, dtype, size, scale, form in itertools.product(
        ("x86-64-v4", "x86-64-v3", "any"), (np.float32, np.float64), sizes, (0.3, 0.0, 1e30), forms
    ):
        try:
            walked(module, processor, dtype, size, scale, form)
        except ValueError as error:
            if "there is no compiled form" not in str(error):  # this is another kind of processor
                raise
    refused(module)


def walked(module: Any, processor: str, dtype: type, size: tuple[int, int, int], scale: float, form: tuple) -> None:
    """Two walkers in place; one layer alone; one walker kept, and backward."""
    (n, m, d), depth, rng = size, 5, np.random.default_rng(0)
    of_vector, v = 64 // np.dtype(dtype).itemsize, n * (1 + m)
    phi, psi, diffuses = form
    numbers = ((2**64 - 1, 7), (3, 2**63), 62, 64, 0)

    def how(every: tuple[int, ...]) -> tuple:
        walkers = tuple((phi, psi, layers, diffuses, 0.5, 0.1, 0.02) for layers in every)
        biased = len(every) * (n * (1.0,) + n * m * (0.0,))
        many = len(biased) > d + 1 or len(biased) ** 2 > 10 * (d + 1)
        return processor, walkers, biased, n, m, d, scale, 0.4, many

    start = np.zeros((19, v, (d // of_vector + 1) * of_vector), dtype)
    start[..., :d] = rng.normal(size=(19, v, d))
    both = np.tile(start, (1, 2, 1))
    if 2 * v <= 64:
        module.walk(how((1, 2)), (*numbers, depth), both, np.zeros_like(both))
    module.act(how((1,)), (*numbers, 1), start, np.empty_like(start))
    states, z = np.empty((depth + 1, *start.shape), dtype), np.empty((depth, 19, n, start.shape[2]), dtype)
    states[0], p = start, np.zeros_like(z[0])
    p[..., :d] = 1
    module.record(how((1,)), (*numbers, depth), states, z)
    module.pull_back(how((1,)), (*numbers, depth), states, z, p, np.empty_like(z), *np.empty((2, depth, 19), dtype))


def refused(module: Any) -> None:
    """What does not fit is refused before anything is written."""
    form, numbers = ("tanh", "tanh", 1, False, 0.0, 0.0, 0.0), ((1, 2), (3, 4), 0, 64, 0, 1)
    how, fitting = ("any", (form,), (1.0,), 1, 0, 5, 0.3, 0.4, False), np.zeros((2, 1, 16), np.float32)
    for wrong in (
        (fitting, np.zeros((2, 1, 32), np.float32)),
        (fitting, fitting.astype(np.float64)),
        (np.zeros((2, 1, 24)), np.zeros((2, 1, 24))),  # 64 bytes more than width + 1 float64 need
        (fitting[:, :, ::2], fitting[:, :, ::2]),
        (fitting.astype(np.int32), fitting.astype(np.int32)),
    ):
        try:
            module.walk(how, numbers, *wrong)
        except (ValueError, BufferError):
            continue
        raise AssertionError("arrays that do not fit were taken")


def pairs(module: Any) -> None:
    """Points of every number beside that of lanes, far apart, and not finite."""
    rng = np.random.default_rng(0)
    for processor, n, (d, k), size in itertools.product(
        module.PROCESSORS, (1, 2, 7, 8, 9, 17), ((1, 1), (2, 2), (3, 3), (5, 2), (16, 16)), (1.0, 1e200, np.nan)
    ):
        q, P, u, v = (size * rng.normal(size=shape) for shape in ((n, d), (n, k), (3, n, d), (3, n, k)))
        module.both(processor, 1.3, q, P, np.empty_like(P), np.empty_like(q))
        module.tangent(processor, 1.3, q, P, u, v, np.empty_like(v), np.empty_like(u))


EVERY_FUNCTION = {"walk": walks, "advance": layers, "tangent": pairs}
"""By one that only this extension has."""

if __name__ == "__main__":
    its_own = loaded(sys.argv[1])
    (program,) = (program for name, program in EVERY_FUNCTION.items() if hasattr(its_own, name))
    program(its_own)
    print("done")
