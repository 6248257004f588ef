"""`hamiltonian.residual`, `.norm`, `.shooting`, `.energy`, `.geodesic`: trained networks against geodesic shooting.

    hamilton_residual   |omega_s - sum_j P_{j,s+1} f(q_{j,s})^T|, largest over layers, relative
    euler_missed        states and momenta against symplectic Euler in L steps from the network's P_0, relative
    norm_spread         (max - min) / mean of |w_s|^2 = |W_s|^2 + |b_s|^2
    state_distance      max_s |q_s - q(s/L)|, weight_distance max_s |omega_s - omega(s/L)|, relative
    momentum_distance   |P_0 - P_0 of the shooting|, value_gap |J_L - J|, energy_gap |L sum |w_s|^2 - 2 H|, relative

Everything a network is made of is kept as arrays: states, momenta, weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.trajectory import integrate
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ..limit import Limit, certificate, limit
from ..problem import ROUNDING, Setup, Trained, key, minima, setup, size, trained
from ..problem import certificate as minimiser_certificate
from .claims import OWN, PLATEAUS

OF_THE_NETWORK = ("hamilton_residual", "euler_missed", "norm_spread")
"""What is measured of the network alone, without its energies."""


def measure(job: Job) -> Measurement:
    settings, problem = job.settings, setup(job.settings)
    job.progress(0.0, "minimiser")
    found = minima(job, problem, settings.depth, "trained", key(settings))
    network = trained(problem, found[0])
    records = minimiser_certificate(job, problem, found, OWN) + _of_the_network(network)
    if settings.data.labelled():
        records.append(Record("accuracy", _accuracy(network), coordinates=OWN))
    job.progress(0.6, "shooting")
    its = limit(job, settings, problem, "trained")
    records += certificate(its, OWN)
    arrays = _arrays(problem, network)
    if not its.why:
        records += _distances(network, its) if network.still is None else _unknown(PLATEAUS, network.still)
        arrays |= {"limit.momentum": its.momenta[0].numpy()}
    return Measurement(records, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _of_the_network(network: Trained) -> list[Record]:
    """What needs no limit. Errors are what the gradient that is left allows the minimiser to be off."""
    depth, omega = network.network.depth, network.omega
    where = {**OWN, "scheme": "network"}
    if network.still is not None:
        return [*_unknown(OF_THE_NETWORK, network.still), unknown("energy_drift", network.still, where)]
    expected = network.network.kernel_weights(network.states, network.momenta)
    scale = float(omega.flatten(1).norm(dim=1).max())
    squares = network.w.square().sum(dim=(1, 2))
    at = [network.network.kernel.at(q) for q in network.states]
    energy = torch.stack([its.energy(P) for its, P in zip(at, network.momenta, strict=True)])
    residual = float((omega - expected).flatten(1).norm(dim=1).max()) / scale
    spread = float((squares.max() - squares.min()) / squares.mean())
    drift = float((energy - energy[0]).abs().max() / energy[0])
    off = 2 * depth**0.5 * network.off
    values = {
        "hamilton_residual": (residual, ROUNDING),
        "euler_missed": (_missed_by_euler(network), depth * ROUNDING + off),
        "norm_spread": (spread, ROUNDING + off),
    }
    records = [Record(name, value, reference_error=error, coordinates=OWN) for name, (value, error) in values.items()]
    return [
        *records,
        Record("energy_drift", drift, reference_error=depth * ROUNDING + off, coordinates=where),
        Record("path_energy", float(depth * squares.sum()), coordinates=OWN),
    ]


def _unknown(names: Iterable[str], why: str) -> list[Record]:
    return [unknown(name, why, OWN) for name in names]


def _missed_by_euler(network: Trained) -> float:
    """How far symplectic Euler in L steps from the network's own `P_0` ends up from its states and momenta, the largest
    over time, relative; infinite where it does not get to the end."""
    states, momenta, q0 = torch.stack(network.states), network.momenta, network.states[0]
    euler = INTEGRATORS["symplectic_euler"]
    path = integrate(network.network.kernel, q0, momenta[0], euler, network.network.depth)
    if path.diverged:
        return math.inf
    pairs = ((path.states, states, states - q0), (path.momenta, momenta, momenta))
    return max(float((x - y).flatten(1).norm(dim=1).max() / z.flatten(1).norm(dim=1).max()) for x, y, z in pairs)


def _accuracy(network: Trained) -> float:
    """Share of points on whose side their scores are (one score), or whose largest score is theirs."""
    loss, end = network.network.loss, network.states[-1]
    s = loss.scorer(end)(end)
    if s.shape[1] > 1:
        return float((s.argmax(1) == loss.y.argmax(1)).double().mean())
    return float((s.sign() == loss.y.sign()).double().mean())


def _distances(network: Trained, its: Limit) -> list[Record]:
    """Distances to the limit, each with the error that the shooting's own steps, what is left of its residual, and of
    the network's gradient, leave."""
    depth = network.network.depth
    fine, coarse = its.trajectories(depth)
    omega, coarse_omega = its.weights(fine), its.weights(coarse)
    squares = float(depth * network.w.square().sum())

    def over_layers(x: Tensor, y: Tensor) -> float:
        return max(size(a - b) for a, b in zip(x, y, strict=True))

    states, weights = torch.stack(network.states), float(size(omega))
    moved = max(size(q - its.problem.q0) for q in fine.states)
    momentum = size(its.momenta[0])
    values = {
        "state_distance": (over_layers(states, fine.states), over_layers(fine.states, coarse.states), moved),
        "weight_distance": (over_layers(network.omega, omega), over_layers(omega, coarse_omega), weights),
        "momentum_distance": (
            size(network.momenta[0] - its.momenta[0]),
            size(its.momenta[0] - its.momenta[1]),
            momentum,
        ),
        "value_gap": (
            abs(network.minimum.value - its.values[0]),
            abs(its.values[0] - its.values[1]),
            abs(its.values[0]),
        ),
        "energy_gap": (
            abs(squares - 2 * its.energies[0]),
            2 * abs(its.energies[0] - its.energies[1]),
            2 * its.energies[0],
        ),
    }
    return [
        Record(
            name,
            value / scale,
            reference=scale,
            reference_error=its.share * error / scale + its.left + depth**0.5 * network.off + ROUNDING,
            coordinates=OWN,
        )
        for name, (value, error, scale) in values.items()
    ]


def _arrays(problem: Setup, network: Trained) -> dict[str, np.ndarray]:
    """See `arrays` of the study."""
    return {
        "network.states": torch.stack(network.states).numpy(),
        "network.momenta": network.momenta.numpy(),
        "network.weights": network.w.numpy(),
        "network.targets": problem.loss.y.numpy(),
    }
