"""Training against a naive PyTorch loop: `python -m tests.benchmarks.bench_training`.

The naive loop is what one writes first: an `nn.Linear` a layer in a Python loop, autograd, one network after the other,
`torch.optim.Adam` as it comes. Ours is `training.loop.train` as a study calls it, with everything it records. Both
train the same networks on the same mini-batches (the losses are compared), in float32 on one thread, in rounds that
alternate; a ratio is the median over five rounds after one that warms up. Memory is the peak resident size of a fresh
process, interpreter and libraries included.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_limits.data.dataset import Dataset
from resnet_limits.engines import computed_by
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.classifier import initial_classifier
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.settings.training import Train
from resnet_limits.training.loop import mini_batches, train

ROUNDS, STEPS, BATCH, FEATURES, CLASSES, LR = 5, 5, 128, 64, 10, 1e-3


def silent(fraction: float, message: str) -> None:
    return None


def data() -> Dataset:
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(STEPS * BATCH, FEATURES, generator=stream)
    y = torch.randint(CLASSES, (len(x),), generator=stream)
    return Dataset("benchmark", x, y, x[:0], y[:0], CLASSES)


def start(depth: int, width: int, replicas: int) -> dict[str, Tensor]:
    stream = torch.Generator().manual_seed(1)
    trunk = {
        "W": torch.randn(replicas, depth, width, width, generator=stream).div_(width**0.5),
        "b": torch.zeros(replicas, depth, width),
    }
    return initial_classifier(FEATURES, width, CLASSES, trunk, replicas=replicas, seed=0, dtype=torch.float32)


def ours(
    depth: int, width: int, parameters: dict[str, Tensor], dataset: Dataset, memory: float = 256.0, **keys
) -> Tensor:
    """One epoch; the losses (steps, replicas)."""
    settings = Train(epochs=1, batch_size=BATCH, optimizer="adam", lr=LR, memory=memory, **keys)
    f, h = field(OneBlock(), "tanh", width), 1 / depth
    trained = train(f, parameters, dataset, settings, depth=depth, h=h, seed=0, progress=silent)
    return torch.stack(trained.losses)


class Naive(nn.Module):
    def __init__(self, parameters: dict[str, Tensor]) -> None:
        super().__init__()
        self.read_in = self._linear(parameters["read_in.W"], parameters["read_in.b"])
        layers = zip(parameters["trunk.W"], parameters["trunk.b"], strict=True)
        self.layers = nn.ModuleList(self._linear(W, b) for W, b in layers)
        self.read_out = self._linear(parameters["read_out.W"], parameters["read_out.b"])

    @staticmethod
    def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight, layer.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
        return layer

    def forward(self, x: Tensor) -> Tensor:
        x = self.read_in(x)
        for layer in self.layers:
            x = x + torch.tanh(layer(x)) / len(self.layers)
        return self.read_out(x)


def naive(networks: list[Naive], dataset: Dataset) -> Tensor:
    losses = []
    for network in networks:
        optimiser = torch.optim.Adam(network.parameters(), lr=LR)
        losses.append([])
        for batch in mini_batches(len(dataset.x_train), BATCH, 0, seed=0):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(network(dataset.x_train[batch]), dataset.y_train[batch])
            loss.backward()
            optimiser.step()
            losses[-1].append(loss.detach())
    return torch.tensor(losses).T


def seconds(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def compared(title: str, slow: Callable[[], Callable[[], Tensor]], fast: Callable[[], Callable[[], Tensor]]) -> None:
    """Print the ratio of the times of two ways, each given as what prepares it, untimed."""
    rounds = []
    for _ in range(ROUNDS + 1):
        (a, losses), (b, others) = seconds(slow()), seconds(fast())
        torch.testing.assert_close(losses, others, rtol=2e-3, atol=2e-3)
        rounds.append((a, b))
    ratios = [a / b for a, b in rounds[1:]]
    per_step = [1e3 * statistics.median(times) / STEPS for times in zip(*rounds[1:], strict=True)]
    print(
        f"{title}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f});"
        f" {per_step[0]:.1f} and {per_step[1]:.1f} ms a step"
    )


def against_naive(title: str, depth: int, width: int, replicas: int) -> None:
    dataset = data()

    def naive_way() -> Callable[[], Tensor]:
        parameters = start(depth, width, replicas)
        networks = [Naive({name: p[r] for name, p in parameters.items()}) for r in range(replicas)]
        return lambda: naive(networks, dataset)

    def our_way() -> Callable[[], Tensor]:
        parameters = start(depth, width, replicas)
        return lambda: ours(depth, width, parameters, dataset)

    compared(title, naive_way, our_way)


def segmented(title: str, depth: int, width: int, engine: str) -> None:
    dataset = data()

    def trained(parameters: dict[str, Tensor], memory: float) -> Tensor:
        with computed_by(engine):
            return ours(depth, width, parameters, dataset, memory=memory)

    def way(memory: float) -> Callable[[], Callable[[], Tensor]]:
        def prepare() -> Callable[[], Tensor]:
            parameters = start(depth, width, 1)
            return lambda: trained(parameters, memory)

        return prepare

    compared(title, way(0.0), way(1e6))


def peak() -> None:
    """Train a deep network and print the peak memory of this process in MB, then again with a checkpoint written."""
    torch.set_num_threads(1)
    depth, width = 10_000, 64
    dataset, f = data(), field(OneBlock(), "tanh", width)
    settings = Train(epochs=1, batch_size=BATCH, optimizer="adam", lr=LR)
    train(f, start(depth, width, 1), dataset, settings, depth=depth, h=1 / depth, seed=0, progress=silent)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    with tempfile.TemporaryDirectory() as folder:
        settings.checkpoint_seconds = 0.0
        kept = FolderCheckpoints(Path(folder), print)
        train(
            f,
            start(depth, width, 1),
            dataset,
            settings,
            depth=depth,
            h=1 / depth,
            seed=0,
            progress=silent,
            checkpoints=kept,
        )
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    if sys.argv[1:2] == ["peak"]:
        with computed_by(sys.argv[2]):
            return peak()
    torch.set_num_threads(1)
    print(f"Adam, batch {BATCH}, float32, one thread, median of {ROUNDS} rounds (min to max)")
    against_naive("  L=1000, D=30: times as fast as the naive loop, at least 1.6", 1000, 30, 1)
    against_naive("  L=64, D=30, 8 replicas: times as fast as 8 networks in turn, at least 2.0", 64, 30, 8)
    for engine in ("eager", "compiled"):
        for depth, width in ((1000, 30), (10_000, 64)):
            title = (
                f"  {engine}, L={depth}, D={width}: time with segments computed twice to with all kept, at most 1.27"
            )
            segmented(title, depth, width, engine)
        command = [sys.executable, "-m", "tests.benchmarks.bench_training", "peak", engine]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        peaks = f"{float(lines[0]):.0f} MB, with checkpoints {float(lines[-1]):.0f} MB, at most 1475 (1.44 GiB)"
        print(f"  {engine}, L=10000, D=64: {peaks}", flush=True)
    return None


if __name__ == "__main__":
    main()
