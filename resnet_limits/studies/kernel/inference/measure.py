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
from ....limits.pair_kernel import mean_square
from ....measurement.estimate import fraction, mean, root_of_mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....random import Stream, normals
from ....sampling.wide import mean_gram as overlaps_of
from ....sampling.wide import pre_activations
from ....training.ntk import descend_full_batch
from ..kernels import finite_kernel
from ..outside import sizes_of_law, widths
from ..problem import array_of_columns, key_of_kernels, network_of, overlaps_after_read_in, standardised_dataset
from ..settings import Kernel
from .claims import (
    MAX_MEAN_SQUARE_OF_TEST_POINTS,
    MAX_POINTS_CONDITIONED,
    MAX_POINTS_PREDICTED,
    MAX_TEST_POINTS,
    WEAKLY_TRAINED_NETWORKS,
    WIDTH_FACTORS,
)

PINS_OF_SINGLE_PRECISION = {"dtype": "float32"}
BYTES_OF_ACTIVATIONS = 2**29
"""Bytes of activations of the networks that are trained side by side, about: a constant, so that no rounding depends
on the memory that is free."""
MAX_FACTOR_OF_NETWORKS = 2
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
    data, n = standardised_dataset(settings), settings.kernel.points
    y = one_hot(data.y_train[:n], data.classes) if data.is_classification else data.y_train[:n].double()
    labels = data.y_test[:MAX_TEST_POINTS] if data.is_classification else None
    return Task(data.x_train[:n].double(), y, data.x_test[:MAX_TEST_POINTS].double(), labels)


def measure(job: Job) -> Measurement:
    """Distances by width, and accuracies."""
    settings = job.settings
    regression, depth = task(settings), min(settings.depth, settings.kernel.trained_depth)
    total = Measurement()
    total.extend(_fully(job, regression, depth))
    job.progress(0.95, "weakly trained networks")
    total.extend(_weakly(job, regression, depth))
    total.records = [record for record in total.records if math.isfinite(record.value)]
    return total


# -- fully trained --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learnt:
    """Outputs less those before training, of networks at test points, (r, m, o), and the loss by step, (r, steps);
    float64."""

    change: Tensor
    loss: Tensor


