"""Sampling on the span against full weight matrices: `python -m tests.benchmarks.bench_sampling [--deep]`.

Random tanh networks `x + tanh(W x + b)`, float32. The naive loop is what one writes first: for each network and layer
a matrix drawn into memory that is kept, one affine map, one activation; with gradients, autograd through all layers.
Both get the same number of threads; times are of whole networks, the best of rounds that alternate, and a network of
the engine costs the time of a piece of replicas divided by their number. On one thread the time is the processor's,
which other programs on the machine change less; on two it is the clock's. In the same run both samples are held against
one another: two-sample Kolmogorov-Smirnov tests of what is printed, which fail the benchmark below p = 1e-4.

Last, what the weak error of `E|x|^2/D` at depth 512 takes to a relative 1e-3, at the study's defaults: layers drawn by
plain Monte Carlo (networks of depth 512 against the limit in closed form), `512 V/(1e-3 error)^2` for the variance V of
a pilot, and by `sde.weak`, less the martingale and four times as many a sample, since it draws depth 1024 beside. The
pilots have noise of their own, and their errors are held against one another.

`--deep` runs depth 10,000, width 500, 1,000 networks in full; without it the time is extrapolated from 200 layers.
"""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import scipy.stats
import torch
from torch import Tensor

from resnet_limits.engines import default_engine
from resnet_limits.measurement.estimate import mean
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import ShallowNetwork, Walker
from resnet_limits.studies.sde.settings import Sde
from resnet_limits.studies.sde.weak import measure as weak

LAW = Isotropic(1.0, 0.5)
TANH = ShallowNetwork("tanh")
ROUNDS = 5
NAIVE_NETWORKS = 40
STREAM = Stream(0, "bench")


def start(n: int, width: int) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(0))


def naive_forward(x: Tensor, depth: int) -> Tensor:
    """One network."""
    width = x.shape[-1]
    W, b = torch.empty(width, width), torch.empty(width)
    w, s = LAW.sigma_w / math.sqrt(depth * width), LAW.sigma_b / math.sqrt(depth)
    for _ in range(depth):
        x = x + torch.tanh(torch.nn.functional.linear(x, W.normal_(0, w), b.normal_(0, s)))
    return x


