"""`ode.rough`: weights that are the values of a fractional Brownian path still have an ODE limit, of lower order.

`rough_difference` is the root mean square of `x_L - x_2L` on the same path, over replicas, inputs and coordinates: the
two networks run in one job and need no reference. Order `min(1, H + 1/2)`. Pinned: `init=rough` and the width.
"""

from __future__ import annotations

import torch

from ....engines import default_engine
from ....limits.flow import rounding
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.steps import STEPS
from ....paths.laws.rough import Rough
from ..problem import pinned, problem
from ..settings import Ode
from .claims import ROUGH, rough_hurst

BLOCK = 32
"""Replicas run at a time, also where fewer are left: the draws do not depend on it, but rounding does."""


def rough_law(settings: Ode) -> Rough:
    """Values of a fractional path, of the sizes and (where it has one) the Hurst index of the settings' own law."""
    return pinned(settings, Rough(hurst=rough_hurst(settings)))


def measure(job: Job) -> Measurement:
    """`rough_difference` at the job's depth."""
    settings, step = job.settings, STEPS["euler"]
    squares, sizes = [], []
    for first in range(0, settings.replicas, BLOCK):
        job.progress(first / settings.replicas, "rough")
        its = problem(
            settings,
            replicas=BLOCK,
            first_replica=first,
            init=rough_law(settings),
            depth=2 * settings.depth,
            width=ROUGH["width"],
        )
        coarse, fine = (
            default_engine().forward(its.field, step, its.x0, its.weights(step, depth), its.step_size(depth)).double()
            for depth in (settings.depth, 2 * settings.depth)
        )
        left = settings.replicas - first
        squares.append((coarse - fine).square().mean(dim=(1, 2))[:left])
        sizes.append(fine.square().mean(dim=(1, 2))[:left])
    each, size = torch.cat(squares), float(torch.cat(sizes).mean().sqrt())
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
