"""Training of residual classifiers: stochastic gradient descent, replicas side by side, readable from top to bottom.

    theta_k <- theta_k - eta L^x dJ/dtheta_k        layer weights, x = train.lr_exponent (1 in the theory)
    read-in, read-out <- ... - eta dJ/d...          no factor 1/L in front of them, so no factor L here

The gradient of a layer is O(1/L), so the rate must grow like L for the layers to move at all; the same factor on the
read-out does not converge (Marion, Wu, Sander & Biau 2023, arXiv 2309.01213, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..data.dataset import Dataset
from ..errors import MeasurementError, SettingError
from ..networks.blocks import VectorField
from ..networks.classifier import TRUNK, accuracy, cross_entropy, logits
from ..networks.steps import STEPS
from ..random import permutation
from ..settings import Train

Parameters = dict[str, Tensor]


@dataclass
class Trained:
    """Parameters after training, and what was seen on the way; each entry is one value a replica.

    `losses[i]` is the loss of mini-batch i before its step, `accuracies` the test accuracy by step, each epoch.
    """

    parameters: Parameters
    losses: list[Tensor] = field(default_factory=list)
    accuracies: dict[int, Tensor] = field(default_factory=dict)


def mini_batches(points: int, batch_size: int, epoch: int, *, seed: int) -> Iterator[Tensor]:
    """Indices of the mini-batches of one epoch: a random order, the same for every depth and replica.

    The last batch of an epoch is smaller where the batch size does not divide the number of points.
    """
    yield from permutation(points, seed=seed, purpose="mini-batches", index=epoch).split(batch_size)


def train(
    vector_field: VectorField,
    start: Parameters,
    dataset: Dataset,
    settings: Train,
    *,
    depth: int,
    h: float,
    seed: int,
    progress: Callable[[float, str], None],
) -> Trained:
    """Train the classifiers of all replicas, which see the same mini-batches.

    `start` is changed in place. Raises `SettingError` for a batch larger than the data, `MeasurementError` naming
    depth, step and learning rate where a loss is not finite.
    """
    points = len(dataset.x_train)
    if settings.batch_size > points:
        raise SettingError(f"train.batch_size={settings.batch_size}: there are {points} training points")
    step = STEPS["euler"]
    for parameter in start.values():
        parameter.requires_grad_()
    layers = [p for name, p in start.items() if name.startswith(TRUNK)]
    others = [p for name, p in start.items() if not name.startswith(TRUNK)]
    layer_rate = settings.lr * depth**settings.lr_exponent
    optimiser = torch.optim.SGD([{"params": layers, "lr": layer_rate}, {"params": others, "lr": settings.lr}])
    trained = Trained(start)
    per_epoch = -(-points // settings.batch_size)
    for epoch in range(settings.epochs):
        for batch in mini_batches(points, settings.batch_size, epoch, seed=seed):
            optimiser.zero_grad()
            scores = logits(vector_field, step, start, dataset.x_train[batch], h)
            loss = cross_entropy(scores, dataset.y_train[batch])
            loss.sum().backward()  # replicas do not interact: each gets the gradient of its own loss
            if not torch.isfinite(loss).all():
                raise MeasurementError(
                    f"the loss is {float(loss.detach().max())} at depth {depth}, step {len(trained.losses)}, "
                    f"train.lr={settings.lr} (layers: {layer_rate:g}); a smaller train.lr may train"
                )
            optimiser.step()
            trained.losses.append(loss.detach())
            done = len(trained.losses) / (settings.epochs * per_epoch)
            progress(done, f"training, epoch {epoch + 1}, loss {float(loss.detach().mean()):.3f}")
        if len(dataset.x_test):
            with torch.no_grad():
                scores = logits(vector_field, step, start, dataset.x_test, h)
            trained.accuracies[len(trained.losses)] = accuracy(scores, dataset.y_test)
    return trained
