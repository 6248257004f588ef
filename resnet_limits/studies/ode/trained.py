"""`ode.trained`: networks trained from a tied start at each depth; their weight paths converge at order 1.

    x_{k+1} = x_k + (T/L) V_k phi(W_k x_k + b_k),     V_k = 0, W_k = W, b_k = b at the start

A job trains one depth. The comparison, from the stored weights and without training:

    weight_difference  distance of the paths of depths L and 2L at the times of L (needs no reference)
    weight_error       distance to their Richardson limit, with its error from the extrapolation table
    output_difference  distance of the test logits of depths L and 2L

all relative to the size of the deeper path (or logits). Pinned: two-matrix blocks, tied start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ... import device
from ...claims.richardson import richardson_limit
from ...data.dataset import Dataset, load
from ...networks.blocks import field
from ...networks.classifier import accuracy, cross_entropy, initial, logits
from ...networks.residual import block_factor
from ...networks.steps import STEPS
from ...paths import draw
from ...paths.distance import at_common_times, sup_distance, sup_size
from ...settings import Ode, Random, Tied, Two
from ...training.loop import Trained, train
from ..study import Comparison, FinishedJob, Job, Measurement, Record
from .claims import TRAINED

WEIGHTS = ("V", "W", "b")


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


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """Distances between networks of successive depths, and to the limit where the depths double."""
    by_depth = {job.settings.depth: job for job in jobs}
    found = [
        Comparison(depth, record)
        for depth, job in by_depth.items()
        if (deeper := by_depth.get(2 * depth)) is not None
        for record in _differences(job, deeper)
    ]
    chain = _doubling_chain(sorted(by_depth))
    if len(chain) >= 3:
        found += _errors([by_depth[depth] for depth in chain])
    return found


def _path(job: FinishedJob, depth: int) -> np.ndarray:
    """The trained weights at the times of a network of this depth, (replicas, times, entries)."""
    parts = []
    for name in WEIGHTS:
        weights = job.array(f"trained.{name}")
        assert weights is not None
        parts.append(at_common_times(weights.astype(np.float64), depth).reshape(weights.shape[0], depth, -1))
    return np.concatenate(parts, axis=2)


def _differences(job: FinishedJob, deeper: FinishedJob) -> list[Record]:
    depth, replicas = job.settings.depth, job.settings.train.replicas
    coarse, fine = _path(job, depth), _path(deeper, depth)
    records = [("weight_difference", sup_distance(coarse, fine) / sup_size(fine), sup_size(fine))]
    ours, theirs = job.array("trained.logits"), deeper.array("trained.logits")
    if ours is not None and theirs is not None and ours.size:
        size = float(np.sqrt((theirs**2).mean()))
        records.append(("output_difference", float(np.sqrt(((ours - theirs) ** 2).mean())) / size, size))
    rounding = 100 * float(np.finfo(job.settings.dtype).eps)
    return [
        Record(name, value, reference=size, reference_error=rounding, coordinates=TRAINED, replicas=replicas)
        for name, value, size in records
    ]


def _errors(chain: Sequence[FinishedJob]) -> list[Comparison]:
    depth = chain[0].settings.depth
    paths = [_path(job, depth) for job in chain]
    limit, difference = richardson_limit(paths)
    size = sup_size(limit)
    uncertainty = sup_size(difference) / size
    return [
        Comparison(
            job.settings.depth,
            Record(
                "weight_error",
                sup_distance(path, limit) / size,
                reference=size,
                reference_error=uncertainty,
                coordinates=TRAINED,
                replicas=job.settings.train.replicas,
            ),
        )
        for job, path in zip(chain, paths, strict=True)
    ]


def _doubling_chain(depths: Sequence[int]) -> list[int]:
    """The longest chain L, 2L, 4L, ... among the depths that ends at the deepest it can."""
    chains = []
    for start in depths:
        chain = [start]
        while 2 * chain[-1] in depths:
            chain.append(2 * chain[-1])
        chains.append(chain)
    return max(chains, key=lambda chain: (len(chain), chain[-1]), default=[])
