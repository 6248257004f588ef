"""`hamiltonian.heun.*`: minimisers of networks of Heun blocks, certified, against the shooting that they approach.

The same distances as those of `trained/`, and the conditions that minimisers of these blocks satisfy.
"""

from __future__ import annotations

from ....measurement.job import Job
from ....measurement.record import Measurement, unknown
from ...pinned import pinned
from ..limit import certificate_of_shooting, limit_of_setup
from ..problem import certificate_of_minimum, key_of_solution, minima_of_setup, setup, trained
from ..trained.measure import distances_from_limit, kept_for_plateaus, offs_from_limit, records_of_minimiser
from .claims import COORDINATE_OF_HEUN, PINS_OF_HEUN, PLATEAU_OF_HEUN, PREFIX_OF_HEUN_ARRAYS

CONDITIONS_OF_HEUN = ("hamilton_residual", "norm_spread")


def measure(job: Job) -> Measurement:
    settings = pinned(job.settings, PINS_OF_HEUN)
    problem, where = setup(settings), {**COORDINATE_OF_HEUN, **PINS_OF_HEUN}
    branches = minima_of_setup(job, problem, settings.depth, "trained", key_of_solution(settings))
    network, records = trained(problem, branches[0]), certificate_of_minimum(job, problem, branches, where)
    if network.still is not None:
        names = (*CONDITIONS_OF_HEUN, *PLATEAU_OF_HEUN)
        return Measurement([*records, *(unknown(name, network.still, where) for name in names)])
    records += [record for record in records_of_minimiser(network, where) if record.observable in CONDITIONS_OF_HEUN]
    job.progress(0.6, "shooting")
    shot = limit_of_setup(job, settings, problem, "trained")
    records += certificate_of_shooting(shot, where)
    if shot.why:
        return Measurement(records)
    offs = {name: off for name, off in offs_from_limit(network, shot).items() if name in PLATEAU_OF_HEUN}
    records += distances_from_limit(network, shot, offs, where)
    return Measurement(records, kept_for_plateaus(offs, settings.depth, PREFIX_OF_HEUN_ARRAYS))
