"""`kernel.expressivity.*`: Gram matrices of the doubly infinite network, of finite depth, and of the deep block.

rank         eigenvalue d_in + 2 of the Gram matrix of the limit, from its entries (no features)
ridge        (K + r)^-1 in the dimension of the points, against ridge regression on the inputs: penalties
             r d_in/slope on the weights and r/constant on the intercept, for K = constant + slope <z, z'>/d_in
regression   with kernels of finite depth, against linear ridge regression with the constants of the limit
non-linear   what the best fit of entries by constant + slope <z, z'>/d_in leaves of them
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import cho_solve
from torch import Tensor

from ....data.dataset import Dataset
from ....inference import dense
from ....inference.dense import factored
from ....inference.linear import affine_features, least_squares, linear_ridge
from ....inference.targets import one_hot
from ....limits.kernel import Kind, LimitKernel
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....paths.laws.iid import IidLaw
from ...pinned import pinned
from ..kernels import affine_kernel, deep_kernel, finite_kernel, limit_exists, limit_kernel
from ..outside import not_affine
from ..problem import key_of_kernels, overlaps_after_read_in, standardised_dataset
from ..settings import Kernel
from .claims import (
    MIN_POINTS_OF_GRAM,
    PINS_OF_BENT_KERNEL,
    PINS_OF_NOISY_REGRESSION,
    PINS_OF_SMALL_SIZES,
    POINTS_BEYOND_FEATURES,
    POINTS_FITTED_BY_AFFINE,
    POINTS_OF_REGRESSION,
)

UNIT_ROUNDOFF = torch.finfo(torch.float64).eps
TOLERANCE_OF_DEEP_STEPS = 1e-10
"""Relative error of the deep block's kernel."""


def measure(job: Job) -> Measurement:
    """Ranks and the ridge identity once, the non-linear part at this depth."""
    settings, records = job.settings, []
    data = standardised_dataset(settings)
    x = data.x_train.double()
    keys = key_of_kernels(settings, "kernel.ridge")
    if limit_exists(settings, data)[0]:
        solution = job.shared.solve("kernel.expressivity", keys, lambda: of_the_limit(settings))
        records += rank_records(solution, x.shape[1])
        if not_affine(settings) is None:
            value, error = solution["ridge"]
            records.append(Record("ridge_difference", float(value), reference_error=float(error)))
    if not_affine(settings) is None:
        job.progress(0.3, "regression at finite depth")
        records += regression_records(settings, data)
    job.progress(0.5, "non-linear part")
    few = x[:POINTS_FITTED_BY_AFFINE]
    gram = overlaps_after_read_in(few)
    small = of_small_sizes(settings)
    bent = replace(settings, horizon=PINS_OF_BENT_KERNEL["horizon"])

    def deep() -> dict[str, np.ndarray]:
        return {"entries": deep_kernel(bent, few, TOLERANCE_OF_DEEP_STEPS, torch.float64)(few, few).numpy()}

    nonlinear = {
        "finite depth": (finite_kernel(small, "nngp", settings.depth)(few, few), PINS_OF_SMALL_SIZES),
        "deep": (
            torch.from_numpy(job.shared.solve("kernel.expressivity.deep", keys, deep)["entries"]),
            PINS_OF_BENT_KERNEL,
        ),
    }
    for scheme, (K, pins) in nonlinear.items():
        value, coordinates = not_fitted(K, gram), {"scheme": scheme, **pins}
        error = {"finite depth": UNIT_ROUNDOFF * settings.depth, "deep": TOLERANCE_OF_DEEP_STEPS}[scheme]
        records.append(Record("nonlinear_part", value, reference_error=error, coordinates=coordinates))
        if value > 0:
            error /= value * math.log(10)
            records.append(
                Record("log_nonlinear_part", math.log10(value), reference_error=error, coordinates=coordinates)
            )
    return Measurement(records)


def of_small_sizes(settings: Kernel) -> Kernel:
    """With the sizes and the horizon that the orders in depth pin."""
    return pinned(replace(settings, init=IidLaw()), PINS_OF_SMALL_SIZES)


def regression_records(settings: Kernel, data: Dataset) -> list[Record]:
    """Regression with NNGP and tangent kernel of this depth against linear ridge regression, which knows the kernel of
    infinite depth by its two constants alone."""
    small, noise = of_small_sizes(settings), PINS_OF_NOISY_REGRESSION["kernel.ridge"]
    x, y = data.x_train[:POINTS_OF_REGRESSION].double(), targets_of_classes(data, POINTS_OF_REGRESSION)
    kinds: tuple[Kind, ...] = ("nngp", "ntk")
    records = []
    for kind in kinds:
        kernel = finite_kernel(small, kind, settings.depth)
        posterior = dense.posterior(kernel, x, y, ridge=noise)
        linear = linear_ridge(*affine_kernel(small, kind), x, y, x, noise)
        off = float((posterior.mean(x) - linear).norm() / linear.norm())
        coordinates = {"scheme": kind, **PINS_OF_NOISY_REGRESSION}
        error = settings.depth * posterior.error
        records.append(Record("regression_distance", off, reference_error=error, coordinates=coordinates))
    return records


