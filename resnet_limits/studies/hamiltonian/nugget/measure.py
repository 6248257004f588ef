"""`hamiltonian.nugget.*`: networks with a nugget, their layers, momenta and new points; least squares of dropout masks.

    nugget_penalty   | |w_s|^2 + |e_s|^2/r - d_s^T (Gamma + r)^-1 d_s |,  d_s = q_{s+1} - q_s, e_s = d_s - w_s f(q_s)
    nugget_slack     |L e_s - r P_{s+1}|,  nugget_drift   max_s |H_s - H_0|/H_0,  H = P^T (Gamma + r) P/2
    new_distance     new points carried along by the network's fields, against x' = Gamma(x, q) P on the geodesic
    dropout_distance |R_M - R|/|R|  ~  M^{-1/2}

The weights `e` are trained like the others; none of the opponents is: a linear system, the adjoint recursion, the flow.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from ....limits.hamiltonian.kernels.features import FeaturesKernel
from ....limits.hamiltonian.nugget import NuggetKernel
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....networks.activations import activation_named
from ....random import generator
from ...pinned import pinned
from ..dropout import least_squares_of_masks, masks_of_dropout, ridge_of_dropout
from ..limit import certificate_of_shooting, limit_of_setup
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..problem import (
    CertifiedNetwork,
    Setup,
    certificate_of_minimum,
    key_of_solution,
    minima_of_setup,
    new_points,
    setup,
    trained,
)
from ..settings import Hamiltonian
from ..trained.measure import kept_for_plateaus, off_of_new_points
from .claims import (
    DRAWS_OF_MASKS_A_REPLICA,
    DROPOUT_RATE,
    MASK_COUNTS,
    MOST_POINTS_OF_NUGGET,
    NUGGET,
    NUGGET_COORDINATES,
    PINS_OF_NUGGET,
    PREFIX_OF_NUGGET_ARRAYS,
)

OBSERVABLES_OF_LAYERS = ("nugget_penalty", "nugget_slack", "nugget_drift")


def measure(job: Job) -> Measurement:
    points = min(MOST_POINTS_OF_NUGGET, job.settings.hamiltonian.points)
    settings = pinned(job.settings, {**PINS_OF_NUGGET, "hamiltonian.points": points})
    problem = with_nugget(setup(settings), settings)
    job.progress(0.0, "minimiser")
    branches = minima_of_setup(job, problem, settings.depth, "nugget", key_of_solution(settings))
    network = trained(problem, branches[0])
    records = certificate_of_minimum(job, problem, branches, NUGGET_COORDINATES)
    records += dropout_distances(job, settings, problem)
    job.progress(0.6, "shooting")
    shot = limit_of_setup(job, settings, problem, "nugget")
    records += certificate_of_shooting(shot, NUGGET_COORDINATES)
    if network.still is not None:
        return Measurement(
            [*records, *(unknown(name, network.still, NUGGET_COORDINATES) for name in OBSERVABLES_OF_LAYERS)]
        )
    records += of_layers(network)
    if shot.why:
        return Measurement(records)
    x = new_points(problem, settings, len(problem.q0))
    of_points, offs = off_of_new_points(network, shot, x, "new_distance", NUGGET_COORDINATES)
    return Measurement(records + of_points, kept_for_plateaus(offs, settings.depth, PREFIX_OF_NUGGET_ARRAYS))


def with_nugget(problem: Setup, settings: Hamiltonian) -> Setup:
    """The same points and loss, the kernel with the nugget."""
    kernel = NuggetKernel(activation_named(settings.activation), settings.hamiltonian.bias, r=NUGGET)
    return replace(problem, kernel=kernel)


def of_layers(network: CertifiedNetwork) -> list[Record]:
    """What needs no limit."""
    depth, off = network.network.depth, 2 * network.network.depth**0.5 * network.off
    values = {
        "nugget_penalty": penalty_missed(network),
        "nugget_slack": slack_missed(network),
        "nugget_drift": drift_with_nugget(network),
    }
    error = depth * RELATIVE_ROUNDING_OF_STATES + off
    return [
        Record(name, value, reference_error=error, coordinates=NUGGET_COORDINATES) for name, value in values.items()
    ]


def penalty_missed(network: CertifiedNetwork) -> float:
    """Of what a layer pays from the least that any pays which moves its points so, the largest, relative."""
    missed, kernel = [], network.network.kernel
    for w, q, ahead in zip(network.w, network.states[:-1], network.states[1:], strict=True):
        d, K = ahead - q, kernel.matrix(q, q)
        K.diagonal().add_(NUGGET)
        least = float((d * torch.linalg.solve(K, d)).sum())
        missed.append(abs(float(w.square().sum()) - least) / least)
    return max(missed)


def slack_missed(network: CertifiedNetwork) -> float:
    """Of what the fields leave of the displacements from `r P/L`."""
    depth, x = network.network.depth, torch.stack(network.states)
    kernel = network.network.kernel
    assert isinstance(kernel, FeaturesKernel)
    f = kernel.of_points(x[:-1])
    left = depth * (x[1:] - x[:-1] - f @ network.w[..., : f.shape[-1]].mT)
    missed = left - NUGGET * network.momenta[1:]
    return float(missed.flatten(1).norm(dim=1).max() / left.flatten(1).norm(dim=1).max())


def drift_with_nugget(network: CertifiedNetwork) -> float:
    """Of the energy along the network."""
    at = [network.network.kernel.at(q) for q in network.states]
    energy = torch.stack([kernel.energy(P) for kernel, P in zip(at, network.momenta, strict=True)])
    return float((energy - energy[0]).abs().max() / energy[0])


# -- dropout --------------------------------------------------------------------------------------


def dropout_distances(job: Job, settings: Hamiltonian, problem: Setup) -> list[Record]:
    """Of the least squares of so many masks of the features of the training points from ridge regression."""
    draws = DRAWS_OF_MASKS_A_REPLICA * settings.replicas
    its_key = key_of_solution(settings, replicas=draws, masks=list(MASK_COUNTS), rate=DROPOUT_RATE)
    solution = job.shared.solve("nugget.dropout", its_key, lambda: off_by_masks(settings, problem, draws))
    records = []
    for count, squares in zip(MASK_COUNTS, solution["squares"], strict=True):
        value = math.sqrt(float(squares.mean()))
        spread = float(squares.std(ddof=1)) / math.sqrt(draws) / (2 * value)
        where = {**NUGGET_COORDINATES, "masks": count}
        records.append(Record("dropout_distance", value, stderr=spread, coordinates=where, replicas=draws))
    return records


def off_by_masks(settings: Hamiltonian, problem: Setup, draws: int) -> dict[str, np.ndarray]:
    """`|R_M - R|^2/|R|^2`, (numbers of masks, draws)."""
    assert isinstance(problem.kernel, FeaturesKernel)
    f, y, rate = problem.kernel.of_points(problem.q0), problem.loss.y, DROPOUT_RATE
    F = f[:, f.abs().amax(dim=0) > 0]  # of coordinates that are padded with zeros there is nothing to learn
    expected, squares = ridge_of_dropout(F, y, rate), []
    for count in MASK_COUNTS:
        stream = generator(settings.seed, "hamiltonian.nugget.masks", count)
        drawn = (masks_of_dropout((count, *F.shape), rate, stream) for _ in range(draws))
        off = [least_squares_of_masks(F, y, masks) - expected for masks in drawn]
        squares.append([float(R.square().sum()) for R in off])
    return {"squares": np.array(squares) / float(expected.square().sum())}
