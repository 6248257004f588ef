"""`ode.trained`: networks trained from a tied start at each depth; their weight paths converge at order 1.

    x_{k+1} = x_k + (T/L) V_k phi(W_k x_k + b_k),     V_k = 0, W_k = W, b_k = b at the start

A job trains one depth and keeps the weights; `trained_paths.py` compares them. Pinned: two-matrix blocks, tied start.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ... import device
from ...data.dataset import Dataset, load
from ...networks.blocks import field
from ...networks.classifier import accuracy, cross_entropy, initial, logits
from ...networks.residual import block_factor
from ...networks.steps import STEPS
from ...paths import draw
from ...settings import Ode, Random, Tied, Two
from ...training.loop import Trained, train
from ..study import Job, Measurement, Record
from .claims import TRAINED, WEIGHTS


def measure(job: Job) -> Measurement:
    """Train at the job's depth: loss and accuracy by step and at the end, and the final weights."""
    settings = job.settings
    where, dtype = device.resolve(settings.device), getattr(torch, settings.dtype)
    dataset = _to(load(settings.data, seed=settings.seed), where, dtype)
    block = settings.block if isinstance(settings.block, Two) else Two(hidden=2 * settings.width)
    vector_field = field(block, settings.activation, settings.width)
    h = block_factor(settings.depth, settings.horizon)
    start = _start(settings, vector_field.shapes, dataset, where, dtype)
    trained = train(
        vector_field,
        start,
        dataset,
        settings.train,
        depth=settings.depth,
        h=h,
        seed=settings.seed,
        progress=job.progress,
    )
    with torch.no_grad():
        on_train = logits(vector_field, STEPS["euler"], trained.parameters, dataset.x_train, h)
        on_test = logits(vector_field, STEPS["euler"], trained.parameters, dataset.x_test, h)
    records = [
        *_by_step(trained),
        _record("train_loss", cross_entropy(on_train, dataset.y_train)),
        *([_record("test_accuracy", accuracy(on_test, dataset.y_test))] if len(dataset.x_test) else []),
    ]
    arrays = {f"trained.{name}": trained.parameters[f"trunk.{name}"] for name in WEIGHTS} | {"trained.logits": on_test}
    return Measurement(records, {name: value.detach().cpu().numpy() for name, value in arrays.items()})


def _start(
    settings: Ode, shapes: Mapping[str, tuple[int, ...]], dataset: Dataset, where: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    own = settings.init
    law = Tied(sigma_w=own.sigma_w, sigma_b=own.sigma_b) if isinstance(own, Random) else Tied()
    replicas, seed = settings.train.replicas, settings.seed
    path = draw(
        law,
        shapes,
        depth=settings.depth,
        horizon=settings.horizon,
        replicas=replicas,
        seed=seed,
        purpose="trained",
        dtype=dtype,
        device=where,
    )
    trunk = {name: w.clone() for name, w in path.at(STEPS["euler"].times(settings.depth, settings.horizon)).items()}
    trunk["V"].zero_()
    return initial(
        dataset.features,
        settings.width,
        dataset.classes,
        trunk,
        replicas=replicas,
        seed=seed,
        dtype=dtype,
        device=where,
    )


def _to(dataset: Dataset, where: torch.device, dtype: torch.dtype) -> Dataset:
    x_train, x_test = dataset.x_train.to(where, dtype), dataset.x_test.to(where, dtype)
    return Dataset(dataset.name, x_train, dataset.y_train.to(where), x_test, dataset.y_test.to(where), dataset.classes)


def _by_step(trained: Trained) -> list[Record]:
    losses = [_record("train_loss", loss, step=i) for i, loss in enumerate(trained.losses)]
    return losses + [_record("test_accuracy", value, step=i) for i, value in trained.accuracies.items()]


def _record(observable: str, values: Tensor, *, step: int | None = None) -> Record:
    """Mean over the replicas of one value each, with its standard error."""
    n = len(values)
    stderr = float(values.double().std()) / n**0.5 if n > 1 else float("nan")
    mean = float(values.double().mean())
    return Record(observable, mean, stderr=stderr, step=step, coordinates=TRAINED, replicas=n)
