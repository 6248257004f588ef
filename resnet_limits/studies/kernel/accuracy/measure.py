"""`kernel.expressivity.deep`, accuracies: inference with doubly infinite networks on the whole data set.

The shallow kernels are solved in the dimension of the inputs, all training points at once; the deep block's kernel is
dense, and beyond 20,000 points made again block by block. No depth changes any of it: jobs share the answers.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....data.dataset import Dataset
from ....inference import dense, features
from ....inference.filters import gradient_flow, ridge
from ....inference.iterative import Solution, solve
from ....inference.linear import linear_ridge
from ....inference.targets import one_hot
from ....limits.pair_kernel import mean_square
from ....limits.tabulated import tabulate
from ....measurement.estimate import difference, fraction
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ..kernels import affine, deep_kernel, limit_exists, limit_kernel
from ..outside import DEEP
from ..problem import columns, dataset, key
from .claims import DEEP_TOLERANCE, IN_DOUBLE, SHOWN

RESIDUAL = 1e-4
"""Relative residual of the deep block's regression where it is iterative."""


def measure(job: Job) -> Measurement:
    """Accuracies with the standard error over test points, and paired differences."""
    settings = job.settings
    data = dataset(settings)
    if not data.is_classification:
        return Measurement()
    found = job.shared.solve(
        "kernel.accuracy",
        key(settings, "kernel.ridge", "kernel.steps", "kernel.rate", "kernel.deep_points"),
        lambda: _solved(job, data),
    )
    total, few = (len(data.x_train), min(len(data.x_train), settings.kernel.deep_points))
    _, first = limit_exists(settings, data)
    records = [] if math.isinf(first) else [Record("blow_up_time", first, coordinates={"scheme": "all points"})]
    for name, right in found.items():
        if name.startswith("accuracy"):
            observable, _, on_few = name.partition("@")
            coordinates = {"points": few if on_few or observable == "accuracy.deep" else total}
            coordinates |= DEEP if observable == "accuracy.deep" else {}
            records.append(Record(observable, *fraction(right), coordinates=coordinates))
    if "posterior_deviation" in found:
        records.append(Record("posterior_deviation", float(found["posterior_deviation"][0])))
        shallow = found.get("accuracy.nngp@few", found["accuracy.nngp"])
        for scheme, a, b in (
            ("deep", found["accuracy.deep"], shallow),
            ("linear_ridge", found["accuracy.linear_ridge"], found["accuracy.nngp"]),
        ):
            value, stderr = difference(a, b)
            coordinates = {"scheme": scheme, "points": few if scheme == "deep" else total}
            coordinates |= DEEP if scheme == "deep" else {}
            records.append(Record("accuracy_difference", value, stderr=stderr, coordinates=coordinates))
    nothing = np.full(len(data.x_test), math.nan)
    shown = columns(
        [*fraction(found.get(f"accuracy.{name}", nothing)), few if name == "deep" else total] for name in SHOWN
    )
    return Measurement(records, {"accuracy": shown})


def _solved(job: Job, data: Dataset) -> dict[str, np.ndarray]:
    """Which test points each kernel finds, and the mean deviation of the posterior."""
    settings, y = job.settings, one_hot(data.y_train, data.classes)
    few = min(len(data.x_train), settings.kernel.deep_points)
    noise, found = settings.kernel.ridge, {}
    exists, _ = limit_exists(settings, data)

    def right(outputs: Tensor) -> np.ndarray:
        return (outputs.argmax(dim=1) == data.y_test).double().numpy()

    if exists:
        largest = max(float(x.double().square().mean(dim=1).max()) for x in (data.x_train, data.x_test))
        nngp, ntk = (limit_kernel(settings, kind, largest) for kind in ("nngp", "ntk"))
        job.progress(0.0, "inference with the doubly infinite network")
        posterior = features.fit(nngp.features, data.x_train, y)
        mean, variance = posterior.posterior(data.x_test, noise)
        found["accuracy.nngp"] = right(mean)
        found["posterior_deviation"] = np.array([float(variance.clamp(min=0).sqrt().mean())])
        if few < len(y):
            part = features.fit(nngp.features, data.x_train[:few], y[:few])
            found["accuracy.nngp@few"] = right(part.mean(data.x_test, ridge(noise)))
        job.progress(0.2, "regression with the tangent kernel")
        trained = features.fit(ntk.features, data.x_train, y)
        found["accuracy.ntk"] = right(trained.mean(data.x_test, ridge(noise)))
        time = settings.kernel.steps * settings.kernel.rate / float(trained.values[-1])
        found["accuracy.ntk.time"] = right(trained.mean(data.x_test, gradient_flow(time)))
        found["accuracy.ntk.infinity"] = right(trained.mean(data.x_test, gradient_flow(math.inf)))
        job.progress(0.3, "linear ridge regression")
        linear = linear_ridge(*affine(settings, "nngp"), data.x_train, y, data.x_test, noise)
        found["accuracy.linear_ridge"] = right(linear)
    deep = deep_posterior(job, data, y[:few])
    job.progress(0.8, "test points of the deep block")
    found["accuracy.deep"] = right(deep.mean(data.x_test))
    return found


def deep_posterior(job: Job, data: Dataset, y: Float[Tensor, "n o"]) -> dense.Posterior | Solution:
    """Regression with the deep block's kernel on the first points: dense; beyond `dense.LARGEST` of them by conjugate
    gradients, with the kernel from a table."""
    settings, x = job.settings, data.x_train[: len(y)]
    what = f"kernel of the deep block, {len(y)} points"

    def told(done: float) -> None:
        job.progress(0.35 + 0.4 * done, what)

    told(0.0)
    if len(y) <= dense.LARGEST:
        dtype = torch.float64 if len(y) <= IN_DOUBLE else torch.float32
        kernel = deep_kernel(settings, x.double(), DEEP_TOLERANCE, dtype)
        return dense.posterior(kernel, x, y, ridge=settings.kernel.ridge, dtype=dtype, progress=told)
    exact = deep_kernel(settings, x.double(), DEEP_TOLERANCE, torch.float64)
    table = tabulate(exact, mean_square(torch.cat([x, data.x_test])), tolerance=DEEP_TOLERANCE)
    single = replace(table, coefficients=table.coefficients.float(), dtype=torch.float32)
    return solve(single, x, y, ridge=settings.kernel.ridge, tolerance=RESIDUAL, progress=told)
