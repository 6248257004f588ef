"""`hamiltonian.rem.*`: the identities of equivariant kernels, and networks with one filter a layer against shooting.

    shift_missed          |phi(gx) - g phi(x)| / |phi(x) - x|              phi the layers of a trained network

The networks tell two digits apart by their 8 x 8 pixels; the distances to the limit are those of `trained/`, new points
images of the two digits. The identities are those of `identities.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....data.dataset import Dataset
from ....limits.flow import root_mean_square
from ....limits.hamiltonian.kernels.equivariant import EquivariantKernel
from ....limits.hamiltonian.permutations import PermutationGroup
from ....limits.hamiltonian.windows import Windows
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ...pinned import pinned
from ..limit import certificate_of_shooting, limit_of_setup
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..problem import (
    CertifiedNetwork,
    Setup,
    certificate_of_minimum,
    dataset_of,
    kernel_of,
    key_of_solution,
    loss_of,
    minima_of_setup,
    trained,
)
from ..settings import Hamiltonian
from ..trained.claims import PLATEAU_BY_DISTANCE
from ..trained.measure import (
    distances_from_limit,
    euler_missed,
    kept_for_plateaus,
    off_of_new_points,
    offs_from_limit,
    records_of_minimiser,
)
from .claims import (
    COORDINATE_OF_REM,
    DIGITS_OF_REM,
    GRID_OF_DIGITS,
    PERIODIC,
    PINS_OF_REM,
    POINTS_AN_IMAGE,
    PREFIX_OF_REM_ARRAYS,
    ZEROS,
)
from .identities import identities

SHIFTS_OF_DIGITS: dict[str, Any] = {"hamiltonian.generators": None, "hamiltonian.patch": None}
"""Networks have these, whatever generators the identities are checked for."""
NEW_IMAGES = 8
DEPTH_OF_PADDED = 8
CONDITIONS_OF_FILTERS = ("hamilton_residual", "norm_spread", "euler_missed")


def measure(job: Job) -> Measurement:
    settings = pinned(job.settings, PINS_OF_REM | SHIFTS_OF_DIGITS)
    data, where = dataset_of(settings), {**COORDINATE_OF_REM, **PINS_OF_REM}
    problem, records = problem_of_digits(settings, data), identities(job)
    job.progress(0.1, "minimiser")
    branches = minima_of_setup(job, problem, settings.depth, "rem", key_of_solution(settings))
    network = trained(problem, branches[0])
    records += certificate_of_minimum(job, problem, branches, where) + without_circles(job, settings, problem)
    if network.still is not None:
        names = (*CONDITIONS_OF_FILTERS, *PLATEAU_BY_DISTANCE)
        return Measurement([*records, *(unknown(name, network.still, where) for name in names)])
    records += [*records_of_minimiser(network, where), euler_missed(network, where)]
    records.append(shift_missed(network, {**where, **PERIODIC}))
    job.progress(0.6, "shooting")
    shot = limit_of_setup(job, settings, problem, "rem")
    records += certificate_of_shooting(shot, where)
    arrays = {"rem.filters": network.w.numpy()}
    if not shot.why:
        offs = offs_from_limit(network, shot)
        of_map, off_of_map = off_of_new_points(network, shot, new_images(data), "map_distance", where)
        records += distances_from_limit(network, shot, offs, where) + of_map
        arrays |= kept_for_plateaus(offs | off_of_map, settings.depth, PREFIX_OF_REM_ARRAYS)
    return Measurement(records, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


# -- trained networks -----------------------------------------------------------------------------


def problem_of_digits(settings: Hamiltonian, data: Dataset) -> Setup:
    """The first images of the two digits, with targets -1 and 1."""
    keys = settings.hamiltonian
    chosen = of_the_digits(data.y_train)[: max(2, keys.points // POINTS_AN_IMAGE)]
    y = (2 * (data.y_train[chosen] == DIGITS_OF_REM[1]) - 1).double()[:, None]
    return Setup(kernel_of(settings), data.x_train[chosen], keys.nu, loss_of(settings, y), keys.scheme)


def new_images(data: Dataset) -> Float[Tensor, "m d"]:
    """Of the two digits, that no network is trained on."""
    return data.x_test[of_the_digits(data.y_test)[:NEW_IMAGES]]


def of_the_digits(y: Tensor) -> Tensor:
    """Which images are of one of the two."""
    return torch.isin(y, torch.tensor(DIGITS_OF_REM)).nonzero()[:, 0]


def without_circles(job: Job, settings: Hamiltonian, problem: Setup) -> list[Record]:
    """The control: the same problem for windows that see zero beyond the image, at one depth."""
    kernel, where = problem.kernel, {**ZEROS, **PINS_OF_REM, "of": "rem padded"}
    assert isinstance(kernel, EquivariantKernel)
    windows = Windows.zero_padded(GRID_OF_DIGITS, settings.hamiltonian.window)
    padded = replace(problem, kernel=replace(kernel, windows=windows))
    branches = minima_of_setup(job, padded, DEPTH_OF_PADDED, "rem.padded", key_of_solution(settings, boundary="zeros"))
    missed = shift_missed(trained(padded, branches[0]), {**where, **ZEROS})
    return [*certificate_of_minimum(job, padded, branches, where), missed]


def shift_missed(network: CertifiedNetwork, where: dict[str, object]) -> Record:
    """By how much the layers do not commute with the shifts by a row and by a column."""
    shifts, x, end = PermutationGroup.shifts(*GRID_OF_DIGITS), network.states[0], network.states[-1]
    missed = []
    for g in (1, GRID_OF_DIGITS[1]):  # the shifts of site 0 to the next one, and to the next row
        after = network.network.carried_along(shifts.moved(g, x), network.w, network.states)[-1]
        missed.append(root_mean_square(after - shifts.moved(g, end)) / root_mean_square(end - x))
    return Record("shift_missed", max(missed), reference_error=RELATIVE_ROUNDING_OF_STATES, coordinates=where)
