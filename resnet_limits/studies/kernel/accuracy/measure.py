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
from ....inference.filters import cut, gradient_flow, ridge
from ....inference.iterative import Solution, solve_iteratively
from ....inference.linear import linear_ridge
from ....inference.targets import one_hot
from ....limits.pair_kernel import mean_square
from ....limits.tabulated import tabulate
from ....measurement.estimate import difference, fraction
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ..kernels import affine_kernel, deep_kernel, limit_exists, limit_kernel
from ..outside import DEEP_BLOCK, not_affine
from ..problem import array_of_columns, key_of_kernels, standardised_dataset
from .claims import ACCURACIES_SHOWN, DEEP_KERNEL_TOLERANCE, MAX_POINTS_IN_DOUBLE

RELATIVE_RESIDUAL = 1e-4
"""Relative residual of the deep block's regression where it is iterative."""


def measure(job: Job) -> Measurement:
    """Accuracies with the standard error over test points, and paired differences."""
    settings = job.settings
    data = standardised_dataset(settings)
    if not data.is_classification:
        return Measurement()
    solution = job.shared.solve(
        "kernel.accuracy",
        key_of_kernels(settings, "kernel.ridge", "kernel.steps", "kernel.rate", "kernel.deep_points"),
        lambda: _solved(job, data),
    )
    total, few = (len(data.x_train), min(len(data.x_train), settings.kernel.deep_points))
    _, first = limit_exists(settings, data)
    records = [] if math.isinf(first) else [Record("blow_up_time", first, coordinates={"scheme": "all points"})]
    for name, right in solution.items():
        if name.startswith("accuracy"):
            observable, _, on_few = name.partition("@")
            coordinates = {"points": few if on_few or observable == "accuracy.deep" else total}
            coordinates |= DEEP_BLOCK if observable == "accuracy.deep" else {}
            records.append(Record(observable, *fraction(right), coordinates=coordinates))
    if "posterior_deviation" in solution:
        records.append(Record("posterior_deviation", float(solution["posterior_deviation"][0])))
        shallow = solution.get("accuracy.nngp@few", solution["accuracy.nngp"])
        value, stderr = difference(solution["accuracy.deep"], shallow)
        coordinates = {"scheme": "deep", "points": few, **DEEP_BLOCK}
        records.append(Record("accuracy_difference", value, stderr=stderr, coordinates=coordinates))
    if "linear_difference" in solution:
        value, error = solution["linear_difference"]
        records.append(Record("linear_difference", float(value), reference_error=float(error)))
    nothing = np.full(len(data.x_test), math.nan)
    shown = array_of_columns(
        [*fraction(solution.get(f"accuracy.{name}", nothing)), few if name == "deep" else total]
        for name in ACCURACIES_SHOWN
    )
    return Measurement(records, {"accuracy": shown})


def _solved(job: Job, data: Dataset) -> dict[str, np.ndarray]:
    """Which test points each kernel finds, and the mean deviation of the posterior."""
    settings, y = job.settings, one_hot(data.y_train, data.classes)
    few = min(len(data.x_train), settings.kernel.deep_points)
    noise, arrays = settings.kernel.ridge, {}
    exists, _ = limit_exists(settings, data)

    def right(outputs: Tensor) -> np.ndarray:
        return (outputs.argmax(dim=1) == data.y_test).double().numpy()

    if exists:
        largest = max(float(x.double().square().mean(dim=1).max()) for x in (data.x_train, data.x_test))
        nngp, ntk = (limit_kernel(settings, kind, largest) for kind in ("nngp", "ntk"))
        job.progress(0.0, "inference with the doubly infinite network")
        posterior = features.fit(nngp.features, data.x_train, y)
        mean, variance = posterior.posterior(data.x_test, noise)
        arrays["accuracy.nngp"] = right(mean)
        arrays["posterior_deviation"] = np.array([float(variance.clamp(min=0).sqrt().mean())])
        if few < len(y):
            part = features.fit(nngp.features, data.x_train[:few], y[:few])
            arrays["accuracy.nngp@few"] = right(part.mean(data.x_test, ridge(noise)))
        job.progress(0.2, "regression with the tangent kernel")
        trained = features.fit(ntk.features, data.x_train, y)
        arrays["accuracy.ntk"] = right(trained.mean(data.x_test, ridge(noise)))
        time = settings.kernel.steps * settings.kernel.rate / float(trained.values[-1])
        arrays["accuracy.ntk.time"] = right(trained.mean(data.x_test, gradient_flow(time)))
        arrays["accuracy.ntk.infinity"] = right(trained.mean(data.x_test, gradient_flow(math.inf)))
        job.progress(0.3, "linear ridge regression")
        linear = linear_ridge(*affine_kernel(settings, "nngp"), data.x_train, y, data.x_test, noise)
        arrays["accuracy.linear_ridge"] = right(linear)
        if not_affine(settings) is None:
            arrays["linear_difference"] = np.array(linear_difference(mean, linear, posterior.values, len(y), noise))
    deep = deep_posterior(job, data, y[:few])
    job.progress(0.8, "test points of the deep block")
    arrays["accuracy.deep"] = right(deep.mean(data.x_test))
    return arrays


def linear_difference(
    predicted: Float[Tensor, "m o"],
    linear: Float[Tensor, "m o"],
    values: Float[Tensor, " r"],
    points: int,
    noise: float,
) -> tuple[float, float]:
    """Largest difference of two predictions over the bound on its rounding; and one rounding in these units.

    `values`: eigenvalues of `F^T F`; those that are zero to rounding do not count.
    """
    kept = values[values > cut(values)]
    condition = float((kept.max() + noise) / (kept.min() + noise)) if len(kept) else 1.0
    bound = points * torch.finfo(torch.float64).eps * condition * float(linear.abs().max())
    return float((predicted - linear).abs().max()) / bound, 1 / points


def deep_posterior(job: Job, data: Dataset, y: Float[Tensor, "n o"]) -> dense.Posterior | Solution:
    """Regression with the deep block's kernel on the first points: dense; beyond `dense.MOST_POINTS_FACTORED` by
    conjugate gradients, with the kernel from a table."""
    settings, x = job.settings, data.x_train[: len(y)]
    what = f"kernel of the deep block, {len(y)} points"

    def progress(done: float) -> None:
        job.progress(0.35 + 0.4 * done, what)

    progress(0.0)
    if len(y) <= dense.MOST_POINTS_FACTORED:
        dtype = torch.float64 if len(y) <= MAX_POINTS_IN_DOUBLE else torch.float32
        kernel = deep_kernel(settings, x.double(), DEEP_KERNEL_TOLERANCE, dtype)
        return dense.posterior(kernel, x, y, ridge=settings.kernel.ridge, dtype=dtype, progress=progress)
    exact = deep_kernel(settings, x.double(), DEEP_KERNEL_TOLERANCE, torch.float64)
    table = tabulate(exact, mean_square(torch.cat([x, data.x_test])), tolerance=DEEP_KERNEL_TOLERANCE)
    single = replace(table, coefficients=table.coefficients.float(), dtype=torch.float32)
    return solve_iteratively(single, x, y, ridge=settings.kernel.ridge, tolerance=RELATIVE_RESIDUAL, progress=progress)
