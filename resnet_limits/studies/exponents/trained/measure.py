"""`exponents.trained`: networks with a learnt branch scale, trained side by side until each stops; sizes of their
weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .... import device
from ....data.dataset import Dataset
from ....data.loading import load
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....networks.classifier import TRUNK
from ....networks.parametrisation import UNSCALED
from ....networks.steps import STEPS
from ....training.loop import evaluated, train
from ....training.loss_of_replicas import loss
from ....training.stopping import ENDS
from ....training.trained import TrainedParameters
from ..settings import Exponents
from .claims import ARRAY_OF_SIZES, SIZES, trained_activations
from .network import ScaledBlocks, in_state_space, through_convolutions
from .points import width_of_state


def measure(job: Job) -> Measurement:
    """Of each activation losses, how training ended, and the sizes of the weights; nothing beyond the depths asked
    for."""
    settings: Exponents = job.settings
    if settings.depth > settings.exponents.trained.deepest:
        return Measurement()
    dataset, activations = points_of(settings), trained_activations(settings)
    records: list[Record] = []
    sizes = []
    for i, activation in enumerate(activations):
        part = job.part(activation)

        def progress(done: float, message: str, i: int = i, activation: str = activation) -> None:
            job.progress((i + done) / len(activations), f"{activation}: {message}")

        part.progress = progress
        blocks = scaled_blocks(settings, activation)
        trained = trained_networks(part, blocks, dataset)
        of_weights = sizes_of(trained.parameters)
        exploded = torch.tensor([end == "exploded" for end in trained.ends])
        records += _records(blocks, trained, dataset, of_weights, ~exploded, {"activation": activation})
        sizes.append(torch.where(exploded, torch.nan, of_weights).cpu().numpy())
    return Measurement(records, {ARRAY_OF_SIZES: np.stack(sizes)})


def points_of(settings: Exponents) -> Dataset:
    """The data set as points and targets in the space of the states."""
    dataset, keys = load(settings.data, seed=settings.seed), settings.exponents.trained
    if keys.embedding == "convolution" and (shape := settings.data.shape()) is not None:
        dataset = through_convolutions(dataset, shape, seed=settings.seed)
    dataset = in_state_space(dataset, width_of_state(settings), seed=settings.seed)
    return dataset.to(device.resolve(settings.device), getattr(torch, settings.dtype))


def scaled_blocks(settings: Exponents, activation: str) -> ScaledBlocks:
    shared = settings.exponents.trained.scale == "shared"
    return ScaledBlocks(settings.depth, width_of_state(settings), activation, shared)


def trained_networks(job: Job, blocks: ScaledBlocks, dataset: Dataset) -> TrainedParameters:
    """Networks trained from their start, each until its rule stops it."""
    settings: Exponents = job.settings
    keys, dtype = settings.exponents.trained, getattr(torch, settings.dtype)
    start = blocks.start(keys.start, replicas=settings.train.replicas, seed=settings.seed, dtype=dtype)
    where = device.resolve(settings.device)
    return train(
        blocks.field,
        {name: w.to(where) for name, w in start.items()},
        _without_test_points(dataset),
        settings.train,
        depth=blocks.depth,
        h=1.0,
        seed=settings.seed,
        progress=job.progress,
        parametrisation=UNSCALED,
        checkpoints=job.checkpoints,
        sink=job.sink,
        parametrised=blocks.network,
        stopping=keys.stopping,
    )


def _without_test_points(dataset: Dataset) -> Dataset:
    """Nothing stops by them: they are looked at once, in the end."""
    return Dataset(
        dataset.name, dataset.x_train, dataset.y_train, dataset.x_test[:0], dataset.y_test[:0], dataset.classes
    )


@torch.no_grad()
def sizes_of(parameters: Mapping[str, Tensor]) -> Tensor:
    """The sizes `SIZES` of each network, (sizes, r), float64; norms are Frobenius norms."""
    A, delta = parameters[f"{TRUNK}W"].double(), parameters[f"{TRUNK}V"].double()
    sizes = {("branch_scale", "delta"): delta.abs().amax(dim=(1, 2))}
    for of, weights in (("A", A), ("delta A", delta[..., None] * A)):
        increments = weights.diff(dim=1).flatten(2).norm(dim=2)
        sizes["weight_size", of] = weights.flatten(2).norm(dim=2).amax(dim=1)
        sizes["largest_increment", of] = increments.amax(dim=1)
        sizes["increment_root_sum", of] = increments.norm(dim=1)
    return torch.stack([sizes[size] for size in SIZES])


def _records(
    blocks: ScaledBlocks,
    trained: TrainedParameters,
    dataset: Dataset,
    sizes: Tensor,
    alive: Tensor,
    where: Mapping[str, Any],
) -> Iterator[Record]:
    """Of the networks that did not explode: losses, steps and sizes; of all, how their training ended."""
    for end in ENDS:
        yield Record(
            "ended", trained.ends.count(end) / len(alive), coordinates={**where, "end": end}, replicas=len(alive)
        )
    parameters = blocks.network({name: w.detach() for name, w in trained.parameters.items()})
    values: list[tuple[str, Tensor, dict[str, Any]]] = [("first_loss", trained.losses[0], {})]
    if trained.stopped_at is not None:
        values.append(("steps", trained.stopped_at.double(), {}))
    for name, x, y in (
        ("train_loss", dataset.x_train, dataset.y_train),
        ("test_loss", dataset.x_test, dataset.y_test),
    ):
        if len(x):
            values.append((name, loss(evaluated(blocks.field, STEPS["euler"], parameters, x, 1.0), y), {}))
    values += [(quantity, of_weights, {"of": of}) for (quantity, of), of_weights in zip(SIZES, sizes, strict=True)]
    for name, of_each, coordinates in values:
        numbers = of_each.cpu()[alive]
        if len(numbers):
            value, stderr = mean(numbers)
            yield Record(name, value, stderr=stderr, coordinates={**where, **coordinates}, replicas=len(numbers))
        else:
            yield unknown(name, f"all {len(alive)} networks exploded", {**where, **coordinates})
