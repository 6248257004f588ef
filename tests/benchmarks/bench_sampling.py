"""Sampling on the span against full weight matrices: `python -m tests.benchmarks.bench_sampling [--deep] [--study]`.

Random tanh networks `x + tanh(W x + b)`, float32, one thread. The naive loop is what one writes first: for each network
and layer a matrix drawn into memory that is kept, one affine map, one activation; with gradients, autograd through all
layers. Times are the processor's, which other programs on the machine change less than the clock's, of whole networks;
a network of an engine costs the time of a piece of replicas divided by their number, and a ratio is the median of
rounds that alternate, after one that warms up. In the same run the samples are held against one another: two-sample
Kolmogorov-Smirnov tests of what is printed, which fail the benchmark below p = 1e-4.

Last, what the weak error of `E|x|^2/D` at depth 512 takes to a relative 1e-3, at the study's defaults: layers drawn by
plain Monte Carlo (networks of depth 512 against the limit in closed form), `512 V/(1e-3 error)^2` for the variance V of
a pilot, and by `sde.weak`, less the martingale and four times as many a sample, since it draws depth 1024 beside. The
pilots have noise of their own, and their errors are held against one another.

`--deep` runs depth 10,000, width 500, 1,000 networks in full; without it the time is extrapolated from 200 layers.
`--study` runs `reslim train study=sde` once on each engine, which takes some minutes, and prints the processor's time.
"""

from __future__ import annotations

import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import scipy.stats
import torch
from torch import Tensor

from resnet_limits.engines import default_engine
from resnet_limits.engines.engine import Engine
from resnet_limits.measurement.estimate import mean
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import ShallowNetwork, Walker
from resnet_limits.studies.sde.settings import Sde
from resnet_limits.studies.sde.weak import measure as weak

LAW = Isotropic(1.0, 0.5)
TANH = ShallowNetwork("tanh")
ENGINES = ("eager", "compiled")
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


def row(
    work: str, naive: Callable[[], object], ways: Mapping[str, Callable[[], object]], networks: int, target: int
) -> None:
    """Print how many times as fast as the naive loop each engine is, and what a network of the last one takes."""
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    times: list[float] = []
    for k in range(ROUNDS + 1):
        slow = seconds(naive)
        for name, way in ways.items():
            fast = seconds(way) / networks
            if k:
                ratios[name].append(slow / fast)
        if k:
            times.append(fast)
    columns = "".join(f"{statistics.median(r):>5.0f} ({min(r):.0f} to {max(r):.0f})".rjust(20) for r in ratios.values())
    print(f"  {work:<40}{columns}{target:>8}{1e3 * statistics.median(times):>13.3f} ms ({networks})", flush=True)


def seconds(way: Callable[[], object]) -> float:
    """Of this thread."""
    began = time.thread_time()
    way()
    return time.thread_time() - began


def same_law(naive: dict[str, Tensor], engines: dict[str, dict[str, Tensor]]) -> None:
    """A sample of each quantity by the naive loop, and those by each engine."""
    for engine, ours in engines.items():
        for name, sample in naive.items():
            p = float(scipy.stats.ks_2samp(sample.numpy(), ours[name].numpy()).pvalue)  # pyright: ignore
            sizes = f"{len(sample)} and {len(ours[name])} networks"
            print(f"    law of {name}, {engine}: p = {p:.3f} ({sizes})")
            if p < 1e-4:
                raise SystemExit(f"the laws of {name} differ")


def summary(x: Tensor) -> dict[str, Tensor]:
    """Of final states (r, n, d)."""
    return {"|x_L|": x[:, 0].norm(dim=-1), "<x_L, y_L>": (x[:, 0] * x[:, -1]).sum(dim=-1)}


def forward(n: int, width: int, depth: int, target: int) -> None:
    """A piece of replicas against one network."""
    x0, sizes = start(n, width), Engine.options["eager"]().piece_size(n, width, torch.float32)

    def ends(engine: Engine, networks: int) -> Tensor:
        cut = engine.pieces(networks, vectors=n, width=width, dtype=torch.float32)
        return torch.cat([sampled(engine, x0, depth, first, count) for first, count in cut])

    ways = {name: partial(ends, Engine.options[name](), sizes) for name in ENGINES}
    row(f"forward, D={width} L={depth} N={n}", lambda: naive_forward(x0, depth), ways, sizes, target)
    naive = summary(torch.stack([naive_forward(x0, depth) for _ in range(NAIVE_NETWORKS)]))
    same_law(naive, {name: summary(ends(Engine.options[name](), 256)) for name in ENGINES})


