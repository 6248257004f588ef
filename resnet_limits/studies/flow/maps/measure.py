"""`flow.map`: the map of a network against the exact flow of its field, and against the map on a grid.

map_error         root mean square of phi(x) less the exact flow, free weights (a time-varying field) and shared ones
grid_error        phi = exp(v) by scaling and squaring on a grid of 2 L cells a side, less the same by composition
squaring_error    log2(L) squarings of a step of T/L on a grid of 4 L cells a side, less exp(v) by an adaptive solver
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ....diffeomorphisms.squaring import displacement_between, squared, squared_on_grid
from ....engines import default_engine
from ....limits.flow import DrivenFlow, root_mean_square, rounding_of_states
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.steps import STEPS
from ..outside import flow_moves, smooth_weights
from ..problem import KINDS_OF_WEIGHTS, driven, embedded_points, exact_flow
from ..settings import Flow
from .claims import CELLS_OVER_DEPTH, CELLS_OVER_SQUARED_DEPTH, DEEPEST_SQUARED, PINS_OF_MAPS, PINS_OF_SQUARING

SCHEMES_OF_MAPS = ("euler", "heun")
SQUARINGS = 5
FIELDS_SQUARED = 2
"""Fields of which a grid is squared log2(L) times: its nodes are many."""
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
    return Measurement([*records, _on_a_grid(job), *_squared(job)])


def _on_a_grid(job: Job) -> Record:
    """Five squarings on a grid, less the same by composition."""
    field = FieldOnGrid.of(job.settings, paths=job.settings.flow.paths)
    by_grid, by_composition = field.squared(SQUARINGS, CELLS_OVER_DEPTH * job.settings.depth)
    size = root_mean_square(by_composition)
    return Record(
        "grid_error",
        root_mean_square(by_grid - by_composition),
        reference=size,
        reference_error=rounding_of_states("float64", 2**SQUARINGS, size),
        coordinates={**PINS_OF_MAPS},
        replicas=job.settings.flow.paths,
    )


def _squared(job: Job) -> list[Record]:
    """As many squarings on a grid as make a step of T/L, less the exact flow; of depths that are powers of two."""
    settings, squarings = job.settings, job.settings.depth.bit_length() - 1
    if settings.depth != 2**squarings or settings.depth > DEEPEST_SQUARED:
        return []
    field = FieldOnGrid.of(settings, paths=min(settings.flow.paths, FIELDS_SQUARED))
    exact, error = field.flow.end()
    by_grid, _ = field.squared(squarings, CELLS_OVER_SQUARED_DEPTH * settings.depth)
    size = root_mean_square(exact)
    return [
        Record(
            "squaring_error",
            root_mean_square(by_grid - exact),
            reference=size,
            reference_error=error + rounding_of_states("float64", settings.depth, size),
            coordinates={**PINS_OF_SQUARING},
            replicas=len(field.x),
        )
    ]


@dataclass(frozen=True)
class FieldOnGrid:
    """Stationary fields of the plane, one weight set each, and the points `x` that they move."""

    flow: DrivenFlow
    x: Float[Tensor, "r n 2"]

    @classmethod
    def of(cls, settings: Flow, *, paths: int) -> FieldOnGrid:
        """The first `paths` fields of the settings with shared weights, in float64, at `flow.points` points."""
        settings = replace(settings, flow=replace(settings.flow, paths=paths))
        x = embedded_points(settings, settings.flow.points, PINS_OF_MAPS["width"]).double()
        flow = driven(settings, "shared", depth=1, width=PINS_OF_MAPS["width"], dtype=torch.float64, x=x)
        return cls(flow, flow.x0)

    def squared(self, squarings: int, cells: int) -> tuple[Float[Tensor, "r n 2"], Float[Tensor, "r n 2"]]:
        """The points after an Euler step of T/2^squarings that is squared so often: on a grid of so many cells a side,
        and by composition."""
        blocks = 2**squarings
        theta = {name: w[:, 0] for name, w in self.flow.weights(STEPS["euler"], 1).items()}
        h = self.flow.step_size(blocks)

        def first(x: Tensor) -> Tensor:
            return torch.add(x, self.flow.field(x, theta), alpha=h)

        reached = [self.x]
        for _ in range(blocks):
            reached.append(first(reached[-1]))
        moved = torch.stack(reached).flatten(0, 2)
        low, high = moved.amin(dim=0), moved.amax(dim=0)
        margin = MARGIN_OF_GRID * (high - low) / 2
        low, high = low - margin, high + margin
        u = squared_on_grid(first, squarings, len(self.x), low, high, cells)
        return self.x + displacement_between(u, self.x, low, high), squared(first, squarings)(self.x)