def _fully(job: Job, regression: Task, depth: int) -> Measurement:
    settings = job.settings
    job.progress(0.0, "tangent kernel of the trained networks")
    kernel = _tangent_kernel(job, regression, depth)
    values, vectors = torch.linalg.eigh(kernel["inside"])
    rate = settings.kernel.rate / float(values[-1])
    steps = settings.kernel.steps

    def after(steps: int) -> Tensor:
        factors = gradient_descent(steps, rate)(values.clamp(min=0))
        return kernel["across"] @ (vectors * factors) @ (vectors.T @ regression.y)

    predicted = after(steps)
    size, where = predicted.square().mean(), {"points": len(regression.x), **PINS_OF_SINGLE_PRECISION}
    components = (vectors.T @ regression.y).square().sum(dim=1) / (2 * len(regression.x))
    total, distances, times, networks = Measurement(), {}, {}, {}
    its_widths = widths(settings)
    if regression.labels is not None:
        foreseen = fraction((predicted.argmax(dim=1) == regression.labels).double().numpy())
        total.records.append(Record("accuracy.predicted", *foreseen, coordinates=where))
    for i, width in enumerate(its_widths):
        learnt = _trained(job, regression, depth, width, rate * len(regression.x), (i, len(its_widths)))
        networks[width] = len(learnt.change)
        distances[width] = root_of_mean((learnt.change - predicted).square().mean(dim=(1, 2)) / size)
        loss = learnt.loss[:, learnt.loss.shape[1] // DIVISOR_OF_EARLY_STEPS]  # after so many steps
        reached = loss_times(loss, components, (1 - rate * values.clamp(min=0)).abs(), steps)
        times[width] = (
            mean(reached / (steps // DIVISOR_OF_EARLY_STEPS))
            if steps >= DIVISOR_OF_EARLY_STEPS
            else (math.nan, math.nan)
        )
        drawn: Any = {"coordinates": {**where, "width": width}, "replicas": len(learnt.change)}
        total.records.append(Record("learnt_time", *times[width], **drawn))
        if regression.labels is not None:
            right = (learnt.change.argmax(dim=2) == regression.labels).double()
            total.records.append(Record("accuracy.finite", *mean(right.mean(dim=1)), **drawn))
        if width != settings.width:
            continue
        if regression.labels is not None:
            total.records += _against_the_kernel(right, predicted, regression.labels, drawn)
            ensemble = (learnt.change.mean(dim=0).argmax(dim=1) == regression.labels).double().mean()
            total.records.append(Record("accuracy.ensemble", float(ensemble), **drawn))
            total.arrays["inference.accuracy"] = array_of_columns(
                [*shares, len(regression.x)] for shares in (mean(right.mean(dim=1)), foreseen)
            )
        last = {"step": steps - 1, **drawn}
        total.records.append(Record("train_loss", *mean(learnt.loss[:, -1]), **last))
        total.arrays["inference.learnt"] = learnt.change[:, :, 0].contiguous().numpy()
        total.arrays["inference.predicted"] = predicted[:, 0].contiguous().numpy()
        total.arrays["inference.loss"] = learnt.loss.mean(dim=0).numpy()
    end = {"coordinates": {**where, "scheme": "extrapolated"}, "replicas": settings.kernel.networks}
    total.records.append(Record("learnt_time", *extrapolated_time(times), **end))
    total.records += distance_records(distances, {"scheme": "trained", **PINS_OF_SINGLE_PRECISION}, networks)
    total.arrays["inference.distance.trained"] = by_width(distances)
    return total


DIVISOR_OF_EARLY_STEPS = 3
"""Of the steps this part is looked at: later losses of narrow networks fall behind by more."""
MAX_TIME_OVER_STEPS = 8
"""Times are looked for up to as many times the steps."""


def loss_times(
    loss: Float[Tensor, " r"], components: Float[Tensor, " n"], factors: Float[Tensor, " n"], steps: int
) -> Float[Tensor, " r"]:
    """After how many steps the kernel's training loss, `sum_j components_j factors_j^(2 t)`, is that of each network.

    By bisection; the loss falls as t grows.
    """
    early, late = torch.zeros_like(loss), torch.full_like(loss, float(MAX_TIME_OVER_STEPS * steps))
    for _ in range(60):
        middle = (early + late) / 2
        above = (components * factors ** (2 * middle[:, None])).sum(dim=1) > loss
        early, late = torch.where(above, middle, early), torch.where(above, late, middle)
    return torch.where(loss.isfinite(), (early + late) / 2, math.nan)


def extrapolated_time(by_width: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """The time of infinite width, with its standard error: `1/t = a + b/D` through the two largest widths.

    Steps over time, `1/t`, are nearly linear in 1/D where t is not: `D (1/t - 1)` was 61, 52, 50 at D = 32 to 128.
    """
    (narrow, (t, error_t)), (wide, (u, error_u)) = sorted(by_width.items())[-2:]
    if not (t > 0 and u > 0):
        return math.nan, math.nan
    gain = narrow / (wide - narrow)
    slowness = (1 + gain) / u - gain / t
    error = math.hypot((1 + gain) * error_u / u**2, gain * error_t / t**2)
    return 1 / slowness, error / slowness**2


def by_width(distances: dict[int, tuple[float, float]]) -> np.ndarray:
    """Width, distance and its standard error, a column a width."""
    return array_of_columns([width, *distance] for width, distance in distances.items())


def distance_records(
    distances: dict[int, tuple[float, float]], coordinates: dict[str, Any], networks: dict[int, int]
) -> list[Record]:
    """Distances by width, of so many networks."""
    return [
        Record("inference_distance", *distance, coordinates={**coordinates, "width": width}, replicas=networks[width])
        for width, distance in distances.items()
    ]


def _tangent_kernel(job: Job, regression: Task, depth: int) -> dict[str, Tensor]:
    """Entries among the training points, and from test to training points."""
    settings = job.settings
    kernel = finite_kernel(settings, "ntk", depth)

    def compute() -> dict[str, np.ndarray]:
        return {
            "inside": assemble(kernel, regression.x).numpy(),
            "across": kernel(regression.new, regression.x).numpy(),
        }

    where = key_of_kernels(settings, "kernel.points", at=depth)
    solution = job.shared.solve("kernel.inference.kernel", where, compute)
    return {name: torch.from_numpy(array) for name, array in solution.items()}


def _trained(job: Job, regression: Task, depth: int, width: int, rate: float, part: tuple[int, int]) -> Learnt:
    """Networks of this width, trained; in pieces, each kept as soon as it is done."""
    settings, device_ = job.settings, device.resolve(job.settings.device)
    network = network_of(settings, depth, width)
    x, y, new = (t.to(device_, torch.float32) for t in (regression.x, regression.y, regression.new))
    networks = settings.kernel.networks * min(settings.width // width, MAX_FACTOR_OF_NETWORKS)
    size = max(1, min(networks, BYTES_OF_ACTIVATIONS // (16 * len(x) * width * depth)))
    solutions = []
    for first in range(0, networks, size):
        count = min(size, networks - first)

        def tell(step: int, loss: Tensor, first: int = first, count: int = count) -> None:
            done = (first + count * step / settings.kernel.steps) / networks
            job.progress(0.05 + 0.85 * (part[0] + done) / part[1], f"training networks of width {width}")
            if width == settings.width and first == 0:
                job.sink.scalars(step, {"train_loss": float(loss.mean())})

        def compute(first: int = first, count: int = count, tell: Any = tell) -> dict[str, np.ndarray]:
            stream = Stream(settings.seed, "kernel.inference", first_replica=first)
            start = network.initial(x.shape[1], y.shape[1], stream, replicas=count, device=device_)
            of = functools.partial(network.outputs, through=default_engine().forward)
            end, loss = descend_full_batch(
                network, start, x, y + of(start, x), rate=rate, steps=settings.kernel.steps, report=tell
            )
            outputs = {"change": of(end, new) - of(start, new), "loss": loss}
            return {name: t.double().cpu().numpy() for name, t in outputs.items()}

        drawn = {"of_width": width, "first": first, "count": count}
        where = key_of_kernels(settings, "kernel.points", "kernel.steps", at=depth, rate=rate, **drawn)
        solutions.append(job.shared.solve("kernel.inference.trained", where, compute))
    return Learnt(
        *(torch.from_numpy(np.concatenate([f[name] for f in solutions])) for name in Learnt.__dataclass_fields__)
    )


def _against_the_kernel(
    right: Float[Tensor, "r m"], predicted: Float[Tensor, "m o"], labels: Tensor, drawn: dict[str, Any]
) -> list[Record]:
    """Accuracy of networks less that of their kernel's prediction; random are the networks, not the test points."""
    networks, points = right.shape
    value, stderr = mean((right - (predicted.argmax(dim=1) == labels).double()).mean(dim=1))
    at_least = 1 / (points * math.sqrt(networks))  # one point: equal numbers are no certainty
    coordinates = {**drawn["coordinates"], "scheme": "trained"}
    more = {**drawn, "coordinates": coordinates}
    return [Record("accuracy_difference", value, stderr=max(stderr, at_least), **more)]


# -- weakly trained -------------------------------------------------------------------------------


def _weakly(job: Job, regression: Task, depth: int) -> Measurement:
    """Posterior means and variances of the read-out of networks, against those of the kernel."""
    settings = job.settings
    regression = replace(
        regression,
        x=regression.x[:MAX_POINTS_CONDITIONED],
        y=regression.y[:MAX_POINTS_CONDITIONED],
        new=typical(regression.new)[:MAX_POINTS_PREDICTED],
    )
    kernel, noise, n = finite_kernel(settings, "nngp", depth), settings.kernel.ridge, len(regression.x)
    exact = conditioned(
        kernel(regression.x, regression.x)[None],
        kernel(regression.new, regression.x)[None],
        kernel.diagonal(regression.new)[None],
        regression.y,
        noise,
    )
    gram = overlaps_after_read_in(torch.cat([regression.x, regression.new]))
    its_widths = [wider * settings.width for wider in WIDTH_FACTORS]

    def compute() -> dict[str, np.ndarray]:
        squares_drawn = []
        for width in its_widths:
            for replica in range(WEAKLY_TRAINED_NETWORKS):
                K = overlaps_at(settings, gram, depth, width, replica)
                predictions = conditioned(
                    K[:, :n, :n], K[:, n:, :n], K.diagonal(dim1=1, dim2=2)[:, n:], regression.y, noise
                )
                squares_drawn += [
                    (a - b).square().mean() / b.square().mean() for a, b in zip(predictions, exact, strict=True)
                ]
        return {"squares": torch.stack(squares_drawn).reshape(len(its_widths), WEAKLY_TRAINED_NETWORKS, 2).numpy()}

    where = key_of_kernels(settings, "width", "kernel.points", "kernel.ridge", at=depth)
    squares = torch.from_numpy(job.shared.solve("kernel.inference.weak", where, compute)["squares"])
    total = Measurement()
    for i, name in enumerate(("posterior mean", "posterior variance")):
        distances = {
            width: root_of_mean(squares_at_width)
            for width, squares_at_width in zip(its_widths, squares[..., i], strict=True)
        }
        networks = dict.fromkeys(its_widths, WEAKLY_TRAINED_NETWORKS)
        total.records += distance_records(distances, {"scheme": name, "dtype": "float64"}, networks)
        total.arrays[f"inference.distance.{name.split()[1]}"] = by_width(distances)
    return total


def typical(z: Float[Tensor, "n f"]) -> Float[Tensor, "k f"]:
    """The points with `|z|^2/d` of at most `MAX_MEAN_SQUARE_OF_TEST_POINTS`, or all where there is none: of larger
    ones the layers, which tanh bounds, change nothing, and they would be all that a root mean square over points
    sees."""
    kept = z[mean_square(z) <= MAX_MEAN_SQUARE_OF_TEST_POINTS]
    return kept if len(kept) else z


def overlaps_at(
    settings: Kernel, gram: Float[Tensor, "n n"], depth: int, width: int, replica: int
) -> Float[Tensor, "1 n n"]:
    """`<x_L, x_L'>/D` of a network of this width, sampled from Gram matrices: no weights, however wide it is."""
    init, h = sizes_of_law(settings), settings.horizon / depth
    phi = activation_named(settings.activation)
    stream = Stream(settings.seed, f"kernel.inference.weak {width}", first_replica=replica)

    def drawn(layer: int) -> Tensor:
        return normals((len(gram), width), stream.at(layer), replicas=1, dtype=torch.float64)

    x = pre_activations(gram[None], drawn(0))
    for layer in range(depth):
        covariance = h * (init.sigma_b**2 + init.sigma_w**2 * overlaps_of(x))
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
