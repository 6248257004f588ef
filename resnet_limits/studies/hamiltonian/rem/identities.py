"""The identities of equivariant kernels, by their definition, by windows and by torch's convolutions.

    convolution_missed    |sum_j K(., x_j) P_j - conv(a(x), w) - b|        K by its double sum, conv torch's own
    filter_norm_missed    |1 - |w|^2 / sum_ij P_i^T K(x_i, x_j) P_j|
    equivariance_missed   |K(gx, g'x') - g K(x, x') g'^T|, all g and g'    K by its double sum, and by windows
    gram_negative         what is below 0 of the eigenvalues of K, or not symmetric

Of the shifts of a line and of a grid, the symmetries of a square, and the group of `hamiltonian.generators`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ....limits.hamiltonian.double_sum import DoubleSum
from ....limits.hamiltonian.generators import generated_group
from ....limits.hamiltonian.kernels.equivariant import EquivariantKernel
from ....limits.hamiltonian.permutations import PermutationGroup
from ....limits.hamiltonian.windows import Windows
from ....measurement.job import Job
from ....measurement.record import Record, unknown
from ....networks.activations import activation_named
from ....random import generator
from ....settings.content import chosen_keys
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..settings import Hamiltonian
from .claims import COORDINATE_OF_REM

KEYS_OF_IDENTITIES = ("seed", "activation", "hamiltonian.generators", "hamiltonian.patch")
GRIDS_OF_CONVOLUTIONS, WINDOW = ((7,), (4, 5)), 3
"""Sites of the grids on which fields are held against convolutions, and of their windows."""
SYMMETRIES_OF_SQUARE = ((2, 5, 8, 1, 4, 7, 0, 3, 6), (0, 3, 6, 1, 4, 7, 2, 5, 8))
"""A quarter turn and a reflection of 3 x 3 sites."""
CORNER_EDGE_MIDDLE = (0, 1, 4)
CHANNELS, POINTS = 2, 3
"""Of the points at which identities are checked."""
MOST_ELEMENTS_OF_SUM = 48
"""Elements of the largest group whose double sums are made: of all pairs of them."""


@dataclass(frozen=True, eq=False)
class Example:
    """A kernel by its definition and as windows, points and momenta (POINTS, channels sites); the sites of its grid,
    where these are a grid's."""

    by_definition: DoubleSum
    kernel: EquivariantKernel
    x: Tensor
    P: Tensor
    grid: tuple[int, ...]

    @property
    def group(self) -> PermutationGroup:
        return self.by_definition.group


def examples(settings: Hamiltonian) -> list[Example]:
    """Shifts of a line and of a grid, the symmetries of a square, and the group of the generators where these are
    given; the last two with outputs in each of their orbits."""
    activation, keys = activation_named(settings.activation), settings.hamiltonian
    stream = generator(settings.seed, "hamiltonian.rem")

    def example(group: PermutationGroup, windows: Windows, patch: Sequence[int], grid: Sequence[int] = ()) -> Example:
        x, P = torch.from_numpy(stream.standard_normal((2, POINTS, CHANNELS * group.sites)))
        kernel = EquivariantKernel(activation, windows=windows)
        return Example(DoubleSum(activation, group, patch, group.orbits), kernel, x, P, tuple(grid))

    def of_group(group: PermutationGroup, patch: Sequence[int]) -> Example:
        return example(group, Windows.of_group(group, patch, group.orbits, channels=CHANNELS), patch)

    every = []
    for grid in GRIDS_OF_CONVOLUTIONS:
        windows = Windows.of_shifts(grid, WINDOW, channels=CHANNELS)
        every.append(example(PermutationGroup.shifts(*grid), windows, around_first(grid), grid))
    every.append(of_group(PermutationGroup.generated_by(SYMMETRIES_OF_SQUARE), CORNER_EDGE_MIDDLE))
    if keys.generators is not None and too_many_elements(settings) is None:
        group = PermutationGroup.generated_by(keys.generators)
        every.append(of_group(group, keys.patch or range(group.sites)))
    return every


def too_many_elements(settings: Hamiltonian) -> str | None:
    """Why the double sum over the group of the generators is not made, or None."""
    generators = settings.hamiltonian.generators
    if generators is None or (count := len(generated_group(generators))) <= MOST_ELEMENTS_OF_SUM:
        return None
    return (
        f"the group of hamiltonian.generators has {count} elements, and double sums over all pairs are made of up to"
        f" {MOST_ELEMENTS_OF_SUM}"
    )


def around_first(grid: Sequence[int]) -> list[int]:
    """The sites of the window around the first, row by row, as a circular convolution has them."""
    sites = np.arange(math.prod(grid)).reshape(grid)
    axes = tuple(range(len(grid)))
    return np.roll(sites, WINDOW // 2, axes)[(slice(WINDOW),) * len(grid)].ravel().tolist()


def convolution_missed(example: Example) -> float:
    """At the points themselves."""
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
    """Over all pairs of elements, of the double sum and of the matrix by windows."""
    group, (x, y) = example.group, example.x[:2]
    K, (gx, gy) = example.by_definition.between(x, y), (orbit_of(group, point) for point in (x, y))
    elements = range(group.order)
    expected = torch.cat([torch.cat([of_both(group, g, h, K) for h in elements], dim=1) for g in elements])
    by_both = (example.by_definition.gram(gx, gy), example.kernel.matrix(gx, gy))
    return max(float((moved - expected).abs().max()) for moved in by_both) / float(K.abs().max())


def orbit_of(group: PermutationGroup, x: Float[Tensor, " d"]) -> Float[Tensor, "order d"]:
    """`pi(g) x` for each g."""
    return torch.stack([group.moved(g, x) for g in range(group.order)])


def of_both(group: PermutationGroup, g: int, h: int, K: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    """`pi(g) K pi(h)^T`."""
    return group.moved(g, group.moved(h, K).T).T  # columns are those of the second point


def gram_negative(example: Example) -> float:
    """The larger of the asymmetry and what eigenvalues are below 0, relative to the largest entry, and eigenvalue."""
    K = example.by_definition.gram(example.x, example.x)
    eigenvalues = torch.linalg.eigvalsh((K + K.T) / 2)
    return max(float((K - K.T).abs().max() / K.abs().max()), -float(eigenvalues[0] / eigenvalues[-1]))


IDENTITIES = {
    "convolution_missed": convolution_missed,
    "filter_norm_missed": filter_norm_missed,
    "equivariance_missed": equivariance_missed,
    "gram_negative": gram_negative,
}
"""By observable; the first is of grids alone."""


def identities(job: Job) -> list[Record]:
    """Each the largest over the examples, the same at every depth."""
    key = chosen_keys(job.settings, KEYS_OF_IDENTITIES)
    missed = job.shared.solve("rem.identities", key, lambda: missed_by_examples(job.settings))
    first, *others = (
        Record(name, float(missed[name][0]), reference_error=RELATIVE_ROUNDING_OF_STATES, coordinates=COORDINATE_OF_REM)
        for name in IDENTITIES
    )
    if why := too_many_elements(job.settings):
        others = [unknown(record.observable, why, COORDINATE_OF_REM) for record in others]
    return [first, *others]


def missed_by_examples(settings: Hamiltonian) -> dict[str, np.ndarray]:
    """Of each identity the largest error."""
    every = examples(settings)
    grids = [one for one in every if one.grid]
    return {
        name: np.array([max(map(missed, grids if missed is convolution_missed else every))])
        for name, missed in IDENTITIES.items()
    }
