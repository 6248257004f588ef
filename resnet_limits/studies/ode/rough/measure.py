"""`ode.rough`: weights that are the values of a fractional Brownian path still have an ODE limit, of lower order.

`rough_difference` is the root mean square of `x_L - x_2L` on the same path, over replicas, inputs and coordinates: the
two networks run in one job and need no reference. Order `min(1, H + 1/2)`. Pinned: `init=rough` and the width.

`rough_ratio` is the same of networks of biases alone, `x_{k+1} = x_k + h b(t_k)`, over its exact value.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ....engines import default_engine
from ....limits.flow import rounding_of_states
from ....measurement.estimate import root_of_mean as root_mean_square_of
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.parametrisation import ODE
from ....networks.steps import STEPS
from ....paths.draw import draw_path
from ....paths.laws.rough import RoughLaw
from ..problem import problem, with_own_sizes
from ..settings import Ode
from .claims import FRACTIONAL_PATHS_A_REPLICA, PINS_OF_ROUGH, rough_hurst

ROUGH_REPLICAS_A_PIECE = 32
"""Replicas run at a time, also where fewer are left: the draws do not depend on it, but rounding does."""


def rough_law(settings: Ode) -> RoughLaw:
    """Values of a fractional path, of the sizes and (where it has one) the Hurst index of the settings' own law."""
    return with_own_sizes(settings, RoughLaw(hurst=rough_hurst(settings)))


def measure(job: Job) -> Measurement:
    """`rough_difference` at the job's depth."""
    settings, step = job.settings, STEPS["euler"]
    squares, sizes, sums = [], [], []
    for first in range(0, settings.replicas, ROUGH_REPLICAS_A_PIECE):
        job.progress(first / settings.replicas, "rough")
        driven = problem(
            settings,
            replicas=ROUGH_REPLICAS_A_PIECE,
            first_replica=first,
            init=rough_law(settings),
            depth=2 * settings.depth,
            width=PINS_OF_ROUGH["width"],
        )
        coarse, fine = (
            default_engine()
            .forward(driven.field, step, driven.x0, driven.weights(step, depth), driven.step_size(depth))
            .double()
            for depth in (settings.depth, 2 * settings.depth)
        )
        left = settings.replicas - first
        sums.append(_of_biases(settings, first)[:left])
        squares.append((coarse - fine).square().mean(dim=(1, 2))[:left])
        sizes.append(fine.square().mean(dim=(1, 2))[:left])
    each, size = torch.cat(squares), float(torch.cat(sizes).mean().sqrt())
    value = float(each.mean().sqrt())
    stderr = float(each.std()) / len(each) ** 0.5 / (2 * value) if len(each) > 1 and value > 0 else float("nan")
    record = Record(
        "rough_difference",
        value,
        stderr=stderr,
        reference_error=rounding_of_states(settings.dtype, settings.depth, size),
        coordinates={**PINS_OF_ROUGH, "init.hurst": rough_law(settings).hurst},
    )
    return Measurement([record, _ratio(settings, torch.cat(sums))])


def _of_biases(settings: Ode, first: int) -> Tensor:
    """`(x_L - x_2L)^2` of `x_{k+1} = x_k + h b(t_k)`, a mean over entries, by replica."""
    step, law = STEPS["euler"], rough_law(settings)
    path = draw_path(
        law,
        {"b": (FRACTIONAL_PATHS_A_REPLICA,)},
        depth=2 * settings.depth,
        horizon=settings.horizon,
        replicas=ROUGH_REPLICAS_A_PIECE,
        first_replica=first,
        seed=settings.seed,
        purpose="rough sums",
    )
    x0 = torch.zeros(ROUGH_REPLICAS_A_PIECE, 1, FRACTIONAL_PATHS_A_REPLICA, dtype=torch.float64)
    coarse, fine = (
        default_engine().forward(
            lambda x, theta: theta["b"][:, None],
            step,
            x0,
            path.at(step.times(depth, settings.horizon)),
            ODE.block_factor(depth, settings.horizon),
        )
        for depth in (settings.depth, 2 * settings.depth)
    )
    return (coarse - fine).square().mean(dim=(1, 2))


def _ratio(settings: Ode, squares: Tensor) -> Record:
    law = rough_law(settings)
    exact = difference_of_sums(settings.depth, law.hurst, law.sigma_b, settings.horizon)
    value, stderr = root_mean_square_of(squares / exact**2) if exact else (math.nan, math.nan)
    return Record("rough_ratio", value, stderr=stderr, coordinates={"init": "rough", "init.hurst": law.hurst})


def difference_of_sums(depth: int, hurst: float, sigma: float, horizon: float) -> float:
    """Standard deviation of `(h/2) sum_k (b(t_k) - b(t_k + h/2))`, `b = sigma (xi + B^H(t/T))`.

    The variance of one term is `sigma^2 u^2H`, `u = 1/2L`, the covariance of two, m blocks apart,
    `sigma^2 u^2H (|2m + 1|^2H + |2m - 1|^2H - 2 |2m|^2H) / 2`.
    """
    m = np.arange(depth, dtype=float)
    apart = [np.abs(2 * m + i) ** (2 * hurst) for i in (-1, 0, 1)]
    covariance = (apart[0] + apart[2] - 2 * apart[1]) / 2
    variance = depth * covariance[0] + 2 * ((depth - m[1:]) * covariance[1:]).sum()
    return horizon / depth / 2 * sigma * (2 * depth) ** -hurst * math.sqrt(variance)
