"""`ode.gradient.*`: gradients of a network against the adjoint of its limit, for `J = |x(T)|^2 / 2n`.

    gradient_error_input    d J / d x_0
    gradient_error_path     d J / d c_j, for the path theta(t) = sum_j b_j(t) c_j:  sum_k b_j(t_k) dJ/dtheta_k
    gradient_error          both: the root of the sum of the squares
    gradient_density_error  L dJ/dtheta_k against g(t_k), at a quarter, half and three quarters of the depth

Errors are relative: root mean square of the difference over that of the limit's gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from .... import device
from ....limits.adjoint import adjoint
from ....limits.flow import DrivenFlow, rounding_of_states
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.residual import gradients
from ....networks.steps import STEPS, Step
from ....paths.path import Path
from ....paths.smooth import SmoothPath
from ....paths.tied import TiedPath
from ....settings.content import chosen_keys
from ..outside import smooth_field
from ..problem import KEYS_OF_ODE_PATHS, half_square_with_gradient, problem, relative_error

SCHEMES_OF_GRADIENTS = ("euler", "heun")
INTERIOR_TIMES = (0.25, 0.5, 0.75)


def linear_path(path: Path) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Coefficients (r, j, *shape) and basis (times -> (times, j)) of a path that is linear in its coefficients."""
    if isinstance(path, SmoothPath):
        return path.coefficients, path.basis
    assert isinstance(path, TiedPath)
    return path.value[:, None], lambda times: torch.ones(
        len(times), 1, dtype=path.value.dtype, device=path.value.device
    )


def measure(job: Job) -> Measurement:
    """The relative gradient errors of the Euler and the Heun network."""
    settings = job.settings
    if smooth_field(settings):
        return Measurement()
    job.progress(0.0, "gradients of the limit")
    exact = _reference(job)
    driven = problem(settings, replicas=settings.ode.paths)
    records = []
    for i, name in enumerate(SCHEMES_OF_GRADIENTS):
        job.progress((i + 1) / (1 + len(SCHEMES_OF_GRADIENTS)), f"gradients, {name}")
        records += _compare(driven, STEPS[name], settings.depth, settings.dtype, exact)
    return Measurement([replace(record, replicas=settings.ode.paths) for record in records])


def _reference(job: Job) -> Mapping[str, Tensor]:
    """Gradients of the limit: `x0`, `c.NAME`, `g.NAME` (r, times, *shape), and the largest error of each kind."""
    settings = job.settings

    def compute() -> dict[str, np.ndarray]:
        exact = problem(settings, replicas=settings.ode.paths, depth=1, dtype=torch.float64)
        linear = {name: linear_path(path) for name, path in exact.path.parameters.items()}
        solution = adjoint(
            exact.field,
            {name: coefficients for name, (coefficients, _) in linear.items()},
            {name: basis for name, (_, basis) in linear.items()},
            exact.x0,
            exact.horizon,
            half_square_with_gradient,
            times=settings.horizon * torch.tensor(INTERIOR_TIMES, dtype=torch.float64),
        )
        arrays = {"x0": solution.x0, **{f"c.{n}": c for n, c in solution.coefficients.items()}}
        arrays |= {f"g.{n}": g for n, g in solution.density.items()}
        errors = {f"error.{n}": torch.tensor([e]) for n, e in solution.errors.items()}
        return {name: value.cpu().numpy() for name, value in (arrays | errors).items()}

    solution = job.shared.solve("adjoint", chosen_keys(settings, KEYS_OF_ODE_PATHS), compute)
    where = device.resolve(settings.device)
    return {name: torch.from_numpy(value).to(where) for name, value in solution.items()}


def _compare(driven: DrivenFlow, step: Step, depth: int, dtype: str, exact: Mapping[str, Tensor]) -> list[Record]:
    network = gradients(
        driven.field, step, driven.x0, driven.weights(step, depth), driven.step_size(depth), half_square_with_gradient
    )
    times = step.times(depth, driven.horizon)
    names = list(driven.path.parameters)
    coefficients = {
        name: torch.einsum("kj,rk...->rj...", linear_path(driven.path[name])[1](times), network.weights[name])
        for name in names
    }
    by_input = relative_error([network.x0], [exact["x0"]], exact["error.x0"])
    by_path = relative_error(
        [coefficients[n] for n in names], [exact[f"c.{n}"] for n in names], exact["error.coefficients"]
    )
    noise = rounding_of_states(dtype, depth, 1.0)
    both = (math.hypot(by_input[0], by_path[0]), math.hypot(by_input[1], by_path[1]))
    records = [
        Record(name, value, reference_error=error + noise, coordinates={"scheme": step.name})
        for name, (value, error) in (
            ("gradient_error", both),
            ("gradient_error_input", by_input),
            ("gradient_error_path", by_path),
        )
    ]
    for i, fraction in enumerate(INTERIOR_TIMES):
        k = fraction * depth
        if k != int(k):
            continue  # the layer does not lie at this time
        density = [depth / driven.horizon * network.weights[n][:, int(k)] for n in names]
        value, error = relative_error(density, [exact[f"g.{n}"][:, i] for n in names], exact["error.density"])
        records.append(
            Record(
                "gradient_density_error",
                value,
                reference_error=error + noise,
                layer=int(k),
                coordinates={"scheme": step.name},
            )
        )
    return records
