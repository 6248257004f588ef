"""`hamiltonian.composed.*`: trained blocks against geodesics that are shot together, one a block.

    value_gap            |J_L - J|, J by multiple shooting over the initial momenta of all blocks, relative
    block_energy_drift   max_s |H_s - H_0| / H_0 of each block, the largest
    energy_difference    (max - min) / sum over blocks of nu_b^2 L_b sum |w_{b,s}|^2
    energy_growth        log2(E_L / E_8) / log2(L / 8) of the first block's path energy, its decay constant

The first block has L layers and decay nu, those behind it half of each. Two blocks with no map between them, other
decays alone, have one `nu_b^2 H_b = |dJ/dq f|^2 / 2`: what it differs by is made by the affine maps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ....limits.hamiltonian.composed import ComposedProblem, ComposedShooting, shoot_composed
from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.shooting import SHOOTING_TOLERANCE
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....random import generator
from ....training.branches import JUDGED_DEPTH, SolutionBranch, branches
from ....training.continuation import Rung, climb
from ...certificate import of_the_minimiser
from ...pinned import pinned
from ..composed_network import ComposedNetwork, Parameters, refined_parameters
from ..limit import SAFETY_OF_SHOOTING_ERROR
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..problem import START_STANDARD_DEVIATION, Setup, key_of_solution, setup, unmoved
from ..settings import Hamiltonian
from ..trained.measure import SHARED_TIMES
from .claims import (
    COORDINATE_OF_COMPOSED,
    COORDINATE_OF_CONSTANT_BLOCK,
    DEPTH_OF_LEAST_ENERGY,
    MAX_DEPTH_OF_GROWTH,
    PINS_OF_COMPOSED,
    PINS_OF_CONSTANT_BLOCK,
    PREFIX_OF_COMPOSED_ARRAYS,
)

RATIO_OF_LAYERS, RATIO_OF_DECAYS = 2, 0.5
"""Layers of the first block for one of the others; decays of the others by that of the first."""
LARGEST_RESIDUAL = 100 * SHOOTING_TOLERANCE
STEPS_OF_COMPOSED_SHOOTING = (64, 128)
"""Of RK4 in each block; the first tell the error of the second."""


def measure(job: Job) -> Measurement:
    job.progress(0.0, "composed")
    records, arrays = _of_geodesics(job)
    if job.settings.depth <= MAX_DEPTH_OF_GROWTH:
        job.progress(0.6, "constant decay")
        records += _of_constant_decay(job)
    return Measurement(records, arrays)


@dataclass(frozen=True)
class Composed:
    """The problem of some settings: that of its first block, and how many blocks there are; one of constant decay."""

    settings: Hamiltonian
    first: Setup
    constant: bool = False

    @property
    def blocks(self) -> int:
        return self.settings.hamiltonian.blocks

    @property
    def nus(self) -> tuple[float, ...]:
        """Of each block."""
        return tuple(self.first.nu * (RATIO_OF_DECAYS if b else 1) for b in range(self.blocks))

    def network(self, depth: int) -> ComposedNetwork:
        """The first block has this depth."""
        depths = [max(1, depth // RATIO_OF_LAYERS) if b else depth for b in range(self.blocks)]
        constant = [self.constant and b == 0 for b in range(self.blocks)]
        blocks = [
            replace(self.first, nu=nu).network(layers, constant=is_constant)
            for nu, layers, is_constant in zip(self.nus, depths, constant, strict=True)
        ]
        return ComposedNetwork(tuple(blocks), self.settings.hamiltonian.ridge)

    def known(self, rung: Rung) -> tuple[ComposedNetwork, Parameters]:
        """The network of a rung, with the parameters found."""
        network = self.network(rung.depth)
        return network, network.parameters(torch.from_numpy(rung.minimum.point))

    def refine(self, rungs: Sequence[Rung], depth: int) -> np.ndarray:
        """Where the rungs below a depth say that its minimum is."""
        return refined_parameters([self.known(rung) for rung in rungs[-2:]], self.network(depth))


def minima_of_composed(job: Job, problem: Composed, depth: int, purpose: str) -> list[SolutionBranch]:
    """The minima at the rungs up to this depth for each start, that of the branch which is judged first."""
    minimiser = job.settings.minimiser

    def climbed(start: int, depth: int) -> list[Rung]:
        def first(depth: int) -> np.ndarray:
            size = 1.0 if start else START_STANDARD_DEVIATION
            draw = generator(problem.settings.seed, "hamiltonian.composed.start", start)
            return size * draw.standard_normal(sum(problem.network(depth).sizes))

        return climb(
            depth,
            objective=problem.network,
            start=first,
            refine=problem.refine,
            shared=job.shared,
            purpose=purpose,
            key=key_of_solution(problem.settings, blocks=problem.blocks, start=start),
            tolerance=minimiser.tolerance,
            iterations=minimiser.iterations,
        )

    return branches(climbed, depth, range(minimiser.starts))


def _of_geodesics(job: Job) -> tuple[list[Record], dict[str, np.ndarray]]:
    """The networks whose decays grow with their depths."""
    settings = pinned(job.settings, PINS_OF_COMPOSED)
    problem, where = Composed(settings, setup(settings)), {**COORDINATE_OF_COMPOSED, **PINS_OF_COMPOSED}
    minima = minima_of_composed(job, problem, settings.depth, "composed")
    records = of_the_minimiser(minima, problem.refine, settings.minimiser.tolerance, where)
    minimum = minima[0].minimum
    network, parameters = problem.known(minima[0].rungs[-1])
    states = network.states(parameters)
    momenta = network.momenta(parameters, states, problem.nus)
    if (why := _still(problem, states, momenta)) is not None:
        names = ("block_energy_drift", "energy_difference", "value_gap")
        return [*records, *(unknown(name, why, where) for name in names)], {}
    off = minimum.distance / float(np.linalg.norm(minimum.point))
    left = RELATIVE_ROUNDING_OF_STATES + 2 * settings.depth**0.5 * off
    drift = max(_drifts(problem, states, momenta))
    pairs = zip(problem.nus, path_energies(network, parameters), strict=True)
    energies = [nu**2 * energy for nu, energy in pairs]
    difference = (max(energies) - min(energies)) / sum(energies)
    records += [
        Record("block_energy_drift", drift, reference_error=left, coordinates=where),
        Record("energy_difference", difference, reference_error=left, coordinates=where),
    ]
    shot, coarse = shot_of_composed(job, problem)
    residual = max(shot.residual, coarse.residual)
    records.append(Record("composed_residual", residual, reference=LARGEST_RESIDUAL, coordinates=where))
    if shot.why or coarse.why:
        return records, {}
    gap = (minimum.value - shot.value) / abs(shot.value)
    share = SAFETY_OF_SHOOTING_ERROR / (2 ** INTEGRATORS["rk4"].order - 1)
    error = share * abs(shot.value - coarse.value) / abs(shot.value) + residual + left
    records.append(Record("value_gap", abs(gap), reference=shot.value, reference_error=error, coordinates=where))
    if settings.depth % SHARED_TIMES:
        return records, {}
    return records, {f"{PREFIX_OF_COMPOSED_ARRAYS}value_gap": np.array([[gap]])}


def _of_constant_decay(job: Job) -> list[Record]:
    """The networks whose first block has a decay that does not grow."""
    settings = pinned(job.settings, PINS_OF_CONSTANT_BLOCK)
    problem = Composed(settings, setup(settings), constant=True)
    where = {**COORDINATE_OF_CONSTANT_BLOCK, **PINS_OF_CONSTANT_BLOCK}
    minima = minima_of_composed(job, problem, settings.depth, "composed.constant")
    records = of_the_minimiser(minima, problem.refine, settings.minimiser.tolerance, where)
    energies = {rung.depth: path_energies(*problem.known(rung))[0] for rung in minima[0].rungs}
    doublings = math.log2(settings.depth / DEPTH_OF_LEAST_ENERGY)
    growth = math.log2(energies[settings.depth] / energies[DEPTH_OF_LEAST_ENERGY]) / doublings
    minimum = minima[0].minimum
    error = 2 * minimum.distance / float(np.linalg.norm(minimum.point)) + RELATIVE_ROUNDING_OF_STATES
    return [*records, Record("energy_growth", growth, reference_error=error, coordinates=where)]


def path_energies(network: ComposedNetwork, parameters: Parameters) -> list[float]:
    """`L_b sum_s |w_{b,s}|^2` of each block."""
    pairs = zip(network.blocks, parameters.w, strict=True)
    return [block.depth * float(w.square().sum()) for block, w in pairs]


def _drifts(problem: Composed, states: list[list[Tensor]], momenta: list[Tensor]) -> list[float]:
    """`max_s |H_s - H_0| / H_0` of each block."""
    drifts = []
    for path, P in zip(states, momenta, strict=True):
        energy = torch.stack([problem.first.kernel.at(q).energy(p) for q, p in zip(path, P, strict=True)])
        drifts.append(float((energy - energy[0]).abs().max() / energy[0]))
    return drifts


def _still(problem: Composed, states: list[list[Tensor]], momenta: list[Tensor]) -> str | None:
    """Why the weights of some block are zero, or None."""
    whys = (unmoved(problem.first.kernel, path[0], P[1]) for path, P in zip(states, momenta, strict=True))
    return next((why for why in whys if why is not None), None)


def shot_of_composed(job: Job, problem: Composed) -> tuple[ComposedShooting, ComposedShooting]:
    """The geodesics of all blocks, from the momenta of networks of `JUDGED_DEPTH`; and with half the steps."""
    few, many = STEPS_OF_COMPOSED_SHOOTING
    settings, first = problem.settings, problem.first
    aim = ComposedProblem(first.kernel, first.q0, problem.nus, settings.hamiltonian.ridge, first.loss)

    def compute() -> dict[str, np.ndarray]:
        rung = minima_of_composed(job, problem, JUDGED_DEPTH, "composed")[0].rungs[-1]
        network, parameters = problem.known(rung)
        momenta = network.momenta(parameters, network.states(parameters), problem.nus)
        coarse = shoot_composed(aim, torch.stack([P[0] for P in momenta]), INTEGRATORS["rk4"], few)
        fine = shoot_composed(aim, coarse.momenta, INTEGRATORS["rk4"], many)
        return {**_arrays("fine", fine), **_arrays("coarse", coarse)}

    key = key_of_solution(
        settings, blocks=problem.blocks, steps=[few, many], start=JUDGED_DEPTH, minimiser=asdict(settings.minimiser)
    )
    solution = job.shared.solve("composed.limit", key, compute)
    return _shooting("fine", solution), _shooting("coarse", solution)


def _arrays(name: str, shot: ComposedShooting) -> dict[str, np.ndarray]:
    why = np.frombuffer(shot.why.encode(), dtype=np.uint8)
    numbers = np.array([shot.value, shot.residual])
    return {f"{name}.P": shot.momenta.numpy(), f"{name}.numbers": numbers, f"{name}.why": why}


def _shooting(name: str, arrays: Mapping[str, np.ndarray]) -> ComposedShooting:
    value, residual = arrays[f"{name}.numbers"].tolist()
    why = arrays[f"{name}.why"].tobytes().decode()
    return ComposedShooting(torch.from_numpy(arrays[f"{name}.P"]), value, residual, why)
