"""`ode.rough`: weights that are the values of a fractional Brownian path still have an ODE limit, of lower order.

`rough_difference` is the root mean square of `x_L - x_2L` on the same path, over replicas, inputs and coordinates: the
two networks run in one job and need no reference. Order `min(1, H + 1/2)`. Pinned: `init=rough` and the width.
"""

from __future__ import annotations

import torch

from ...networks.residual import forward
from ...networks.steps import STEPS
from ...settings import Ode, Rough
from ..study import Job, Measurement, Record
from .claims import ROUGH
from .problem import pinned, problem, root_mean_square, rounding

CHUNK = 32
"""Replicas whose paths are held in memory at a time; results do not depend on it."""


def rough_law(settings: Ode) -> Rough:
    """The settings' own law where it is rough, else a rough law of the same sizes."""
    return settings.init if isinstance(settings.init, Rough) else pinned(settings, Rough())


def measure(job: Job) -> Measurement:
    """`rough_difference` at the job's depth."""
    settings, step = job.settings, STEPS["euler"]
    squares = []
    size = 0.0
    for first in range(0, settings.replicas, CHUNK):
        job.progress(first / settings.replicas, "rough")
        count = min(CHUNK, settings.replicas - first)
        its = problem(
            settings,
            replicas=count,
            first_replica=first,
            init=rough_law(settings),
            depth=2 * settings.depth,
            width=ROUGH["width"],
        )
        coarse, fine = (
            forward(its.field, step, its.x0, its.weights(step, depth), its.step_size(depth)).double()
            for depth in (settings.depth, 2 * settings.depth)
        )
        squares.append((coarse - fine).square().mean(dim=(1, 2)))
        size = max(size, root_mean_square(fine))
    each = torch.cat(squares)
    value = float(each.mean().sqrt())
    stderr = float(each.std()) / len(each) ** 0.5 / (2 * value) if len(each) > 1 and value > 0 else float("nan")
    record = Record(
        "rough_difference",
        value,
        stderr=stderr,
        reference_error=rounding(settings.dtype, settings.depth, size),
        coordinates={**ROUGH, "init.hurst": rough_law(settings).hurst},
    )
    return Measurement([record])
