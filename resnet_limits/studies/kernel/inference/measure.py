"""`kernel.inference.*`: finite networks, trained, against inference with the kernel of infinite width and their depth.

    fully trained   f_s - f_0 after s steps of gradient descent on 1/(2n) sum |f(x_i) - f_0(x_i) - y_i|^2, against
                    Theta_* (1 - (1 - eta Theta/n)^s) Theta^-1 y: a network learns from zero, whatever its start
    weakly trained  posterior of the read-out given the states x_L/sqrt(D) of a network, against that of the NNGP;
                    sampled from Gram matrices, so that networks can be 16 times as wide

What a network and its kernel predict is solved once for the depth min(L, kernel.trained_depth), and kept.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .... import device
from ....engines import default_engine
from ....inference.dense import assemble
from ....inference.filters import gradient_descent
from ....inference.targets import one_hot
from ....measurement.estimate import fraction, mean, root_mean_square
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....random import Stream, normals
from ....sampling.wide import gram as overlaps_of
from ....sampling.wide import pre_activations
from ....training.ntk import descend
from ..kernels import finite_kernel
from ..outside import sizes, widths
from ..problem import columns, dataset, key, network_of, overlaps
from ..settings import Kernel
from .claims import CONDITIONED, PREDICTED, TESTED, WEAKLY, WIDER

PINS = {"dtype": "float32"}
MEMORY = 2**29
"""Bytes of activations of the networks that are trained side by side, about: a constant, so that no rounding depends
on the memory that is free."""
MOST_TIMES = 2
"""There are as many times more of the narrower networks, at most: their distances have more noise."""


@dataclass(frozen=True)
class Task:
    """Points and targets of the trained networks: training points (n, f), targets (n, o), test points (m, f), labels
    (m,) or none; float64."""

    x: Tensor
    y: Tensor
    new: Tensor
    labels: Tensor | None


def task(settings: Kernel) -> Task:
    """The first `kernel.points` training points and at most 1000 test points."""
    data, n = dataset(settings), settings.kernel.points
    y = one_hot(data.y_train[:n], data.classes) if data.is_classification else data.y_train[:n].double()
    labels = data.y_test[:TESTED] if data.is_classification else None
    return Task(data.x_train[:n].double(), y, data.x_test[:TESTED].double(), labels)


def measure(job: Job) -> Measurement:
    """Distances by width, and accuracies."""
    settings = job.settings
    its, depth = task(settings), min(settings.depth, settings.kernel.trained_depth)
    total = Measurement()
    total.extend(_fully(job, its, depth))
    job.progress(0.95, "weakly trained networks")
    total.extend(_weakly(job, its, depth))
    total.records = [record for record in total.records if math.isfinite(record.value)]
    return total


# -- fully trained --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learnt:
    """Outputs less those before training, of networks at test points, (r, m, o), and the loss by step, (r, steps);
    float64."""

    change: Tensor
    loss: Tensor


def _fully(job: Job, its: Task, depth: int) -> Measurement:
    settings = job.settings
    job.progress(0.0, "tangent kernel of the trained networks")
    kernel = _tangent_kernel(job, its, depth)
    values, vectors = torch.linalg.eigh(kernel["inside"])
    rate = settings.kernel.rate / float(values[-1])
    steps = settings.kernel.steps

    def after(steps: int) -> Tensor:
        factors = gradient_descent(steps, rate)(values.clamp(min=0))
        return kernel["across"] @ (vectors * factors) @ (vectors.T @ its.y)

    predicted, one_more = after(steps), after(steps + 1) - after(steps)
    size, where = predicted.square().mean(), {"points": len(its.x), **PINS}
    total, distances, times, networks = Measurement(), {}, {}, {}
    its_widths = widths(settings)
    if its.labels is not None:
        foreseen = fraction((predicted.argmax(dim=1) == its.labels).double().numpy())
        total.records.append(Record("accuracy.predicted", *foreseen, coordinates=where))
    for i, width in enumerate(its_widths):
        learnt = _trained(job, its, depth, width, rate * len(its.x), (i, len(its_widths)))
        networks[width] = len(learnt.change)
        distances[width] = root_mean_square((learnt.change - predicted).square().mean(dim=(1, 2)) / size)
        ahead = ((learnt.change - predicted) * one_more).sum(dim=(1, 2)) / one_more.square().sum()
        times[width] = mean(1 + ahead / steps)
        drawn: Any = {"coordinates": {**where, "width": width}, "replicas": len(learnt.change)}
        total.records.append(Record("learnt_time", *times[width], **drawn))
        if its.labels is not None:
            found = (learnt.change.argmax(dim=2) == its.labels).double()
            total.records.append(Record("accuracy.finite", *mean(found.mean(dim=1)), **drawn))
        if width != settings.width:
            continue
        if its.labels is not None:
            total.records += _against_the_kernel(found, predicted, its.labels, drawn)
            ensemble = (learnt.change.mean(dim=0).argmax(dim=1) == its.labels).double().mean()
            total.records.append(Record("accuracy.ensemble", float(ensemble), **drawn))
            total.arrays["inference.accuracy"] = columns(
                [*its_own, len(its.x)] for its_own in (mean(found.mean(dim=1)), foreseen)
            )
        last = {"step": steps - 1, **drawn}
        total.records.append(Record("train_loss", *mean(learnt.loss[:, -1]), **last))
        total.arrays["inference.learnt"] = learnt.change[:, :, 0].contiguous().numpy()
        total.arrays["inference.predicted"] = predicted[:, 0].contiguous().numpy()
        total.arrays["inference.loss"] = learnt.loss.mean(dim=0).numpy()
    end = {"coordinates": {**where, "scheme": "extrapolated"}, "replicas": settings.kernel.networks}
    total.records.append(Record("learnt_time", *extrapolated(times), **end))
    total.records += distance_records(distances, {"scheme": "trained", **PINS}, networks)
    total.arrays["inference.distance.trained"] = by_width(distances)
    return total


def extrapolated(by_width: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """`a` of `a + b/D` through the values at the two largest widths, with its standard error."""
    (narrow, (a, error_a)), (wide, (b, error_b)) = sorted(by_width.items())[-2:]
    gain = narrow / (wide - narrow)
    return b + gain * (b - a), math.hypot((1 + gain) * error_b, gain * error_a)


def by_width(distances: dict[int, tuple[float, float]]) -> np.ndarray:
    """Width, distance and its standard error, a column a width."""
    return columns([width, *its] for width, its in distances.items())


def distance_records(
    distances: dict[int, tuple[float, float]], coordinates: dict[str, Any], networks: dict[int, int]
) -> list[Record]:
    """Distances by width, of so many networks."""
    return [
        Record("inference_distance", *its, coordinates={**coordinates, "width": width}, replicas=networks[width])
        for width, its in distances.items()
    ]


def _tangent_kernel(job: Job, its: Task, depth: int) -> dict[str, Tensor]:
    """Entries among the training points, and from test to training points."""
    settings = job.settings
    kernel = finite_kernel(settings, "ntk", depth)

    def compute() -> dict[str, np.ndarray]:
        return {"inside": assemble(kernel, its.x).numpy(), "across": kernel(its.new, its.x).numpy()}

    where = key(settings, "kernel.points", at=depth)
    found = job.shared.solve("kernel.inference.kernel", where, compute)
    return {name: torch.from_numpy(array) for name, array in found.items()}


def _trained(job: Job, its: Task, depth: int, width: int, rate: float, part: tuple[int, int]) -> Learnt:
    """Networks of this width, trained; in pieces, each kept as soon as it is done."""
    settings, device_ = job.settings, device.resolve(job.settings.device)
    network = network_of(settings, depth, width)
    x, y, new = (t.to(device_, torch.float32) for t in (its.x, its.y, its.new))
    networks = settings.kernel.networks * min(settings.width // width, MOST_TIMES)
    size = max(1, min(networks, MEMORY // (16 * len(x) * width * depth)))
    found = []
    for first in range(0, networks, size):
        count = min(size, networks - first)

        def told(step: int, loss: Tensor, first: int = first, count: int = count) -> None:
            done = (first + count * step / settings.kernel.steps) / networks
            job.progress(0.05 + 0.85 * (part[0] + done) / part[1], f"training networks of width {width}")
            if width == settings.width and first == 0:
                job.sink.scalars(step, {"train_loss": float(loss.mean())})

        def compute(first: int = first, count: int = count, told: Any = told) -> dict[str, np.ndarray]:
            stream = Stream(settings.seed, "kernel.inference", first_replica=first)
            start = network.initial(x.shape[1], y.shape[1], stream, replicas=count, device=device_)
            of = functools.partial(network.outputs, through=default_engine().forward)
            end, loss = descend(network, start, x, y + of(start, x), rate=rate, steps=settings.kernel.steps, told=told)
            outputs = {"change": of(end, new) - of(start, new), "loss": loss}
            return {name: t.double().cpu().numpy() for name, t in outputs.items()}

        drawn = {"of_width": width, "first": first, "count": count}
        where = key(settings, "kernel.points", "kernel.steps", at=depth, rate=rate, **drawn)
        found.append(job.shared.solve("kernel.inference.trained", where, compute))
    return Learnt(*(torch.from_numpy(np.concatenate([f[name] for f in found])) for name in Learnt.__dataclass_fields__))


def _against_the_kernel(
    found: Float[Tensor, "r m"], predicted: Float[Tensor, "m o"], labels: Tensor, drawn: dict[str, Any]
) -> list[Record]:
    """Accuracy of networks less that of their kernel's prediction; random are the networks, not the test points."""
    networks, points = found.shape
    value, stderr = mean((found - (predicted.argmax(dim=1) == labels).double()).mean(dim=1))
    at_least = 1 / (points * math.sqrt(networks))  # one point: equal numbers are no certainty
    coordinates = {**drawn["coordinates"], "scheme": "trained"}
    its = {**drawn, "coordinates": coordinates}
    return [Record("accuracy_difference", value, stderr=max(stderr, at_least), **its)]


