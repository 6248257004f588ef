"""Networks with a learnt branch scale, trained over depths: `python -m tests.benchmarks.bench_trained`.

The naive loop is what one writes first: a matrix and a bias a layer in a Python loop, autograd, one network after the
other, `torch.optim.Adam` as it comes. Ours is the training of `exponents.trained` with all that it keeps, early
stopping too, whose rule nobody meets here. Both train the same networks on the same mini-batches (final weights are
compared), in float64 on one thread, in rounds that alternate; a ratio is the median over the rounds after one that
warms up.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from resnet_limits.data.dataset import Dataset
from resnet_limits.data.sources.tanh_flow import TanhFlowData
from resnet_limits.measurement.job import Job
from resnet_limits.settings.training import Train
from resnet_limits.studies.exponents.settings import Exponents, ExponentsKeys, TrainedKeys
from resnet_limits.studies.exponents.trained.measure import points_of, scaled_blocks, trained_networks
from resnet_limits.training.loop import mini_batches

ROUNDS, DEPTHS = 3, (8, 16, 32, 64, 128)
SETTINGS = Exponents(
    data=TanhFlowData(train_size=128, test_size=0),
    train=Train(epochs=1, batch_size=32, optimizer="adam", lr=0.001, replicas=16),
    exponents=ExponentsKeys(trained=TrainedKeys(stop=1e-9, patience=100)),
)


class Naive(nn.Module):
    def __init__(self, start: dict[str, Tensor], replica: int, activation: str) -> None:
        super().__init__()
        self.phi = getattr(torch, activation)
        self.delta = nn.Parameter(start["trunk.V"][replica, 0].clone())
        self.A = nn.ParameterList(nn.Parameter(w.clone()) for w in start["trunk.W"][replica])
        self.b = nn.ParameterList(nn.Parameter(w.clone()) for w in start["trunk.b"][replica])

    def forward(self, h: Tensor) -> Tensor:
        for A, b in zip(self.A, self.b, strict=True):
            h = h + self.delta * self.phi(nn.functional.linear(h, A, b))
        return h


def naive(settings: Exponents, activation: str, dataset: Dataset) -> Tensor:
    """The trained weights (r, L, D, D) of each network in turn."""
    blocks, trained = scaled_blocks(settings, activation), []
    start = blocks.start(
        settings.exponents.trained.start, replicas=settings.train.replicas, seed=settings.seed, dtype=torch.float64
    )
    for replica in range(settings.train.replicas):
        network = Naive(start, replica, activation)
        optimiser = torch.optim.Adam(network.parameters(), lr=settings.train.lr)
        for batch in mini_batches(len(dataset.x_train), settings.train.batch_size, 0, seed=settings.seed):
            optimiser.zero_grad()
            loss = (network(dataset.x_train[batch]) - dataset.y_train[batch]).square().sum(dim=1).mean() / 2
            loss.backward()
            optimiser.step()
        trained.append(torch.stack([w.detach() for w in network.A]))
    return torch.stack(trained)


def ours(settings: Exponents, activation: str, dataset: Dataset) -> Tensor:
    trained = trained_networks(Job(settings), scaled_blocks(settings, activation), dataset)
    return trained.parameters["trunk.W"].detach()


def sweep(way: Callable[[Exponents, str, Dataset], Tensor], activation: str) -> tuple[float, list[Tensor]]:
    dataset = points_of(SETTINGS)
    begin = time.perf_counter()
    weights = [way(replace(SETTINGS, depth=depth), activation, dataset) for depth in DEPTHS]
    return time.perf_counter() - begin, weights


def main() -> None:
    torch.set_num_threads(1)
    print(f"Adam, batch 32, 16 networks, D=10, L={DEPTHS[0]} to {DEPTHS[-1]}, median of {ROUNDS} rounds (min to max)")
    for activation in ("tanh", "relu"):
        rounds = []
        for _ in range(ROUNDS + 1):
            (slow, theirs), (fast, mine) = sweep(naive, activation), sweep(ours, activation)
            for one, other in zip(theirs, mine, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
            rounds.append(slow / fast)
        ratios = rounds[1:]
        print(
            f"  {activation}: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}) times as fast as"
            " one network after the other, at least 2"
        )


if __name__ == "__main__":
    main()
