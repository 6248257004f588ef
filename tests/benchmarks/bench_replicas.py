"""Replicas side by side against one network at a time: `python -m tests.benchmarks.bench_replicas`.

A forward pass of 32 replicas, depth 256, width 32, batch 16, tanh, without gradients, on one thread. The naive loop is
what one writes first: an `nn.Linear` a layer, one network after the other. All compute the same numbers, in the same
precision, in rounds that alternate; the printed time is the median over five rounds after one that warms up.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.parametrisation import ODE
from resnet_limits.networks.residual import forward, layer_first
from resnet_limits.networks.steps import STEPS

REPLICAS, DEPTH, WIDTH, BATCH = 32, 256, 32, 16
ROUNDS = 5
TARGET = 8


def contenders(dtype: torch.dtype) -> dict[str, Callable[[], Tensor]]:
    """The ways, on the same weights and inputs."""
    stream = torch.Generator().manual_seed(0)
    x0 = torch.randn(REPLICAS, BATCH, WIDTH, generator=stream, dtype=dtype)
    weights = {
        "W": torch.randn(REPLICAS, DEPTH, WIDTH, WIDTH, generator=stream, dtype=dtype) / WIDTH**0.5,
        "b": torch.randn(REPLICAS, DEPTH, WIDTH, generator=stream, dtype=dtype) / 2,
    }
    h = ODE.block_factor(DEPTH)
    networks = [[nn.Linear(WIDTH, WIDTH, dtype=dtype) for _ in range(DEPTH)] for _ in range(REPLICAS)]
    with torch.no_grad():
        for r, layers in enumerate(networks):
            for k, layer in enumerate(layers):
                layer.weight.copy_(weights["W"][r, k])
                layer.bias.copy_(weights["b"][r, k])

    def one_at_a_time() -> Tensor:
        outputs = []
        with torch.no_grad():
            for x, layers in zip(x0, networks, strict=True):
                for layer in layers:
                    x = x + h * torch.tanh(layer(x))
                outputs.append(x)
        return torch.stack(outputs)

    f, step = field(OneBlock(), "tanh", WIDTH), STEPS["euler"]

    def side_by_side() -> Tensor:
        with torch.no_grad():
            return forward(f, step, x0, weights, h)

    reordered = layer_first(weights)

    def layers_contiguous() -> Tensor:
        with torch.no_grad():
            return forward(f, step, x0, reordered, h)

    return {"one at a time": one_at_a_time, "side by side": side_by_side, "layers contiguous": layers_contiguous}


def measure(dtype: torch.dtype) -> dict[str, float]:
    """Median seconds of each way; they agree up to rounding or this fails."""
    ways = contenders(dtype)
    naive, *ours = (way() for way in ways.values())
    for output in ours:
        torch.testing.assert_close(output, naive, rtol=1e-4, atol=1e-5)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(s) for name, s in seconds.items()}


def main() -> None:
    torch.set_num_threads(1)
    print(f"forward pass, R={REPLICAS} L={DEPTH} D={WIDTH} batch={BATCH}, one thread, median of {ROUNDS} rounds")
    for dtype in (torch.float32, torch.float64):
        medians = measure(dtype)
        naive = medians["one at a time"]
        print(f"  {str(dtype).removeprefix('torch.')}")
        for name, seconds in medians.items():
            print(f"    {name:18} {1e3 * seconds:7.1f} ms, {naive / seconds:5.1f} times as fast")
    print(f"  target: {TARGET} times, in float32")


if __name__ == "__main__":
    main()
