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
    sizes = ((1, 1, 1, 1), (2, 1, 3, 5), (1, 3, 30, 25), (3, 5, 17, 33), (1, 9, 64, 7), (3, 9, 64, 70))  # r, vectors, d, m
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
    rng, sizes = np.random.default_rng(0), ((1, 1), (1, 9), (2, 16), (3, 5), (7, 33), (9, 2), (40, 50))  # n, d
    for processor, dtype, (n, d), scale in itertools.product(
        ("x86-64-v4", "x86-64-v3", "any"), (np.float32, np.float64), sizes, (0.3, 0.0, 1e30)
    ):
        of_vector = 64 // np.dtype(dtype).itemsize
        states = np.zeros((3, 2 * n, -(-d // of_vector) * of_vector), dtype)
        states[..., :d] = np.tile(rng.normal(size=(3, n, d)), (1, 2, 1))
        many = 2 * n > d + 1 or 4 * n * n > 10 * (d + 1)
        for phi, psi in (("tanh", "identity"), ("swish", "gelu"), ("identity", "relu")):
            how = (d, scale, 0.4, 2**64 - 1, 7, 62, 64)
            try:
                module.walk(processor, (phi, "tanh"), (psi, "tanh"), (1, 2), states, states.copy(), *how, 0, 5, many)
            except ValueError as error:
                if "there is no compiled form" not in str(error):  # this is another kind of processor
                    raise


if __name__ == "__main__":
    its_own = loaded(sys.argv[1])
    (walks if hasattr(its_own, "walk") else layers)(its_own)
    print("done")