def naive_gradients(x: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """One network: norms by layer of the gradient of `|x_L|^2/2` with respect to `W_k`, and the final states."""
    width = x.shape[-1]
    w, s = LAW.sigma_w / math.sqrt(depth * width), LAW.sigma_b / math.sqrt(depth)
    weights = [torch.empty(width, width).normal_(0, w).requires_grad_() for _ in range(depth)]
    biases = [torch.empty(width).normal_(0, s).requires_grad_() for _ in range(depth)]
    for W, b in zip(weights, biases, strict=True):
        x = x + torch.tanh(torch.nn.functional.linear(x, W, b))
    (x.square().sum() / 2).backward()
    norms = [W.grad.norm() for W in weights if W.grad is not None]
    return torch.stack(norms), x.detach()


def best(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    now = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    seconds = {name: math.inf for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = now()
            way()
            seconds[name] = min(seconds[name], now() - began)
    return seconds


def report(title: str, seconds: dict[str, float], networks: int, target: int) -> None:
    naive, ours = seconds["naive"], seconds["ours"] / networks
    print(
        f"  {title:41} naive {1e3 * naive:7.1f} ms, ours {1e3 * ours:7.3f} ms a network ({networks} at a time), "
        f"{naive / ours:4.0f} times as fast; target {target}",
        flush=True,
    )


def same_law(samples: dict[str, tuple[Tensor, Tensor]]) -> None:
    """Two samples of each quantity, the naive one and ours."""
    for name, (naive, ours) in samples.items():
        p = float(scipy.stats.ks_2samp(naive.numpy(), ours.numpy()).pvalue)  # pyright: ignore
        print(f"    law of {name}: p = {p:.3f} ({len(naive)} and {len(ours)} networks)")
        if p < 1e-4:
            raise SystemExit(f"the laws of {name} differ")


def summary(x: Tensor) -> dict[str, Tensor]:
    """Of final states (r, n, d)."""
    return {"|x_L|": x[:, 0].norm(dim=-1), "<x_L, y_L>": (x[:, 0] * x[:, -1]).sum(dim=-1)}


def forward(n: int, width: int, depth: int, target: int, check: bool) -> None:
    """A piece of replicas against one network."""
    x0, replicas = start(n, width), default_engine().piece_size(n, width, torch.float32)

    def piece(first: int, count: int) -> Tensor:
        return default_engine().final(
            [Walker(TANH, depth)],
            x0.expand(count, n, width),
            LAW,
            horizon=1.0,
            stream=replace(STREAM, first_replica=first),
        )[0]

    def ours(networks: int = replicas) -> Tensor:
        cut = default_engine().pieces(networks, vectors=n, width=width, dtype=torch.float32)
        return torch.cat([piece(first, count) for first, count in cut])

    seconds = best({"naive": lambda: naive_forward(x0, depth), "ours": ours})
    report(f"forward, D={width} L={depth} N={n}", seconds, replicas, target)
    if check:
        naive = summary(torch.stack([naive_forward(x0, depth) for _ in range(NAIVE_NETWORKS)]))
        engine = summary(ours(256))
        same_law({name: (naive[name], engine[name]) for name in naive})


def with_gradients(n: int, width: int, depth: int, target: int, check: bool) -> None:
    """512 replicas, whose tape takes 0.8 GB at depth 1000, width 40."""
    x0, replicas = start(n, width), 512

    def ours() -> Tensor:
        start = x0.expand(replicas, n, width)
        tape = default_engine().record(TANH, start, LAW, depth=depth, horizon=1.0, stream=STREAM)
        return tape.gradients(tape.final).weights

    both = best({"naive": lambda: naive_gradients(x0, depth), "ours": ours})
    report(f"forward and gradient, D={width} L={depth} N={n}", both, replicas, target)
    if check:
        drawn = [naive_gradients(x0, depth)[0] for _ in range(NAIVE_NETWORKS)]
        naive, engine = torch.stack(drawn), ours().T
        same_law({f"|dJ/dW_{k}|": (naive[:, k], engine[:, k]) for k in (0, depth // 2, depth - 1)})


def deep(full: bool) -> None:
    """Depth 10,000, width 500, 1,000 networks of 2 inputs."""
    depth, networks, width, n = 10_000, 1000, 500, 2
    walked = depth if full else 200
    x0, before = start(n, width), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    now = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    began = now()
    # Of the shorter run the layers are those of the deep one: the horizon shrinks with the number of layers.

    def piece(first: int, count: int) -> Tensor:
        return (
            default_engine()
            .final(
                [Walker(TANH, walked)],
                x0.expand(count, n, width),
                LAW,
                horizon=walked / depth,
                stream=replace(STREAM, first_replica=first),
            )[0]
            .norm(dim=-1)
        )

    cut = default_engine().pieces(networks, vectors=n, width=width, dtype=torch.float32)
    size = [piece(first, count) for first, count in cut]
    seconds = (now() - began) * depth / walked
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    how_long = "measured" if full else f"extrapolated from {walked} layers"
    print(
        f"  depth {depth}, D={width}, {networks} networks, N={n}: {seconds:.0f} s ({how_long}), "
        f"{more:.0f} MB more than before, mean |x| {float(torch.cat(size).mean()):.2f}",
        flush=True,
    )


def weak_error(target: int, pilot: int = 1024) -> None:
    """Layers that the weak error takes, by the variances of two pilots."""
    settings = Sde(depth=512, replicas=pilot)
    case = next(candidate for candidate in weak.cases(settings) if "norm" in candidate.functionals)
    at, exact = list(case.functionals).index("norm"), weak.exact_values(settings, case)
    ours = weak.sampled_networks(settings, case, 0, pilot, lambda _: None).of(at)[1][0] - exact[at]
    plain = weak.sampled_networks(replace(settings, seed=1), case, 0, pilot, lambda _: None).of(at)[0][0] - exact[at]
    (error, stderr), (other, other_stderr) = mean(ours), mean(plain)
    drawn = {"plain": (512, plain), "ours": (4 * 512, ours)}
    layers = {name: depth * float(x.var()) / (1e-3 * error) ** 2 for name, (depth, x) in drawn.items()}
    print(
        f"weak error at L=512 to a relative 1e-3: plain {layers['plain']:.1e} layers, ours {layers['ours']:.1e}, "
        f"{layers['plain'] / layers['ours']:.1e} times fewer; target {target}\n"
        f"  the error is {error:.4e} +- {stderr:.1e} (ours), {other:.1e} +- {other_stderr:.1e} (plain),"
        f" {pilot} networks each",
        flush=True,
    )
    if abs(error - other) > 5 * math.hypot(stderr, other_stderr):
        raise SystemExit("the weak errors differ")


def main() -> None:
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(f"{threads} thread{'s' if threads > 1 else ''}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        forward(2, 500, 500, target=120, check=threads == 1)
        forward(10, 500, 500, target=30, check=threads == 1)
        forward(2, 40, 1000, target=15, check=threads == 1)
        with_gradients(2, 40, 1000, target=15, check=threads == 1)
        deep(full="--deep" in sys.argv and threads == 2)
    weak_error(target=10)
    print(f"peak memory of all of this: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
