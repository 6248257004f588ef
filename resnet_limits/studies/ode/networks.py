"""The classifiers that the trained parts of the study train, side by side in one job.

    x_{k+1} = x_k + (T/L) V_k phi(W_k x_k + b_k),     V_k = 0 at the start, W_k and b_k drawn from a law

read in and out by trained linear maps. Networks of every depth start from the same read-in and read-out and see the
same mini-batches. Of the trained weights is recorded

    roughness          L sum_k |theta_{k+1} - theta_k|^2, a mean over the entries (the discrete H1 seminorm)
    largest_increment  max_k of the root mean square of theta_{k+1} - theta_k over the entries
    increment          the same, layer by layer
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ... import device
from ...data.dataset import Dataset, load
from ...networks.blocks import VectorField, field
from ...networks.classifier import accuracy, cross_entropy, initial, logits, trunk_of
from ...networks.residual import block_factor
from ...networks.steps import STEPS
from ...paths import draw
from ...settings import Init, Ode, Two
from ...training.loop import Trained, train
from ..study import Measurement, Record
from .claims import MOST_IMAGES


def two_matrix_field(settings: Ode, width: int) -> VectorField:
    """The settings' own block where it has two matrices, else one that is twice as wide inside."""
    block = settings.block if isinstance(settings.block, Two) else Two(hidden=2 * width)
    return field(block, settings.activation, width)


def data_of(settings: Ode, *, at_most: int | None = None) -> Dataset:
    """The data set, on the device and in the dtype of the settings; at most so many training points."""
    dataset = load(settings.data, seed=settings.seed)
    where, dtype = device.resolve(settings.device), getattr(torch, settings.dtype)
    x_train, y_train = dataset.x_train[:at_most].to(where, dtype), dataset.y_train[:at_most].to(where)
    return Dataset(
        dataset.name, x_train, y_train, dataset.x_test.to(where, dtype), dataset.y_test.to(where), dataset.classes
    )


def few(settings: Ode) -> Dataset:
    """The data of a control: at most 1,400 images, whatever the data set."""
    return data_of(settings, at_most=MOST_IMAGES)


def drawn(settings: Ode, law: Init, width: int, *, depth: int, replicas: int, purpose: str) -> dict[str, Tensor]:
    """Weights (replicas, depth, *shape) of a trunk, from a law read at `t_k`; `V` is zero."""
    vector_field = two_matrix_field(settings, width)
    path = draw(
        law,
        vector_field.shapes,
        depth=depth,
        horizon=settings.horizon,
        replicas=replicas,
        seed=settings.seed,
        purpose=purpose,
        dtype=getattr(torch, settings.dtype),
        device=device.resolve(settings.device),
    )
    trunk = {name: w.clone() for name, w in path.at(STEPS["euler"].times(depth, settings.horizon)).items()}
    trunk["V"].zero_()
    return trunk


def trained_from(
    settings: Ode,
    trunk: Mapping[str, Tensor],
    dataset: Dataset,
    *,
    same_ends: bool,
    progress: Callable[[float, str], None],
) -> Trained:
    """Train the networks that start from these trunks (replicas, depth, *shape).

    With `same_ends` all replicas share one read-in and read-out at the start, and differ in the trunk alone.
    """
    replicas, depth, width, _ = trunk["V"].shape
    ends = initial(
        dataset.features,
        width,
        dataset.classes,
        {},
        replicas=1 if same_ends else replicas,
        seed=settings.seed,
        dtype=trunk["V"].dtype,
        device=trunk["V"].device,
    )
    start = {name: value.expand(replicas, *value.shape[1:]).clone() for name, value in ends.items()}
    start |= {f"trunk.{name}": value.clone() for name, value in trunk.items()}
    return train(
        two_matrix_field(settings, width),
        start,
        dataset,
        settings.train,
        depth=depth,
        h=block_factor(depth, settings.horizon),
        seed=settings.seed,
        progress=progress,
    )


def records_and_arrays(
    settings: Ode, trained: Trained, dataset: Dataset, prefix: str, coordinates: Mapping[str, Any]
) -> Measurement:
    """What the trained networks of a job leave: records by step, by layer and at the end, and the final weights."""
    h = block_factor(settings.depth, settings.horizon)
    vector_field = two_matrix_field(settings, settings.width)
    with torch.no_grad():
        on_train = logits(vector_field, STEPS["euler"], trained.parameters, dataset.x_train, h)
        on_test = logits(vector_field, STEPS["euler"], trained.parameters, dataset.x_test, h)

    def record(observable: str, values: Tensor, **where: int) -> Record:
        """Mean over the replicas of one value each, with its standard error."""
        n = len(values)
        stderr = float(values.double().std()) / n**0.5 if n > 1 else math.nan
        return Record(
            observable, float(values.double().mean()), stderr=stderr, coordinates=coordinates, replicas=n, **where
        )

    records = [record("train_loss", loss, step=i) for i, loss in enumerate(trained.losses)]
    records += [record("test_accuracy", values, step=i) for i, values in trained.accuracies.items()]
    records.append(record("train_loss", cross_entropy(on_train, dataset.y_train)))
    if len(dataset.x_test):
        records.append(record("test_accuracy", accuracy(on_test, dataset.y_test)))
    trunk = {name: w.detach() for name, w in trunk_of(trained.parameters).items()}
    if settings.depth > 1:
        increments = torch.cat([w.diff(dim=1).flatten(2) for w in trunk.values()], dim=2).square().mean(dim=2)
        records.append(record("roughness", settings.depth * increments.sum(dim=1)))
        records.append(record("largest_increment", increments.sqrt().amax(dim=1)))
        records += [record("increment", its, layer=k) for k, its in enumerate(increments.sqrt().unbind(dim=1))]
    arrays = {f"{prefix}.{name}": w for name, w in trunk.items()} | {f"{prefix}.logits": on_test}
    return Measurement(records, {name: value.detach().cpu().numpy() for name, value in arrays.items()})
