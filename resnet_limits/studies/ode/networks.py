"""The classifiers that the trained parts of the study train, side by side in one job.

    x_{k+1} = x_k + (T/L) V_k phi(W_k x_k + b_k),     V_k = 0 at the start, W_k and b_k drawn from a law

read in and out by trained linear maps. Networks of every depth start from the same read-in and read-out and see the
same mini-batches. Of the trained weights is recorded

    movement           max_k of the root mean square of theta_k less its start over the entries
    movement_increment root mean square of its increments from layer to layer over the root mean square of theta_k less
                       its start
    increment          root mean square of theta_{k+1} - theta_k over the entries, by layer

and what `training/observables.py` says: roughness, largest increment, norm of the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ... import device
from ...data.dataset import Dataset
from ...data.loading import load
from ...measurement.job import Job
from ...measurement.record import Measurement, Record
from ...networks.blocks import field
from ...networks.classifier import TRUNK, initial_classifier, kinds_of_parameters, trunk_of
from ...networks.parametrisation import ODE
from ...networks.steps import STEPS
from ...networks.vector_field import VectorField
from ...paths.draw import draw_path
from ...paths.laws.law import Init
from ...training import observables
from ...training.loop import evaluated, train
from ...training.loss_of_replicas import loss
from ...training.trained import TrainedParameters
from .settings import Ode, two_matrices

MAX_POINTS_OF_CONTROL = 1400
"""Training points of a control, whatever the data."""


def two_matrix_field(settings: Ode, width: int) -> VectorField:
    """That of the trained networks."""
    return field(two_matrices(settings, width), settings.activation, width)


def data_of(settings: Ode, *, at_most: int | None = None) -> Dataset:
    """The data set, on the device and in the dtype of the settings; at most so many training points."""
    dataset = load(settings.data, seed=settings.seed)
    dataset = replace(dataset, x_train=dataset.x_train[:at_most], y_train=dataset.y_train[:at_most])
    return dataset.to(device.resolve(settings.device), getattr(torch, settings.dtype))


def few(settings: Ode) -> Dataset:
    """The data of a control, which are few."""
    return data_of(settings, at_most=MAX_POINTS_OF_CONTROL)


def drawn_trunk(settings: Ode, law: Init, width: int, *, depth: int, replicas: int, purpose: str) -> dict[str, Tensor]:
    """Weights (replicas, depth, *shape) of a trunk, from a law read at `t_k`; `V` is zero, as `ODE` says."""
    vector_field = two_matrix_field(settings, width)
    path = draw_path(
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
    weights = path.at(STEPS["euler"].times(depth, settings.horizon))
    trunk = ODE.at(depth=depth).start_of_blocks(weights, trunk_of(kinds_of_parameters(vector_field)))
    return {name: w.clone() for name, w in trunk.items()}


def trained_from(
    job: Job,
    trunk: Mapping[str, Tensor],
    dataset: Dataset,
    *,
    same_ends: bool,
    cut: bool,
) -> TrainedParameters:
    """Train the networks that start from these trunks (replicas, depth, *shape).

    With `same_ends` all replicas share one read-in and read-out at the start, and differ in the trunk alone. Of data
    that were `cut` for a control a batch is at most the whole.
    """
    settings: Ode = job.settings
    training = settings.train
    if cut:
        training = replace(training, batch_size=min(training.batch_size, len(dataset.x_train)))
    replicas, depth, width, _ = trunk["V"].shape
    ends = initial_classifier(
        dataset.features,
        width,
        dataset.outputs,
        {},
        replicas=1 if same_ends else replicas,
        seed=settings.seed,
        dtype=trunk["V"].dtype,
        device=trunk["V"].device,
    )
    start = {name: value.expand(replicas, *value.shape[1:]).clone() for name, value in ends.items()}
    start |= {f"{TRUNK}{name}": value.clone() for name, value in trunk.items()}
    return train(
        two_matrix_field(settings, width),
        start,
        dataset,
        training,
        depth=depth,
        h=ODE.block_factor(depth, settings.horizon),
        seed=settings.seed,
        progress=job.progress,
        checkpoints=job.checkpoints,
        sink=job.sink,
    )


def records_and_arrays(
    settings: Ode,
    start: Mapping[str, Tensor],
    trained: TrainedParameters,
    dataset: Dataset,
    prefix: str,
    coordinates: Mapping[str, Any],
) -> Measurement:
    """What the trained networks of a job leave: records by step, by layer and at the end, and the final weights."""
    h, euler = ODE.block_factor(settings.depth, settings.horizon), STEPS["euler"]
    vector_field = two_matrix_field(settings, settings.width)
    parameters = {name: p.detach() for name, p in trained.parameters.items()}
    trunk = trunk_of(parameters)
    on_train, on_test = (evaluated(vector_field, euler, parameters, x, h) for x in (dataset.x_train, dataset.x_test))

    def record(observable: str, values: Tensor, **where: int) -> Record:
        """Mean over the replicas of one value each, with its standard error."""
        n = len(values)
        stderr = float(values.double().std()) / n**0.5 if n > 1 else math.nan
        return Record(
            observable, float(values.double().mean()), stderr=stderr, coordinates=coordinates, replicas=n, **where
        )

    records = [record("train_loss", values, step=i) for i, values in enumerate(trained.losses)]
    records += [record("gradient_norm", values, step=i) for i, values in enumerate(trained.gradient_norms)]
    for observable, by_step in (
        ("test_loss", trained.test_losses),
        ("test_accuracy", trained.accuracies),
        ("roughness", trained.roughness),
        ("largest_increment", trained.largest_increment),
    ):
        records += [record(observable, values, step=i) for i, values in by_step.items()]
        if by_step:
            records.append(record(observable, next(reversed(by_step.values()))))
    records.append(record("train_loss", loss(on_train, dataset.y_train)))
    added = torch.cat([(w - start[name]).flatten(2) for name, w in trunk.items()], dim=2)
    moved = added.square().mean(dim=2)
    records.append(record("movement", moved.amax(dim=1).sqrt()))
    if added.shape[1] > 1:
        falls = added.diff(dim=1).square().mean(dim=(1, 2)) / moved.mean(dim=1)
        records.append(record("movement_increment", falls.sqrt()))
    entries = sum(w[0, 0].numel() for w in trunk.values())
    layers = (observables.increments(trunk) / entries).sqrt()
    records += [record("increment", squares, layer=k) for k, squares in enumerate(layers.unbind(dim=1))]
    arrays = {f"{prefix}.{name}": w for name, w in trunk.items()} | {f"{prefix}.logits": on_test}
    return Measurement(records, {name: value.contiguous().cpu().numpy() for name, value in arrays.items()})
