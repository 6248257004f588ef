"""`hamiltonian.residual`, `.norm`, `.shooting`, `.energy`, `.geodesic`: trained networks against geodesic shooting.

    hamilton_residual   |omega_s - sum_j P_{j,s+1} f(q_{j,s})^T|, largest over layers, relative
    euler_missed        states and momenta against symplectic Euler in L steps from the network's P_0, relative
    norm_spread         (max - min) / mean of |w_s|^2 = |W_s|^2 + |b_s|^2
    state_distance      max_s |q_s - q(s/L)|, weight_distance max_s |omega_s - omega(s/L)|, relative
    map_distance        max_s |x_s - x(s/L)| of new points, moved by the layers and carried by the flow, relative
    momentum_distance   |P_0 - P_0 of the shooting|, value_gap |J_L - J|, energy_gap |L sum |w_s|^2 - 2 H|, relative

Everything a network is made of is kept as arrays: states, momenta, weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....limits.flow import root_mean_square
from ....limits.hamiltonian.integrators import INTEGRATORS, Diverged
from ....limits.hamiltonian.trajectory import trajectory_from
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ..limit import ShootingLimit, certificate_of_shooting, limit_of_setup
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..plateaus import PREFIX_OF_PLATEAU_ARRAYS
from ..problem import CertifiedNetwork, Setup, key_of_solution, minima_of_setup, new_points, setup, trained
from ..problem import certificate_of_minimum as minimiser_certificate
from .claims import COORDINATE_OF_SETTINGS_PROBLEM, PLATEAU_BY_DISTANCE

NEW_POINTS_OF_MAP = 50
"""Points that were not trained on, and that network and limit carry along."""
SHARED_TIMES = 4
"""Times that networks share whose depths are multiples of it."""
OBSERVABLES_OF_THE_NETWORK = ("hamilton_residual", "euler_missed", "norm_spread")
"""What is measured of the network alone, without its energies."""


def measure(job: Job) -> Measurement:
    settings, problem = job.settings, setup(job.settings)
    job.progress(0.0, "minimiser")
    branches = minima_of_setup(job, problem, settings.depth, "trained", key_of_solution(settings))
    network = trained(problem, branches[0])
    records = minimiser_certificate(job, problem, branches, COORDINATE_OF_SETTINGS_PROBLEM) + _of_the_network(network)
    if settings.data.labelled():
        records.append(Record("accuracy", _accuracy(network), coordinates=COORDINATE_OF_SETTINGS_PROBLEM))
    job.progress(0.6, "shooting")
    shot = limit_of_setup(job, settings, problem, "trained")
    records += certificate_of_shooting(shot, COORDINATE_OF_SETTINGS_PROBLEM)
    arrays = _arrays(problem, network)
    if not shot.why:
        arrays |= {"limit.momentum": shot.momenta[0].numpy()}
    if network.still is not None:
        records += _unknown(PLATEAU_BY_DISTANCE, network.still)
    elif not shot.why:
        where, x = COORDINATE_OF_SETTINGS_PROBLEM, new_points(problem, settings, NEW_POINTS_OF_MAP)
        offs = offs_from_limit(network, shot)
        of_map, off_of_map = off_of_new_points(network, shot, x, "map_distance", where)
        records += distances_from_limit(network, shot, offs, where) + of_map
        arrays |= kept_for_plateaus(offs | off_of_map, settings.depth, PREFIX_OF_PLATEAU_ARRAYS)
    return Measurement(records, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _of_the_network(network: CertifiedNetwork) -> list[Record]:
    """What needs no limit."""
    where = COORDINATE_OF_SETTINGS_PROBLEM
    drift = {**where, "scheme": "network"}
    if network.still is not None:
        return [*_unknown(OBSERVABLES_OF_THE_NETWORK, network.still), unknown("energy_drift", network.still, drift)]
    depth, squares = network.network.depth, float(network.w.square().sum())
    at = [network.network.kernel.at(q) for q in network.states]
    energy = torch.stack([kernel.energy(P) for kernel, P in zip(at, network.momenta, strict=True)])
    drifted = float((energy - energy[0]).abs().max() / energy[0])
    return [
        *records_of_minimiser(network, where),
        euler_missed(network, where),
        Record("energy_drift", drifted, reference_error=_rounding(network), coordinates=drift),
        Record("path_energy", depth * squares, coordinates=where),
    ]


def records_of_minimiser(network: CertifiedNetwork, where: Mapping[str, Any]) -> list[Record]:
    """Whether the weights are those of their momenta, and how much their norm differs from layer to layer. Errors are
    what the gradient that is left allows the minimiser to be off."""
    depth, omega = network.network.depth, network.omega
    expected = network.network.kernel_weights(network.w, network.states, network.momenta)
    scale = float(omega.flatten(1).norm(dim=1).max())
    squares = network.w.square().sum(dim=(1, 2))
    residual = float((omega - expected).flatten(1).norm(dim=1).max()) / scale
    spread = float((squares.max() - squares.min()) / squares.mean())
    error = RELATIVE_ROUNDING_OF_STATES + 2 * depth**0.5 * network.off
    return [
        Record("hamilton_residual", residual, reference_error=RELATIVE_ROUNDING_OF_STATES, coordinates=where),
        Record("norm_spread", spread, reference_error=error, coordinates=where),
    ]


def _unknown(names: Iterable[str], why: str) -> list[Record]:
    return [unknown(name, why, COORDINATE_OF_SETTINGS_PROBLEM) for name in names]


def euler_missed(network: CertifiedNetwork, where: Mapping[str, Any]) -> Record:
    """How far symplectic Euler in L steps from the network's own `P_0` ends up from its states and momenta, the largest
    over time, relative; infinite where it does not get to the end."""
    states, momenta, q0 = torch.stack(network.states), network.momenta, network.states[0]
    euler = INTEGRATORS["symplectic_euler"]
    path = trajectory_from(network.network.kernel, q0, momenta[0], euler, network.network.depth)
    missed = math.inf
    if not path.diverged:
        pairs = ((path.states, states, states - q0), (path.momenta, momenta, momenta))
        missed = max(float((x - y).flatten(1).norm(dim=1).max() / z.flatten(1).norm(dim=1).max()) for x, y, z in pairs)
    return Record("euler_missed", missed, reference_error=_rounding(network), coordinates=where)


def _rounding(network: CertifiedNetwork) -> float:
    """Relative, of what goes through all layers, and what the gradient that is left leaves."""
    depth = network.network.depth
    return depth * RELATIVE_ROUNDING_OF_STATES + 2 * depth**0.5 * network.off


def _accuracy(network: CertifiedNetwork) -> float:
    """Share of points on whose side their scores are (one score), or whose largest score is theirs."""
    loss, end = network.network.loss, network.states[-1]
    s = loss.scorer(end)(end)
    if s.shape[1] > 1:
        return float((s.argmax(1) == loss.y.argmax(1)).double().mean())
    return float((s.sign() == loss.y.sign()).double().mean())


@dataclass(frozen=True)
class Off:
    """What a network is off by (times, ...), what the limit with half the steps is, and what both are relative to."""

    off: Tensor
    coarse: Tensor
    scale: float

    @property
    def distance(self) -> float:
        return largest_over_times(self.off) / self.scale

    @property
    def error(self) -> float:
        return largest_over_times(self.coarse) / self.scale

    def array(self) -> np.ndarray:
        """At the times 0, 1/4, .., 1 that it has, relative, (times, entries)."""
        return (self.off[:: max(1, len(self.off) // SHARED_TIMES)] / self.scale).flatten(1).numpy()


def kept_for_plateaus(offs: Mapping[str, Off], depth: int, prefix: str) -> dict[str, np.ndarray]:
    """By distance its entries; none at depths that do not share the times of the others."""
    if depth % SHARED_TIMES:
        return {}
    return {f"{prefix}{name}": np.ascontiguousarray(off.array()) for name, off in offs.items()}


def largest_over_times(x: Tensor) -> float:
    """The largest root mean square over times."""
    return max(map(root_mean_square, x))


def offs_from_limit(network: CertifiedNetwork, shot: ShootingLimit) -> dict[str, Off]:
    """By distance; weights where in their layers they belong."""
    depth, past = network.network.depth, network.network.weight_time
    fine, coarse = shot.trajectories(depth)
    inside = shot.trajectories(depth, past=past) if past else (fine, coarse)
    omega, coarse_omega = (shot.weights(path, depth) for path in inside)
    squares = float(depth * network.w.square().sum())
    P, coarse_P = shot.momenta
    (value, coarse_value), (energy, coarse_energy) = shot.values, shot.energies
    moved = largest_over_times(fine.states - shot.problem.q0)
    return {
        "state_distance": Off(torch.stack(network.states) - fine.states, fine.states - coarse.states, moved),
        "weight_distance": Off(network.omega - omega, omega - coarse_omega, root_mean_square(omega)),
        "momentum_distance": Off((network.momenta[0] - P)[None], (P - coarse_P)[None], root_mean_square(P)),
        "value_gap": Off(_number(network.minimum.value - value), _number(value - coarse_value), abs(value)),
        "energy_gap": Off(_number(squares - 2 * energy), _number(2 * (energy - coarse_energy)), 2 * energy),
    }


def off_of_new_points(
    network: CertifiedNetwork, shot: ShootingLimit, x: Float[Tensor, "m d"], name: str, where: Mapping[str, Any]
) -> tuple[list[Record], dict[str, Off]]:
    """Of points that were not trained on, under this name; or why there is no number."""
    moved = network.network.carried_along(x, network.w, network.states)
    try:
        fine, coarse = shot.carried_along(x, network.network.depth)
    except Diverged as reason:
        return [unknown(name, f"the flow does not carry new points to the end: {reason}", where)], {}
    scale = largest_over_times(fine - x)
    if not scale:
        return [unknown(name, "the flow leaves new points where they are", where)], {}
    offs = {name: Off(moved - fine, fine - coarse, scale)}
    return distances_from_limit(network, shot, offs, where), offs


def _number(x: float) -> Tensor:
    return torch.tensor([[x]], dtype=torch.float64)


def distances_from_limit(
    network: CertifiedNetwork, shot: ShootingLimit, offs: Mapping[str, Off], where: Mapping[str, Any]
) -> list[Record]:
    """Distances to the limit, each with the error that the shooting's own steps, what is left of its residual, and of
    the network's gradient, leave."""
    left = shot.left + network.network.depth**0.5 * network.off + RELATIVE_ROUNDING_OF_STATES
    return [
        Record(
            name,
            distance.distance,
            reference=distance.scale,
            reference_error=shot.share * distance.error + left,
            coordinates=where,
        )
        for name, distance in offs.items()
    ]


def _arrays(problem: Setup, network: CertifiedNetwork) -> dict[str, np.ndarray]:
    """See `arrays` of the study."""
    return {
        "network.states": torch.stack(network.states).numpy(),
        "network.momenta": network.momenta.numpy(),
        "network.weights": network.w.numpy(),
        "network.targets": problem.loss.y.numpy(),
    }