def targets_of_classes(data: Dataset, count: int) -> Float[Tensor, "n o"]:
    """Of the first training points: classes as vectors, float64."""
    y = data.y_train[:count]
    return one_hot(y, data.classes) if data.is_classification else y.double()


def not_fitted(K: Float[Tensor, "n n"], gram: Float[Tensor, "n n"]) -> float:
    """Norm of what the best fit of the entries by `a + b gram` leaves, relative to that of the entries less their
    mean."""
    y, x = K - K.mean(), gram - gram.mean()
    left = y - float((x * y).sum() / x.square().sum()) * x
    return float(left.norm() / y.norm())


def rank_records(solution: dict[str, np.ndarray], d_in: int) -> list[Record]:
    """Numerical ranks, and the first eigenvalue that must vanish over the bound on its rounding."""
    records = []
    for scheme in ("nngp", "ntk"):
        values = solution[scheme]
        n, bound = len(values), len(values) * UNIT_ROUNDOFF * values[0]
        coordinates = {"scheme": scheme}
        rank = float((np.abs(values) > bound).sum())
        records.append(Record("rank", rank, reference=min(n, d_in + 1), coordinates=coordinates))
        if n > d_in + 1:
            tail = abs(float(values[d_in + 1])) / bound
            records.append(Record("rank_tail", tail, reference_error=1 / math.sqrt(n), coordinates=coordinates))
    tails = [record for record in records if record.observable == "rank_tail"]
    if tails:
        largest = max(tails, key=lambda record: record.value)
        records.append(replace(largest, coordinates={"scheme": "largest"}))
    return records


def of_the_limit(settings: Kernel) -> dict[str, np.ndarray]:
    """Eigenvalues of Gram matrices, decreasing, and the difference of kernel and linear ridge regression."""
    data = standardised_dataset(settings)
    count = max(MIN_POINTS_OF_GRAM, data.features + 1 + POINTS_BEYOND_FEATURES)
    x, new = data.x_train[:count].double(), data.x_test.double()[:count]
    largest = float(torch.cat([x, new]).square().mean(dim=1).max())
    arrays = {}
    for kind in ("nngp", "ntk"):
        kernel = limit_kernel(settings, kind, largest)
        K = block(kernel, x, x)
        arrays[kind] = np.linalg.eigvalsh(K.numpy())[::-1]
        if kind == "ntk" and not_affine(settings) is None:
            linear, y = affine_kernel(settings, kind), targets_of_classes(data, count)
            arrays["ridge"] = np.array(ridge_difference(kernel, linear, x, y, new, settings.kernel.ridge))
    return arrays


def block(kernel: LimitKernel, x: Float[Tensor, "n f"], new: Float[Tensor, "m f"]) -> Float[Tensor, "n m"]:
    """Entries from overlaps and norms; no features that would make the rank what it must be."""
    q, p = (points.square().mean(dim=1) for points in (x, new))
    return kernel.of_overlaps(x @ new.T / x.shape[1], q[:, None], p[None])


def ridge_difference(
    kernel: LimitKernel,
    linear: tuple[float, float],
    x: Float[Tensor, "n f"],
    y: Float[Tensor, "n o"],
    new: Float[Tensor, "m f"],
    ridge: float,
) -> tuple[float, float]:
    """Largest difference of predictions at new points, and the error of the linear ones, over the rounding bound.

    `linear`: constant and slope that the kernel must have. The bound: `n eps` times the condition number of `K + r` and
    the largest prediction. The linear ones are least squares, by singular values and by QR. Raises
    `Undetermined` where `K + r` is singular to rounding.
    """
    K = block(kernel, x, x)
    values = torch.linalg.eigvalsh(K) + ridge
    through_kernel = block(kernel, new, x).numpy() @ cho_solve((factored(K, ridge), False), y.numpy())
    design, at = (affine_features(*linear, points).numpy() for points in (x, new))
    right = np.vstack([y.numpy(), np.zeros((design.shape[1], y.shape[1]))])
    squares = np.vstack([design, math.sqrt(ridge) * np.eye(design.shape[1])])
    direct, again = (at @ least_squares(squares, right, driver) for driver in ("gelsd", "gelsy"))
    bound = (
        len(x) * UNIT_ROUNDOFF * float(values[-1] / values[0].clamp(min=UNIT_ROUNDOFF)) * float(np.abs(direct).max())
    )
    return float(np.abs(through_kernel - direct).max() / bound), float(
        np.abs(again - direct).max() / bound + UNIT_ROUNDOFF
    )
