"""`hamiltonian.sparsity`: the momentum of a point is zero at both ends just where the point has no loss gradient.

    momentum_support = share of the points for which  P_j(0) = 0  in the limit  <=>  dloss/dq_j = 0  in the network

The momenta are those of the shooting, which starts from momenta with noise on all of them: Newton's method finds the
zeros, to its tolerance. The losses are those with a smooth margin, the read-out is fixed. The error counts the points
too near the margin to tell.
"""

from __future__ import annotations

import torch

from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ...pinned import pinned
from ..limit import certificate_of_shooting, limit_of_setup
from ..problem import certificate_of_minimum as minimiser_certificate
from ..problem import key_of_solution, minima_of_setup, setup, trained
from .claims import pins

MAX_RELATIVE_SIZE_OF_ZERO_MOMENTUM = 1e-7
"""Relative to the largest, a momentum that counts as zero: Newton's residual is orders of magnitude below."""

NOISE_OF_MOMENTA = 0.01
"""On the momenta that the shooting starts from, relative: those of the network have the zeros that are looked for."""


def measure(job: Job) -> Measurement:
    its_pins = pins(job.settings)
    settings = pinned(job.settings, its_pins)
    problem, coordinates = setup(settings), {"of": "margin", **its_pins}
    job.progress(0.0, "minimiser")
    branches = minima_of_setup(job, problem, settings.depth, "sparsity", key_of_solution(settings))
    network = trained(problem, branches[0])
    records = minimiser_certificate(job, problem, branches, coordinates)
    job.progress(0.5, "shooting")
    shot = limit_of_setup(job, settings, problem, "sparsity", noise=NOISE_OF_MOMENTA)
    records += certificate_of_shooting(shot, coordinates)
    gradient = problem.loss.gradient(network.states[-1]).norm(dim=1)
    free = gradient == 0
    records.append(Record("without_gradient", float(free.double().mean()), coordinates=coordinates))
    if shot.why:
        return Measurement(records)
    start, coarse = shot.momenta[0].norm(dim=1), shot.momenta[1].norm(dim=1)
    end = shot.trajectories(settings.depth)[0].momenta[-1].norm(dim=1)
    zero = [(P / P.max()) <= MAX_RELATIVE_SIZE_OF_ZERO_MOMENTUM for P in (start, end)]
    same = (zero[0] == free) & (zero[1] == free)
    # A point on whose side of the margin network and limit, or limit with half the steps, may differ.
    near = (coarse <= MAX_RELATIVE_SIZE_OF_ZERO_MOMENTUM * coarse.max()) != zero[0]
    near |= ~free & (gradient < gradient.max() / settings.depth)
    error = max(float(near.double().mean()) / 2, 0.5 / len(free))
    records.append(
        Record("momentum_support", float(same.double().mean()), reference_error=error, coordinates=coordinates)
    )
    if bool(free.any()):
        largest = float(torch.where(free, start, 0).max() / start.max())
        records.append(Record("momentum_off_support", largest, coordinates=coordinates))
    arrays = {"sparsity.momentum": shot.momenta[0].numpy(), "sparsity.gradient": gradient.numpy()}
    return Measurement(records, arrays)