# -- weakly trained -------------------------------------------------------------------------------


def _weakly(job: Job, its: Task, depth: int) -> Measurement:
    """Posterior means and variances of the read-out of networks, against those of the kernel."""
    settings = job.settings
    its = replace(its, x=its.x[:CONDITIONED], y=its.y[:CONDITIONED], new=its.new[:PREDICTED])
    kernel, noise, n = finite_kernel(settings, "nngp", depth), settings.kernel.ridge, len(its.x)
    exact = conditioned(
        kernel(its.x, its.x)[None], kernel(its.new, its.x)[None], kernel.diagonal(its.new)[None], its.y, noise
    )
    gram = overlaps(torch.cat([its.x, its.new]))
    its_widths = [wider * settings.width for wider in WIDER]

    def compute() -> dict[str, np.ndarray]:
        found = []
        for width in its_widths:
            for replica in range(WEAKLY):
                K = overlaps_at(settings, gram, depth, width, replica)
                own = conditioned(K[:, :n, :n], K[:, n:, :n], K.diagonal(dim1=1, dim2=2)[:, n:], its.y, noise)
                found += [(a - b).square().mean() / b.square().mean() for a, b in zip(own, exact, strict=True)]
        return {"squares": torch.stack(found).reshape(len(its_widths), WEAKLY, 2).numpy()}

    where = key(settings, "width", "kernel.points", "kernel.ridge", at=depth)
    squares = torch.from_numpy(job.shared.solve("kernel.inference.weak", where, compute)["squares"])
    total = Measurement()
    for i, name in enumerate(("posterior mean", "posterior variance")):
        distances = {width: root_mean_square(its) for width, its in zip(its_widths, squares[..., i], strict=True)}
        networks = dict.fromkeys(its_widths, WEAKLY)
        total.records += distance_records(distances, {"scheme": name, "dtype": "float64"}, networks)
        total.arrays[f"inference.distance.{name.split()[1]}"] = by_width(distances)
    return total


