"""`hamiltonian.rem.*`: the identities of equivariant kernels, and networks with one filter a layer against shooting.

    convolution_missed    |sum_j K(., x_j) P_j - conv(a(x), w) - b|        K by its double sum, conv torch's own
    filter_norm_missed    |1 - |w|^2 / sum_ij P_i^T K(x_i, x_j) P_j|
    equivariance_missed   |K(gx, g'x') - g K(x, x') g'^T|
    shift_missed          |phi(gx) - g phi(x)| / |phi(x) - x|              phi the layers of a trained network

The networks tell two digits apart by their 8 x 8 pixels; the distances to the limit are those of `trained/`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ....limits.flow import root_mean_square
from ....limits.hamiltonian.double_sum import DoubleSum
from ....limits.hamiltonian.kernels.equivariant import EquivariantKernel
from ....limits.hamiltonian.permutations import PermutationGroup
from ....limits.hamiltonian.windows import Windows
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....networks.activations import activation_named
from ....random import generator
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
    SHARED_TIMES,
    distances_from_limit,
    euler_missed,
    map_off,
    offs_from_limit,
    records_of_minimiser,
)
from .claims import (
    COORDINATE_OF_REM,
    DIGITS_OF_REM,
    GRID_OF_DIGITS,
    PERIODIC,
    PINS_OF_REM,
    PREFIX_OF_REM_ARRAYS,
    ZEROS,
)

GRIDS_OF_CONVOLUTIONS, WINDOW = ((7,), (4, 5)), 3
"""Sites of the grids on which fields are held against convolutions, and of their windows."""
SYMMETRIES_OF_SQUARE = ((2, 5, 8, 1, 4, 7, 0, 3, 6), (0, 3, 6, 1, 4, 7, 2, 5, 8))
"""A quarter turn and a reflection of 3 x 3 sites."""
CORNER_EDGE_MIDDLE = (0, 1, 4)
CHANNELS, POINTS = 2, 3
"""Of the points at which identities are checked."""
NEW_IMAGES = 8
DEPTH_OF_PADDED = 8
CONDITIONS_OF_FILTERS = ("hamilton_residual", "norm_spread", "euler_missed")


def measure(job: Job) -> Measurement:
    settings = pinned(job.settings, PINS_OF_REM)
    problem, where = problem_of_digits(settings), {**COORDINATE_OF_REM, **PINS_OF_REM}
    records = identities(settings)
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
        offs = offs_from_limit(network, shot) | map_off(network, shot, new_images(settings))
        records += distances_from_limit(network, shot, offs, where)
        if settings.depth % SHARED_TIMES == 0:
            arrays |= {f"{PREFIX_OF_REM_ARRAYS}{name}": off.array() for name, off in offs.items()}
    return Measurement(records, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


# -- trained networks -----------------------------------------------------------------------------


def problem_of_digits(settings: Hamiltonian) -> Setup:
    """The first points of the two digits, with targets -1 and 1."""
    data, keys = dataset_of(settings), settings.hamiltonian
    chosen = of_the_digits(data.y_train)[: keys.points]
    y = (2 * (data.y_train[chosen] == DIGITS_OF_REM[1]) - 1).double()[:, None]
    return Setup(kernel_of(settings), data.x_train[chosen], keys.nu, loss_of(settings, y), keys.scheme)


def new_images(settings: Hamiltonian) -> Float[Tensor, "m d"]:
    """Of the two digits, that no network is trained on."""
    data = dataset_of(settings)
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


# -- identities -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Example:
    """A kernel by its definition and as windows, points and momenta (POINTS, channels sites)."""

    by_definition: DoubleSum
    kernel: EquivariantKernel
    x: Tensor
    P: Tensor
    grid: tuple[int, ...] | None

    @property
    def group(self) -> PermutationGroup:
        return self.by_definition.group


def examples(settings: Hamiltonian) -> list[Example]:
    """Shifts of a line and of a grid, and the symmetries of a square with outputs in each of its orbits."""
    activation = activation_named(settings.activation)
    stream, examples = generator(settings.seed, "hamiltonian.rem"), []

    def example(
        group: PermutationGroup,
        windows: Windows,
        patch: Sequence[int],
        outputs: Sequence[int],
        grid: tuple[int, ...] | None = None,
    ) -> Example:
        x, P = torch.from_numpy(stream.standard_normal((2, POINTS, CHANNELS * group.sites)))
        kernel = EquivariantKernel(activation, windows=windows)
        return Example(DoubleSum(activation, group, patch, outputs), kernel, x, P, grid)

    for grid in GRIDS_OF_CONVOLUTIONS:
        windows = Windows.of_shifts(grid, WINDOW, channels=CHANNELS)
        examples.append(example(PermutationGroup.shifts(*grid), windows, around_first(grid), (0,), grid))
    square = PermutationGroup.generated_by(SYMMETRIES_OF_SQUARE)
    windows = Windows.of_group(square, CORNER_EDGE_MIDDLE, CORNER_EDGE_MIDDLE, channels=CHANNELS)
    return [*examples, example(square, windows, CORNER_EDGE_MIDDLE, CORNER_EDGE_MIDDLE)]


def around_first(grid: Sequence[int]) -> list[int]:
    """The sites of the window around the first, row by row, as a circular convolution has them."""
    sites = np.arange(math.prod(grid)).reshape(grid)
    axes = tuple(range(len(grid)))
    return np.roll(sites, WINDOW // 2, axes)[(slice(WINDOW),) * len(grid)].ravel().tolist()


def identities(settings: Hamiltonian) -> list[Record]:
    """Each the largest over the examples."""
    every = examples(settings)
    measured = {
        "convolution_missed": [convolution_missed(one) for one in every if one.grid is not None],
        "filter_norm_missed": [filter_norm_missed(one) for one in every],
        "equivariance_missed": [equivariance_missed(one) for one in every],
        "gram_negative": [gram_negative(one) for one in every],
    }
    return [
        Record(name, max(values), reference_error=RELATIVE_ROUNDING_OF_STATES, coordinates=COORDINATE_OF_REM)
        for name, values in measured.items()
    ]


def convolution_missed(example: Example) -> float:
    """At the points themselves."""
    assert example.grid is not None
    field = (example.by_definition.gram(example.x, example.x) @ example.P.flatten()).view_as(example.x)
    w = example.kernel.at(example.x).weights(example.P)
    a = example.by_definition.activation(example.x).unflatten(-1, (CHANNELS, *example.grid))
    return float((circular_convolution(a, w).flatten(1) - field).abs().max() / field.abs().max())


def circular_convolution(a: Float[Tensor, "n c *grid"], w: Float[Tensor, "c f"]) -> Float[Tensor, "n c *grid"]:
    """`conv(a, W) + b` as torch has it, of `w = [W b]`: padded with the values of the other end."""
    axes = a.dim() - 2
    filters = w[:, :-1].reshape(len(w), -1, *[WINDOW] * axes)
    padded = functional.pad(a, [WINDOW // 2] * 2 * axes, mode="circular")
    return (functional.conv1d if axes == 1 else functional.conv2d)(padded, filters, w[:, -1])


def filter_norm_missed(example: Example) -> float:
    P, w = example.P.flatten(), example.kernel.at(example.x).weights(example.P)
    squares = float(P @ example.by_definition.gram(example.x, example.x) @ P)
    return abs(1 - float(w.square().sum()) / squares)


def equivariance_missed(example: Example) -> float:
    """Over all `g`, each with another `g'`."""
    group, (x, y), K = example.group, example.x[:2], example.by_definition.between(*example.x[:2])
    missed = []
    for g in range(group.order):
        other = (3 * g + 1) % group.order
        moved = example.by_definition.between(group.moved(g, x), group.moved(other, y))
        expected = group.moved(g, group.moved(other, K).T).T  # columns are those of y
        missed.append(float((moved - expected).abs().max()))
    return max(missed) / float(K.abs().max())


def gram_negative(example: Example) -> float:
    """The larger of the asymmetry and what eigenvalues are below 0, relative to the largest entry, and eigenvalue."""
    K = example.by_definition.gram(example.x, example.x)
    eigenvalues = torch.linalg.eigvalsh((K + K.T) / 2)
    return max(float((K - K.T).abs().max() / K.abs().max()), -float(eigenvalues[0] / eigenvalues[-1]))
