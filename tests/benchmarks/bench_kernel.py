"""Kernels of infinitely wide networks and inference with them: `python -m tests.benchmarks.bench_kernel [--deep]`.

Kernel matrix of 1000 inputs at depth 1000: the limit by its closed form against the recursion, layer by layer, and how
far they are apart. Then the value *at* depth 1000, which the recursion has exactly: by the limit and recursions of
depth 16 and 32 (the parabola in 1/L through the three), and by the recursion of the 1600 or so pairs of a table, of
which all others are interpolated; for 10,000 inputs too, where the other side is 100 times that of 1000 inputs. One
thread, time of the processor, half of the matrix on both sides; the recursion's is extrapolated from 50 layers unless
`--deep` is given.

Inference on all of MNIST, or, where `$RESLIM_DATA` does not hold it, 60,000 random points of its size: affine kernel in
feature space, seconds of the clock on one thread, and peak memory. The kernel of deep blocks on 10,000 points
(`--deep`; else 2,000), itself (2,000) and from a table, with its Cholesky factor.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from resnet_limits.data.dataset import Dataset
from resnet_limits.data.loading import load
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.errors import MissingData
from resnet_limits.inference import dense, features
from resnet_limits.inference.targets import one_hot
from resnet_limits.limits.deep_kernel import DeepKernel, extremes
from resnet_limits.limits.kernel import LimitKernel
from resnet_limits.limits.kernel_recursion import FiniteDepthKernel
from resnet_limits.limits.pair_kernel import mean_square
from resnet_limits.limits.tabulated import tabulate
from resnet_limits.networks.classifier import accuracy

N, DEPTH, WALKED, SHALLOW, ROUNDS = 1000, 1000, 50, (16, 32), 3
SIZES: dict[str, Any] = {"sigma_w": 0.8, "sigma_b": 0.3}


def peak() -> float:
    """GB of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def timed(work: Callable[[], Tensor], clock: Callable[[], float], rounds: int = ROUNDS) -> tuple[float, Tensor]:
    """Seconds, the best of rounds, and what was made."""
    best, made = float("inf"), None
    for _ in range(rounds):
        began = clock()
        made = work()
        best = min(best, clock() - began)
    assert made is not None
    return best, made


def at_depth(kernel: LimitKernel, z: Tensor, **keys: Any) -> Tensor:
    """The kernel at depth 1000 from the limit and two shallow recursions: `K + a/L + b/L^2` through all three."""
    K = kernel(z, z)
    first, second = (L * (FiniteDepthKernel(depth=L, **keys)(z, z) - K) for L in SHALLOW)
    x, y = (1 / L for L in SHALLOW)
    b = (first - second) / (x - y)
    return K + (first - b * x) / DEPTH + b / DEPTH**2


