"""`ode.averaged.*`: i.i.d. weights of size O(1) with factor `h`, against the averaged flow `x' = E f(x, theta)`.

    averaged_rms_error   sqrt(E |x_L - x(T)|^2 / d):  order 1/2, the fluctuation of one draw
    averaged_ratio       the first over sqrt(h tr Sigma(T) / d), Sigma of the central limit theorem in depth: 1 + O(h)
    averaged_mean_error  |E x_L - x(T)| / sqrt(d):    order 1, the bias

errors are root mean squares over inputs. The mean is measured with a control variate: `z_L`, the linear response to the
fluctuations, has mean zero exactly, so that `E x_L = y_L + E[x_L - y_L - z_L]` with `y_L` the averaged network, and the
noise that is left falls like the bias itself. Pinned: the block `phi(W x + b)` with swish, whose mean does not vanish
(that of an odd activation does), and `init=iid`.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from .... import device
from ....limits.averaged import averaged_field, fluctuations, martingale_response
from ....limits.flow import root_mean_square, rounding_of_states
from ....measurement import estimate
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.blocks.one import OneBlock, OneMean
from ....networks.steps import STEPS
from ....paths.laws.iid import IidLaw
from ....settings.content import chosen_keys
from ..problem import embedded_inputs, problem, with_own_sizes
from .claims import AVERAGED_REPLICAS_A_PIECE, PINS_OF_AVERAGED

KEYS_OF_AVERAGED_LIMIT = ("seed", "width", "horizon", "init", "data", "ode.inputs")
"""What the averaged limit depends on; of the law of the settings its sizes."""


def measure(job: Job) -> Measurement:
    """Root-mean-square and mean error over the replicas, with jackknife standard errors."""
    settings = job.settings
    law = with_own_sizes(settings, IidLaw())
    average = averaged_field(OneBlock(), PINS_OF_AVERAGED["activation"], sigma_w=law.sigma_w, sigma_b=law.sigma_b)
    assert isinstance(average, OneMean)

    def compute() -> dict[str, np.ndarray]:
        start = embedded_inputs(settings, settings.width, torch.float64)[None]
        x, sigma, error = fluctuations(average, start, settings.horizon)
        spread = float(sigma.diagonal(dim1=1, dim2=2).mean().sqrt())
        return {"x": x.cpu().numpy(), "error": np.array([error]), "spread": np.array([spread])}

    solution = job.shared.solve("averaged", chosen_keys(settings, KEYS_OF_AVERAGED_LIMIT), compute)
    exact = torch.from_numpy(solution["x"]).to(device.resolve(settings.device))
    errors, remainders = [], []
    shift = torch.zeros_like(exact)
    for first in range(0, settings.replicas, AVERAGED_REPLICAS_A_PIECE):
        job.progress(first / settings.replicas, "averaged")
        driven = problem(
            settings,
            replicas=AVERAGED_REPLICAS_A_PIECE,
            first_replica=first,
            block=OneBlock(),
            activation=PINS_OF_AVERAGED["activation"],
            init=law,
        )
        weights = driven.weights(STEPS["euler"], settings.depth)
        x, y, z = martingale_response(driven.field, average, driven.x0[0], weights, driven.step_size(settings.depth))
        left = settings.replicas - first
        errors.append((x.double() - exact)[:left])
        remainders.append((x - y - z).double()[:left])
        shift = y.double() - exact
    noise = float(solution["error"][0]) + rounding_of_states(settings.dtype, settings.depth, root_mean_square(exact))
    rms = estimate.root_of_mean(torch.cat(errors).square().mean(dim=(1, 2)))
    mean = estimate.size_of_the_mean(shift[0], torch.cat(remainders))
    one = (settings.horizon / settings.depth) ** 0.5 * float(solution["spread"][0])
    ratio = (rms[0] / one, rms[1] / one) if one else (math.nan, math.nan)
    measured = (
        ("averaged_rms_error", rms, noise),
        ("averaged_ratio", ratio, noise / one if one else math.nan),
        ("averaged_mean_error", mean, noise),
    )
    return Measurement(
        [
            Record(name, value, stderr=stderr, reference_error=error, coordinates=PINS_OF_AVERAGED)
            for name, (value, stderr), error in measured
        ]
    )
