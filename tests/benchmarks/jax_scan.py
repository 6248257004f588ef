"""The networks of `bench_engines` in JAX, where that is installed: `lax.scan` over layers, replicas by `vmap`, Adam by
hand, compiled whole. On one thread."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

IS_HERE = importlib.util.find_spec("jax") is not None
BETAS, EPS = (0.9, 0.999), 1e-8


def jax() -> Any:
    """The library, on one thread of the CPU."""
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("XLA_FLAGS", flags)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax  # pyright: ignore

    jax.config.update("jax_enable_x64", True)
    return jax


def outputs(x: Any, W: Any, b: Any) -> Any:
    """`x_L` of one network, W (L, d, d)."""
    lib, h = jax(), 1 / W.shape[0]

    def layer(x, theta):
        W, b = theta
        return x + h * lib.numpy.tanh(x @ W.T + b), None

    return lib.lax.scan(layer, x, (W, b))[0]


def forward(x: Tensor, W: Tensor, b: Tensor) -> Callable[[], Tensor]:
    """What computes `x_L` of all replicas; compiled before it is returned."""
    lib = jax()
    arrays = [lib.numpy.asarray(t.numpy()) for t in (x, W, b)]
    compiled = lib.jit(lib.vmap(outputs, in_axes=(None, 0, 0)))
    compiled(*arrays).block_until_ready()
    return lambda: torch.from_dlpack(compiled(*arrays).block_until_ready())


def training(
    parameters: dict[str, Tensor], batches: Sequence[tuple[Tensor, Tensor]], rate: float
) -> Callable[[], Tensor]:
    """What trains all replicas on these batches and returns the losses (steps, replicas); compiled before it is."""
    lib = jax()
    np = lib.numpy

    def loss(theta, points, labels):
        x = points @ theta["read_in.W"].T + theta["read_in.b"]
        scores = outputs(x, theta["trunk.W"], theta["trunk.b"]) @ theta["read_out.W"].T + theta["read_out.b"]
        return -np.take_along_axis(lib.nn.log_softmax(scores), labels[:, None], axis=1).mean()

    def step(state, points, labels):
        theta, m, v, t = state
        value, g = lib.value_and_grad(loss)(theta, points, labels)
        m = lib.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, m, g)
        v = lib.tree.map(lambda v, g: BETAS[1] * v + (1 - BETAS[1]) * g * g, v, g)
        first, second = 1 - BETAS[0] ** (t + 1), 1 - BETAS[1] ** (t + 1)

        def moved(w, m, v):
            return (w - rate * (m / first) / (np.sqrt(v / second) + EPS)).astype(w.dtype)

        return (lib.tree.map(moved, theta, m, v), m, v, t + 1), value

    compiled = lib.jit(lib.vmap(step, in_axes=((0, 0, 0, None), None, None), out_axes=((0, 0, 0, None), 0)))
    theta = {name: np.asarray(w.detach().numpy()) for name, w in parameters.items()}
    points_and_labels = [(np.asarray(x.numpy()), np.asarray(y.numpy())) for x, y in batches]
    zeros = lib.tree.map(np.zeros_like, theta)
    start = (theta, zeros, zeros, np.asarray(0.0, np.float32))

    def run() -> Tensor:
        state, losses = start, []
        for points, labels in points_and_labels:
            state, value = compiled(state, points, labels)
            losses.append(value)
        return torch.from_dlpack(np.stack(losses).block_until_ready())

    run()
    return run