def depth_and_width(full: bool) -> None:
    z = torch.randn(N, 784, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layers = DEPTH if full else WALKED
    how = "" if full else f" (extrapolated from {WALKED} layers)"
    print(f"kernel matrix of {N} inputs, depth {DEPTH}, float64, one thread")
    for phi in ("tanh", "swish"):
        for kind in ("nngp", "ntk"):
            keys: dict[str, Any] = {"phi": phi, "kind": kind, "horizon": 1.0, **SIZES}
            limit = LimitKernel(largest=float(mean_square(z).max()), **keys)
            short = {**keys, "horizon": layers / DEPTH}  # the layers of the deep network, fewer of them
            slow, K = timed(
                lambda short=short: FiniteDepthKernel(depth=layers, **short)(z, z), time.process_time, 1 if full else 2
            )
            slow *= DEPTH / layers
            fast, closed = timed(lambda limit=limit: limit(z, z), time.process_time)
            seconds_corrected, corrected = timed(
                lambda limit=limit, keys=keys: at_depth(limit, z, **keys), time.process_time
            )
            few = z[:64]
            deep = K[:64, :64] if full else FiniteDepthKernel(depth=DEPTH, **keys)(few, few)
            size = float(deep.abs().max())
            off, corrected_off = (float((x[:64, :64] - deep).abs().max()) / size for x in (closed, corrected))
            print(
                f"  {phi:6s}{kind:5s} recursion {slow:6.1f} s{how}, {off:.0e} from the limit; closed form {fast:.3f} s,"
                f" error {max(limit.error, 1e-15):.0e}: {slow / fast:.0f} times faster\n"
                f"{'':14s}at depth {DEPTH}: limit and depths {SHALLOW[0]}, {SHALLOW[1]} in {seconds_corrected:.2f} s,"
                f" relative error {corrected_off:.0e}: {slow / seconds_corrected:.0f} times faster",
                flush=True,
            )
            recursion = FiniteDepthKernel(depth=DEPTH, **keys)
            making, _ = timed(lambda r=recursion: tabulate(r, mean_square(z)).coefficients, time.process_time, 1)
            table = tabulate(recursion, mean_square(z))
            reading, entries = timed(lambda table=table: table(z, z), time.process_time)
            table_off = float((entries[:64, :64] - deep).abs().max()) / size
            print(
                f"{'':14s}at depth {DEPTH}: table in {making:.2f} s, read in {reading:.2f} s, relative error"
                f" {table_off:.0e}: {slow / (making + reading):.0f} times faster;"
                f" {10 * N} inputs {100 * slow / (making + 100 * reading):.0f} times",
                flush=True,
            )


def points() -> tuple[Dataset, str]:
    try:
        return load(MnistData(), seed=0), "MNIST"
    except MissingData:
        stream = torch.Generator().manual_seed(0)
        x, y = torch.randn(70_000, 784, generator=stream), torch.randint(10, (70_000,), generator=stream)
        return Dataset("random", x[:60_000], y[:60_000], x[60_000:], y[60_000:], 10), "random points"


def affine(data: Dataset, name: str) -> None:
    before, y = peak(), one_hot(data.y_train, data.classes)
    for phi in ("tanh", "swish"):
        for kind in ("nngp", "ntk"):
            began = time.perf_counter()
            largest = float(torch.cat([mean_square(x) for x in (data.x_train, data.x_test)]).max())
            K = LimitKernel(phi=phi, kind=kind, horizon=0.5, largest=largest, **SIZES)
            regression = features.fit(K.features, data.x_train, y)
            mean, _ = regression.posterior(data.x_test, 1.0)
            print(
                f"  {phi:6s}{kind:5s} {len(data.x_train)} x {data.features}, {regression.values.numel()} features:"
                f" posterior mean and variance at {len(data.x_test)} points in {time.perf_counter() - began:.1f} s,"
                f" test accuracy {float(accuracy(mean[None], data.y_test)):.4f}",
                flush=True,
            )
    print(f"  peak memory {peak():.2f} GB, {before:.2f} GB before ({name} loaded)")


def deep_blocks(data: Dataset, count: int) -> None:
    for phi in ("relu", "tanh"):
        kernel = DeepKernel(phi=phi, inner=(1.0, 0.3), outer=(1.0, 0.3), horizon=1.0)
        kernel, error = kernel.with_tolerance(extremes(data.x_train), 1e-6)
        few = data.x_train[:1000]
        direct, K = timed(lambda kernel=kernel, few=few: kernel(few, few), time.process_time, 1)
        began = time.process_time()
        table = tabulate(
            kernel, torch.cat([mean_square(points) for points in (data.x_train, data.x_test)]), tolerance=1e-6
        )
        making = time.process_time() - began
        off = float((table(few, few) - K).abs().max() / K.abs().max())
        x, y = data.x_train[:count], one_hot(data.y_train[:count], data.classes)
        assembly, _ = timed(lambda table=table, x=x: dense.assemble(table, x, mirrored=False), time.process_time, 1)
        began = time.process_time()
        posterior = dense.posterior(table, x, y, ridge=1e-2)
        outputs = posterior.mean(data.x_test)
        print(
            f"  deep {phi}: {kernel.steps} steps (error {error:.0e}), 1000 x 1000 in {direct:.2f} s; table"
            f" {tuple(table.coefficients.shape)} in {making:.1f} s, error {off:.0e}; with it {count} x {count} in"
            f" {assembly:.1f} s, all of inference {time.process_time() - began:.1f} s, test accuracy"
            f" {float(accuracy(outputs[None], data.y_test)):.4f}; peak memory {peak():.2f} GB",
            flush=True,
        )


def main() -> None:
    full = "--deep" in sys.argv
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    torch.set_num_threads(1)
    depth_and_width(full)
    data, name = points()
    print(f"{name}, one thread")
    affine(data, name)
    deep_blocks(data, 10_000 if full else 2_000)


if __name__ == "__main__":
    main()
