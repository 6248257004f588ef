"""`flow.map`: the map of a network against the exact flow of its field, and against the map on a grid.

map_error    root mean square of phi(x) less the exact flow, free weights (a time-varying field) and shared ones
grid_error   phi = exp(v) by scaling and squaring on a grid of 2 L cells a side, less the same by composition
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....diffeomorphisms.squaring import displacement_between, squared, squared_on_grid
from ....engines import default_engine
from ....limits.flow import root_mean_square, rounding_of_states
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.steps import STEPS
from ..outside import flow_moves, smooth_weights
from ..problem import KINDS_OF_WEIGHTS, driven, embedded_points, exact_flow
from .claims import CELLS_OVER_DEPTH, PINS_OF_MAPS

SCHEMES_OF_MAPS = ("euler", "heun")
SQUARINGS = 5
MARGIN_OF_GRID = 0.1
"""How much wider than all that moves in it the grid is, in units of its half-width."""


def measure(job: Job) -> Measurement:
    """Records of both observables at the job's depth."""
    settings = job.settings
    if flow_moves(settings):
        return Measurement()
    records = []
    for weights in KINDS_OF_WEIGHTS:
        if weights == "free" and smooth_weights(settings):
            continue
        exact, reference_error = exact_flow(job, weights)
        flow, size = driven(settings, weights, depth=settings.depth), root_mean_square(exact)
        for scheme in SCHEMES_OF_MAPS:
            step = STEPS[scheme]
            x = default_engine().forward(
                flow.field, step, flow.x0, flow.weights(step, settings.depth), flow.step_size(settings.depth)
            )
            error = reference_error + rounding_of_states(settings.dtype, settings.depth, size)
            records.append(
                Record(
                    "map_error",
                    root_mean_square(x - exact),
                    reference=size,
                    reference_error=error,
                    coordinates={"scheme": scheme, "weights": weights},
                    replicas=settings.flow.paths,
                )
            )
    job.progress(0.7, "the map on a grid")
    records.append(_on_a_grid(job))
    return Measurement(records)


def _on_a_grid(job: Job) -> Record:
    settings, blocks = job.settings, 2**SQUARINGS
    flow = driven(settings, "shared", depth=blocks, width=PINS_OF_MAPS["width"], dtype=torch.float64)
    theta = {name: w[:, 0] for name, w in flow.weights(STEPS["euler"], 1).items()}
    h = flow.step_size(blocks)

    def first(x: Tensor) -> Tensor:
        return torch.add(x, flow.field(x, theta), alpha=h)

    x = (
        embedded_points(settings, settings.flow.points, PINS_OF_MAPS["width"])
        .double()
        .expand(settings.flow.paths, -1, -1)
    )
    reached = [x]
    for _ in range(blocks):
        reached.append(first(reached[-1]))
    moved = torch.stack(reached).flatten(0, 2)
    low, high = moved.amin(dim=0), moved.amax(dim=0)
    margin = MARGIN_OF_GRID * (high - low) / 2
    low, high = low - margin, high + margin
    u = squared_on_grid(first, SQUARINGS, len(x), low, high, CELLS_OVER_DEPTH * settings.depth)
    exact = squared(first, SQUARINGS)(x)
    error = root_mean_square(x + displacement_between(u, x, low, high) - exact)
    size = root_mean_square(exact)
    return Record(
        "grid_error",
        error,
        reference=size,
        reference_error=rounding_of_states("float64", blocks, size),
        coordinates={**PINS_OF_MAPS},
        replicas=settings.flow.paths,
    )
