"""`flow.energy`: paths of points through networks, and the least energy of paths with the same ends.

geodesic_gap     least energy of L blocks, from the straight path, against 2 H of the Hamiltonian flow to the same ends
energy_excess    log(E/E_least) of trained networks, energy_unevenness  log(E / (sum_k |v_k|)^2), energy_accuracy

The metric is that of a Gaussian kernel (`diffeomorphisms/energy.py`), in which geodesics of diffeomorphisms are those
of the points (Joshi & Miller 2000). The trained networks are those of `flow.folding.trained`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....diffeomorphisms.energy import least_energy, path_energy, relaxed, speeds, straight
from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.kernels.gaussian import GaussianKernel
from ....limits.hamiltonian.trajectory import trajectory_from
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream, normals
from ....settings.content import chosen_keys
from ..outside import PINS_OF_ENERGY, unbounded
from ..settings import Flow
from ..trained.claims import PINS_OF_TRAINED_FLOWS, untrained
from ..trained.measure import CONTROLS_OF_THE_BOUND, KEYS_OF_TRAINED_FLOWS, POINTS_FOLLOWED, trained_solution

LENGTH_OF_ENERGY_KERNEL = float(PINS_OF_ENERGY["length"])
PAIRS_OF_ENDS = 4
SIZE_OF_MOMENTA = 0.4
"""Of normal momenta: their geodesics bend, and are the shortest between their ends."""
STEPS_OF_GEODESICS = 64
ITERATIONS = 40
"""Of the descent. From a straight path near a geodesic it is at rest then; of trained networks, a bound from above."""
ERROR_OF_DESCENT = 1e-6
"""Of the least energies of those pairs, relative."""
NETWORKS_FOLLOWED = (("none", "free"), ("none", "shared"), ("factor", "free"), ("spectral", "free"), ("h1", "free"))
"""Controls and weights whose networks' paths are relaxed."""


def measure(job: Job) -> Measurement:
    """Records of both, the second the same at every depth that is at least flow.trained_depth."""
    settings: Flow = job.settings
    records = [geodesic_gap(settings.seed, settings.depth)]
    if untrained(settings):
        return Measurement(records)
    depth = min(settings.depth, settings.flow.trained_depth)
    networks = [
        (control, weights)
        for control, weights in NETWORKS_FOLLOWED
        if not (control in CONTROLS_OF_THE_BOUND and unbounded(settings))
    ]
    for i, (control, weights) in enumerate(networks):

        def progress(fraction: float, message: str, i: int = i, name: str = f"{control}, {weights}") -> None:
            job.progress((i + fraction) / len(networks), f"{name}: {message}")

        part = job.part(f"{control}.{weights}")
        part.progress = progress
        solution = job.shared.solve(
            f"flow.energy.{control}.{weights}",
            {**chosen_keys(settings, KEYS_OF_TRAINED_FLOWS), "trained_depth": depth},
            lambda part=part, control=control, weights=weights: _energies(part, control, weights, depth),
        )
        where = {"control": control, "weights": weights, "blocks": depth, **PINS_OF_TRAINED_FLOWS, **PINS_OF_ENERGY}
        records += [_mean(name, values, where) for name, values in solution.items()]
    return Measurement(records)


def geodesic_gap(seed: int, depth: int) -> Record:
    """The relative distance of the least energies of so many blocks from those of geodesics, rms over pairs of ends."""
    shape, kernel = (PAIRS_OF_ENDS, POINTS_FOLLOWED, 2), GaussianKernel(LENGTH_OF_ENERGY_KERNEL)
    start = normals(shape, Stream(seed, "flow.energy.points"), replicas=1)[0]
    momenta = SIZE_OF_MOMENTA * normals(shape, Stream(seed, "flow.energy.momenta"), replicas=1)[0]
    flows = [
        trajectory_from(kernel, q, p, INTEGRATORS["rk4"], STEPS_OF_GEODESICS)
        for q, p in zip(start, momenta, strict=True)
    ]
    ends = torch.stack([flow.end[0] for flow in flows])
    exact = 2 * torch.stack([flow.energy[0] for flow in flows])
    path = straight(torch.stack([start, *([ends] * depth)]))
    reached = path_energy(relaxed(path, LENGTH_OF_ENERGY_KERNEL, iterations=ITERATIONS), LENGTH_OF_ENERGY_KERNEL)
    return Record(
        "geodesic_gap",
        float((reached / exact - 1).square().mean().sqrt()),
        reference_error=max(flow.drift for flow in flows) + ERROR_OF_DESCENT,
        coordinates=PINS_OF_ENERGY,
        replicas=PAIRS_OF_ENDS,
    )


def _energies(job: Job, control: str, weights: str, depth: int) -> dict[str, np.ndarray]:
    """One value a network of each observable; none where training exploded."""
    solution = trained_solution(job, control, weights, depth)
    if "path@followed" not in solution:
        return {}
    path: Float[Tensor, "states r n d"] = torch.from_numpy(solution["path@followed"])
    energy, speed = path_energy(path, LENGTH_OF_ENERGY_KERNEL), speeds(path, LENGTH_OF_ENERGY_KERNEL)
    least = least_energy(path, LENGTH_OF_ENERGY_KERNEL, iterations=ITERATIONS)
    return {
        "energy_accuracy": solution["accuracy"],
        "energy_excess": (energy / least).log().numpy(),
        "energy_unevenness": (energy / speed.mean(dim=0).square()).log().numpy(),
    }


def _mean(name: str, values: np.ndarray, where: dict[str, object]) -> Record:
    stderr = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Record(name, float(values.mean()), stderr=stderr, coordinates=where, replicas=len(values))
