"""`ode.forward.*`, `ode.frozen.*`: the output of a network against the exact flow of the same weight paths.

    forward_error       x_L - x(T): root mean square over coordinates, geometric mean over paths and inputs
    leading_remainder   x_L - x(T) - h e(T), Euler blocks; h e(T) is the leading term of the error, by its own equation:
                        root mean square over paths, inputs and coordinates

The order is that of each trajectory. A mean square over several is that of the one whose field is the stiffest, and is
no power of h before its steps are small; the mean of logarithms has the same limit, and comes to it earlier.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .... import device
from ....engines import default_engine
from ....limits.flow import root_mean_square, rounding_of_states
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.steps import STEPS, Step, frozen
from ....settings.content import chosen_keys
from ...pinned import pinned
from ..outside import reads_a_continuous_path, smooth_field
from ..problem import KEYS_OF_ODE_PATHS, exact_flow_of_paths, problem
from .claims import PINS_OF_LEADING_TERM

FORWARD_STEPS: tuple[Step, ...] = (*STEPS.values(), frozen(STEPS["heun"]), frozen(STEPS["rk4"]))


def measure(job: Job) -> Measurement:
    """`forward_error` of each scheme at the job's depth."""
    settings = job.settings
    if reads_a_continuous_path(settings):
        return Measurement()
    exact, reference_error = exact_flow_of_paths(job)
    driven = problem(settings, replicas=settings.ode.paths)
    size = root_mean_square(exact)
    records = []
    for i, step in enumerate(FORWARD_STEPS):
        job.progress(i / len(FORWARD_STEPS), f"forward, {step.name}")
        x = default_engine().forward(
            driven.field, step, driven.x0, driven.weights(step, settings.depth), driven.step_size(settings.depth)
        )
        known_to = reference_error + rounding_of_states(settings.dtype, settings.depth, size)
        value, error = typical_distance(x - exact, known_to)
        records.append(
            Record(
                "forward_error",
                value,
                reference=size,
                reference_error=error,
                coordinates={"scheme": step.name},
                replicas=settings.ode.paths,
            )
        )
    if smooth_field(settings) is None:
        records.append(_leading(job))
    return Measurement(records)


def typical_distance(difference: Float[Tensor, "r n d"], known_to: float) -> tuple[float, float]:
    """Geometric mean over paths and inputs of the root mean square of a difference over coordinates, and its error
    where each of them is known to `known_to`: `exp(mean log e)` and that times `mean(known_to/e)`."""
    distances = difference.double().square().mean(dim=-1).sqrt()
    value = float(distances.log().mean().exp())
    return value, float((value * known_to / distances).mean()) if value > 0 else known_to


def _leading(job: Job) -> Record:
    """What the leading term of the error leaves of it, at a horizon of its own."""
    settings, euler = pinned(job.settings, PINS_OF_LEADING_TERM), STEPS["euler"]

    def compute() -> dict[str, np.ndarray]:
        x, e, error = problem(settings, replicas=settings.ode.paths, depth=1, dtype=torch.float64).leading_error()
        return {"x": x.cpu().numpy(), "e": e.cpu().numpy(), "error": np.array([error])}

    solution = job.shared.solve("flow.leading", chosen_keys(settings, KEYS_OF_ODE_PATHS), compute)
    where = device.resolve(settings.device)
    x, e = (torch.from_numpy(solution[name]).to(where) for name in ("x", "e"))
    driven = problem(settings, replicas=settings.ode.paths)
    h, size = settings.horizon / settings.depth, root_mean_square(x)
    network = default_engine().forward(
        driven.field, euler, driven.x0, driven.weights(euler, settings.depth), driven.step_size(settings.depth)
    )
    return Record(
        "leading_remainder",
        root_mean_square(network - x - h * e),
        reference=size,
        reference_error=(1 + h) * float(solution["error"][0])
        + rounding_of_states(settings.dtype, settings.depth, size),
        coordinates=PINS_OF_LEADING_TERM,
        replicas=settings.ode.paths,
    )