def overlaps_at(
    settings: Kernel, gram: Float[Tensor, "n n"], depth: int, width: int, replica: int
) -> Float[Tensor, "1 n n"]:
    """`<x_L, x_L'>/D` of a network of this width, sampled from Gram matrices: no weights, however wide it is."""
    own, h = sizes(settings), settings.horizon / depth
    phi = activation_named(settings.activation)
    stream = Stream(settings.seed, f"kernel.inference.weak {width}", first_replica=replica)

    def drawn(layer: int) -> Tensor:
        return normals((len(gram), width), stream.at(layer), replicas=1, dtype=torch.float64)

    x = pre_activations(gram[None], drawn(0))
    for layer in range(depth):
        covariance = h * (own.sigma_b**2 + own.sigma_w**2 * overlaps_of(x))
        x = x + phi(pre_activations(covariance, drawn(layer + 1)))
    return overlaps_of(x)


def conditioned(
    inside: Float[Tensor, "r n n"],
    across: Float[Tensor, "r m n"],
    diagonal: Float[Tensor, "r m"],
    y: Float[Tensor, "n o"],
    noise: float,
) -> tuple[Float[Tensor, "r m o"], Float[Tensor, "r m"]]:
    """Posterior mean and variance at new points, by the eigenvectors: a kernel of low rank needs no noise."""
    values, vectors = torch.linalg.eigh(inside)
    cut = inside.shape[-1] * torch.finfo(inside.dtype).eps * values[:, -1:]
    factors = torch.where(values > cut, 1 / (values.clamp(min=1e-300) + noise), 0.0)
    along = across @ vectors
    average = (along * factors.unsqueeze(1)) @ (vectors.mT @ y)
    return average, diagonal - (along.square() * factors.unsqueeze(1)).sum(dim=2)
