"""`ode.random_start.*`: from an i.i.d. start the *output* of trained networks converges, though the weights do not.

    random_start_fluctuation  root mean square over draws of f_L - E f_L:     order 1/2
    random_start_mean         root mean square of E f_2L - E f_L:             order 1
    tied_start_fluctuation    the fluctuation from a tied start:              does not fall (control)

f_L: the logits of the test points. The limit is a mean ODE over the law of the start (Chizat 2025, arXiv 2509.10167).
Draws differ in the trunk alone; read-in, read-out and mini-batches are the same.

The mean is measured on coupled networks: the layers of a network of depth 2L, drawn independently, are shared out to
two networks of depth L, the even ones and the odd ones. The fluctuation of f_2L is to first order the mean of theirs,
so that `f_2L - (f_even + f_odd)/2` has the mean `E f_2L - E f_L`, and noise that falls like it (the antithetic
coupling of multilevel Monte Carlo, Giles & Szpruch 2014). The fluctuation is that of the even and the odd networks
together. Pinned: two-matrix blocks, the start, a narrow width.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from ....engines import default_engine
from ....limits.flow import root_mean_square, rounding_of_states
from ....measurement.estimate import size_of_the_mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.classifier import logits
from ....networks.parametrisation import ODE
from ....networks.steps import STEPS
from ....paths.laws.iid import IidLaw
from ....paths.laws.tied import TiedLaw
from ..networks import data_of, drawn_trunk, trained_from, two_matrix_field
from ..problem import with_own_sizes
from ..settings import Ode
from .claims import PINS_OF_RANDOM_START, PINS_OF_TIED_START

TRAINING_POINTS = 280
"""Training points: a network is trained for each draw, four times over."""

TEST_POINTS = 100


def measure(job: Job) -> Measurement:
    """Fluctuation and mean of the logits over the draws, with jackknife standard errors."""
    settings: Ode = job.settings
    width, draws, depth = PINS_OF_RANDOM_START["width"], settings.ode.draws, settings.depth
    dataset = data_of(settings, at_most=TRAINING_POINTS)
    points = dataset.x_test[:TEST_POINTS] if len(dataset.x_test) else dataset.x_train[:TEST_POINTS]
    vector_field = two_matrix_field(settings, width)
    # Outputs at the end are all that is recorded: to test the networks after each epoch were half of the work.
    untested = replace(dataset, x_test=dataset.x_test[:0], y_test=dataset.y_test[:0])

    def outputs(trunk: dict[str, Tensor], part: int) -> Tensor:
        def progress(fraction: float, message: str) -> None:
            job.progress((part + fraction) / 4, f"random start, {message}")

        part_of_job = replace(job.part(f"{part}"), progress=progress)
        trained = trained_from(part_of_job, trunk, untested, same_ends=True, cut=True)
        h = ODE.block_factor(trunk["V"].shape[1], settings.horizon)
        with torch.no_grad():
            through = default_engine().forward
            return logits(vector_field, STEPS["euler"], trained.parameters, points, h, through=through).double()

    law, tied = with_own_sizes(settings, IidLaw()), with_own_sizes(settings, TiedLaw())
    fine = drawn_trunk(settings, law, width, depth=2 * depth, replicas=draws, purpose="random start")
    deeper = outputs(fine, 0)
    even, odd = (outputs({name: w[:, first::2] for name, w in fine.items()}, 1 + first) for first in (0, 1))
    common = outputs(drawn_trunk(settings, tied, width, depth=depth, replicas=draws, purpose="random start"), 3)
    measured = (
        ("random_start_fluctuation", fluctuation(torch.cat([even, odd])), PINS_OF_RANDOM_START),
        (
            "random_start_mean",
            size_of_the_mean(torch.zeros_like(even[0]), deeper - (even + odd) / 2),
            PINS_OF_RANDOM_START,
        ),
        # The same draws at every depth: what so few of them miss of the spread is common to all depths, no noise.
        ("tied_start_fluctuation", (fluctuation(common)[0], math.nan), PINS_OF_TIED_START),
    )
    noise = rounding_of_states(settings.dtype, depth, root_mean_square(deeper))
    return Measurement(
        [
            Record(name, value, stderr=stderr, reference_error=noise, coordinates=coordinates, replicas=draws)
            for name, (value, stderr), coordinates in measured
        ]
    )


def fluctuation(values: Tensor) -> tuple[float, float]:
    """Root mean square over points and entries of the standard deviation over draws (r, n, o); jackknife error."""
    r = len(values)
    if r < 3:
        return float("nan"), float("nan")
    total, squares = values.sum(dim=0), values.square().sum(dim=0)

    def spread(total: Tensor, squares: Tensor, count: int) -> Tensor:
        variance = (squares - total.square() / count) / (count - 1)
        return variance.mean(dim=(-2, -1)).clamp(min=0).sqrt()

    left_out = spread(total - values, squares - values.square(), r - 1)
    jackknife = ((r - 1) / r * (left_out - left_out.mean()).square().sum()).sqrt()
    return float(spread(total, squares, r)), float(jackknife)
