"""Engines against a naive PyTorch loop: `python -m tests.benchmarks.bench_engines`.

Training is that of `bench_training`, by `training.loop.train` with Adam; forward is `Engine.forward` of networks of
given weights against a loop over networks and layers. All on one thread, in rounds that alternate; a ratio is the
median over five rounds after one that warms up. Where JAX is installed, a third column has the same networks by a scan
over the layers (`jax_scan.py`), compiled before the clock starts.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from resnet_limits.engines import computed_by
from resnet_limits.engines.engine import Engine
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.steps import STEPS
from tests.benchmarks import jax_scan
from tests.benchmarks.bench_training import BATCH, LR, ROUNDS, Naive, data, mini_batches, naive, ours, seconds, start
from tests.networks.test_compiled_functions import table

ENGINES = ("eager", "compiled")
COLUMNS = (*ENGINES, "JAX scan") if jax_scan.IS_HERE else ENGINES
Way = Callable[[], Callable[[], Tensor]]
"""What prepares a way, untimed, to the way."""


def row(work: str, naive_way: Way, ways: Mapping[str, Way], target: float, *, tolerance: float) -> None:
    """Print how many times as fast as the naive loop each way is, with the time of the compiled engine."""
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    times: list[float] = []
    for k in range(ROUNDS + 1):
        slow, expected = seconds(naive_way())
        for name, way in ways.items():
            fast, got = seconds(way())
            torch.testing.assert_close(got.to(expected.dtype), expected, rtol=tolerance, atol=tolerance)
            if k:
                ratios[name].append(slow / fast)
            if k and name == "compiled":
                times.append(fast)
    columns = "".join(f"{statistics.median(r):>6.2f} ({min(r):.2f} to {max(r):.2f})".rjust(24) for r in ratios.values())
    print(f"  {work:<44}{columns}{target:>8g}{1e3 * statistics.median(times):>10.2f} ms", flush=True)


def training(depth: int, width: int, replicas: int, target: float) -> None:
    dataset = data()

    def naive_way() -> Callable[[], Tensor]:
        parameters = start(depth, width, replicas)
        networks = [Naive({name: p[r] for name, p in parameters.items()}) for r in range(replicas)]
        return lambda: naive(networks, dataset)

    def way(engine: str) -> Way:
        def prepare() -> Callable[[], Tensor]:
            parameters = start(depth, width, replicas)

            def epoch() -> Tensor:
                with computed_by(engine):
                    return ours(depth, width, parameters, dataset)

            return epoch

        return prepare

    ways = {name: way(name) for name in ENGINES}
    if jax_scan.IS_HERE:
        batches = mini_batches(len(dataset.x_train), BATCH, 0, seed=0)
        of_batches = [(dataset.x_train[batch], dataset.y_train[batch]) for batch in batches]
        scan = jax_scan.training(start(depth, width, replicas), of_batches, LR)
        ways["JAX scan"] = lambda: scan
    work = f"training step L={depth} D={width} B={BATCH} R={replicas}"
    row(work, naive_way, ways, target, tolerance=2e-3)


@torch.no_grad()
def forward(depth: int, width: int, replicas: int, points: int, dtype: torch.dtype, target: float) -> None:
    stream = torch.Generator().manual_seed(2)
    W = (torch.randn(replicas, depth, width, width, generator=stream) / width**0.5).to(dtype)
    b, x = torch.zeros(replicas, depth, width, dtype=dtype), torch.randn(points, width, generator=stream).to(dtype)
    vector_field = field(OneBlock(), "tanh", width)

    def loop() -> Tensor:
        outputs = []
        for r in range(replicas):
            y = x
            for k in range(depth):
                y = y + torch.tanh(torch.nn.functional.linear(y, W[r, k], b[r, k])) / depth
            outputs.append(y)
        return torch.stack(outputs)

    def way(engine: Engine) -> Way:
        start, weights = x.expand(replicas, *x.shape), {"W": W, "b": b}
        return lambda: lambda: engine.forward(vector_field, STEPS["euler"], start, weights, 1 / depth)

    ways = {name: way(Engine.options[name]()) for name in ENGINES}
    if jax_scan.IS_HERE:
        scan = jax_scan.forward(x, W, b)
        ways["JAX scan"] = lambda: scan
    row(f"forward R={replicas} L={depth} D={width} B={points} {dtype}"[:44], lambda: loop, ways, target, tolerance=1e-4)


def main() -> None:
    torch.set_num_threads(1)
    names = "".join(f"{name:>24}" for name in COLUMNS)
    print(f"times as fast as the naive loop, one thread, median of {ROUNDS} rounds (min to max)")
    print(f"  {'':<44}{names}{'target':>8}{'compiled':>13}")
    training(1000, 30, 1, 5)
    training(64, 30, 1, 6)
    training(1024, 64, 1, 2.5)
    training(64, 30, 8, 10)
    forward(256, 32, 32, 16, torch.float32, 18)
    forward(256, 32, 32, 16, torch.float64, 9)
    print("largest errors of the activations, over the whole range", *table(), sep="\n  ")


if __name__ == "__main__":
    main()
