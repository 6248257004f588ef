"""Fractional Brownian weights of a network, all entries at once against one path at a time.

    python -m tests.benchmarks.bench_paths

Depth 1000, width 40, one replica: 1600 paths of fractional Gaussian noise, float64, one thread. Five interleaved
rounds; a ratio is the median over the rounds of (time of the loop) / (our time). Both sides are exact Davies-Harte
samplers. The loops are what one writes for one path, called for every entry of the matrix; the second one is smart
and keeps the eigenvalues from path to path. The last line is the law `init=fractional` itself, which draws its paths
on 4096 cells whatever the depth, against the loop on as many cells.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.fractional import CELLS_OF_GRID
from resnet_limits.paths.laws.fractional import FractionalLaw
from tests.paths.noise import fractional_gaussian_noise

DEPTH, WIDTH, HURST, ROUNDS = 1000, 40, 0.25, 5


def eigenvalues(n: int, hurst: float) -> Tensor:
    k = torch.arange(n + 1, dtype=torch.float64)
    covariance = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + (k - 1).abs() ** (2 * hurst))
    return torch.fft.fft(torch.cat([covariance, covariance[1:-1].flip(0)])).real.clamp(min=0)


def noise_from(spectrum: Tensor) -> Tensor:
    size = len(spectrum)
    normals = torch.randn(size, dtype=torch.complex128)  # variance 1/2 in each part
    return torch.fft.fft((2 * spectrum / size).sqrt() * normals).real[: size // 2]


def one_path(n: int, hurst: float) -> Tensor:
    """Fractional Gaussian noise of length n: Davies & Harte (1987), as written for one path."""
    return noise_from(eigenvalues(n, hurst))


def one_at_a_time(n: int) -> Tensor:
    weights = torch.empty(n, WIDTH, WIDTH, dtype=torch.float64)
    for i in range(WIDTH):
        for j in range(WIDTH):
            weights[:, i, j] = one_path(n, HURST)
    return weights


def one_at_a_time_with_kept_eigenvalues(n: int) -> Tensor:
    spectrum = eigenvalues(n, HURST)
    weights = torch.empty(n, WIDTH, WIDTH, dtype=torch.float64)
    for i in range(WIDTH):
        for j in range(WIDTH):
            weights[:, i, j] = noise_from(spectrum)
    return weights


def all_at_once(seed: int) -> Tensor:
    return fractional_gaussian_noise(DEPTH, HURST, (WIDTH, WIDTH), replicas=1, seed=seed, purpose="benchmark")


def the_law(seed: int) -> Tensor:
    weights = draw_path(
        FractionalLaw(hurst=HURST), {"W": (WIDTH, WIDTH)}, depth=DEPTH, horizon=1.0, replicas=1, seed=seed
    )
    return weights["W"].at(torch.arange(DEPTH, dtype=torch.float64) / DEPTH)


def seconds(work: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    torch.set_num_threads(1)
    for warm_up in (lambda: all_at_once(0), lambda: the_law(0), lambda: one_path(DEPTH, HURST)):
        warm_up()
    rounds: dict[str, list[float]] = {}
    for r in range(ROUNDS):
        for name, work in (
            ("all at once", lambda r=r: all_at_once(r)),
            ("one at a time", lambda: one_at_a_time(DEPTH)),
            ("one at a time, eigenvalues kept", lambda: one_at_a_time_with_kept_eigenvalues(DEPTH)),
            ("init=fractional", lambda r=r: the_law(r)),
            (f"one at a time, {CELLS_OF_GRID} cells", lambda: one_at_a_time(CELLS_OF_GRID)),
        ):
            rounds.setdefault(name, []).append(seconds(work))
    print(f"fractional noise, L={DEPTH}, D={WIDTH}, float64, one thread, median of {ROUNDS} rounds (min to max)")
    for name, times in rounds.items():
        print(
            f"  {name:34s} {1e3 * statistics.median(times):8.1f} ms ({1e3 * min(times):.1f} to {1e3 * max(times):.1f})"
        )
    for slow, fast in (
        ("one at a time", "all at once"),
        ("one at a time, eigenvalues kept", "all at once"),
        (f"one at a time, {CELLS_OF_GRID} cells", "init=fractional"),
    ):
        ratios = [s / f for s, f in zip(rounds[slow], rounds[fast], strict=True)]
        spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
        print(f"  {fast} is {statistics.median(ratios):.1f} times faster than {slow} ({spread})")


if __name__ == "__main__":
    main()