def sampled(engine: Engine, x0: Tensor, depth: int, first: int, count: int, horizon: float = 1.0) -> Tensor:
    """States (r, n, d) at the end of these networks."""
    where = {"horizon": horizon, "stream": replace(STREAM, first_replica=first)}
    return engine.final([Walker(TANH, depth)], x0.expand(count, *x0.shape), LAW, **where)[0]


def with_gradients(n: int, width: int, depth: int, target: int) -> None:
    """512 replicas, whose tape takes .4 to .8 GB at depth 1000, width 40."""
    x0, replicas = start(n, width), 512

    def norms(engine: Engine) -> Tensor:
        tape = engine.record(TANH, x0.expand(replicas, n, width), LAW, depth=depth, horizon=1.0, stream=STREAM)
        return tape.gradients(tape.final).weights

    ways = {name: partial(norms, Engine.options[name]()) for name in ENGINES}
    work = f"forward and gradient, D={width} L={depth} N={n}"
    row(work, lambda: naive_gradients(x0, depth), ways, replicas, target)

    def some(norms_by_layer: Tensor) -> dict[str, Tensor]:
        return {f"|dJ/dW_{k}|": norms_by_layer[k] for k in (0, depth // 2, depth - 1)}

    naive = torch.stack([naive_gradients(x0, depth)[0] for _ in range(NAIVE_NETWORKS)], dim=1)
    same_law(some(naive), {name: some(way()) for name, way in ways.items()})


def deep(full: bool) -> None:
    """Depth 10,000, width 500, 1,000 networks of 2 inputs."""
    depth, networks, width, n, engine = 10_000, 1000, 500, 2, default_engine()
    walked = depth if full else 200
    x0, before = start(n, width), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.thread_time()
    # Of the shorter run the layers are those of the deep one: the horizon shrinks with the number of layers.
    cut = engine.pieces(networks, vectors=n, width=width, dtype=torch.float32)
    size = [sampled(engine, x0, walked, first, count, walked / depth).norm(dim=-1) for first, count in cut]
    taken = (time.thread_time() - began) * depth / walked
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    how_long = "measured" if full else f"extrapolated from {walked} layers"
    print(
        f"  depth {depth}, D={width}, {networks} networks, N={n}: {taken:.0f} s ({how_long}), "
        f"{more:.0f} MB more than before, mean |x| {float(torch.cat(size).mean()):.2f}",
        flush=True,
    )


def study() -> None:
    """`reslim train study=sde` on each engine: seconds of the processor, of all its processes."""
    taken = {}
    for name in ("eager", "auto"):
        with tempfile.TemporaryDirectory() as folder:
            words = ["train", "study=sde", "jobs=1", f"engine={name}", f"outputs={folder}", "--json"]
            program, began = "from reslim_cli.app import main; main()", resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", program, *words], check=True, capture_output=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken[name] = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    ratio = taken["auto"] / taken["eager"]
    times = ", ".join(f"engine={name} {took:.0f} s" for name, took in taken.items())
    print(f"reslim train study=sde: {times}: {ratio:.2f} of the time; target 0.6", flush=True)


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
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    print(f"times as fast as the naive loop, one thread, median of {ROUNDS} rounds (min to max), load {load:.1f}")
    names = "".join(f"{name:>20}" for name in ENGINES)
    print(f"  {'':<40}{names}{'target':>8}{ENGINES[-1]:>16}, a network (of so many at a time)")
    forward(2, 500, 500, target=350)
    forward(10, 500, 500, target=60)
    forward(2, 40, 1000, target=70)
    with_gradients(2, 40, 1000, target=40)
    deep(full="--deep" in sys.argv)
    weak_error(target=10)
    print(f"peak memory of all of this: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    if "--study" in sys.argv:
        study()


if __name__ == "__main__":
    main()
