"""What the measurements share: points, targets, kernel and loss of some settings; minimisers and their momenta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ...data.dataset import Dataset
from ...data.loading import embed, load
from ...errors import SettingError
from ...limits.hamiltonian.end_loss import EndLoss, Fixed, Linear, Pooled, Ridge
from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ...limits.hamiltonian.losses.loss import PointwiseLoss
from ...measurement.job import Job
from ...measurement.record import Record
from ...random import generator
from ...settings.content import chosen_keys
from ...training.branches import Refine, SolutionBranch, branches
from ...training.continuation import Rung, climb
from ...training.minimiser import Minimum
from ..certificate import of_the_minimiser
from ..degenerate import degenerate_points
from .heun_network import HeunNetwork
from .network import WeightDecayedNetwork, refined
from .settings import Hamiltonian

MAX_FRACTION_OF_ZERO_WEIGHTS = 1e-9
"""Weights by the sum of what they are made of, without signs, below which they are zero: shooting leaves 1e-11."""
MAX_RELATIVE_UNCERTAINTY = 0.1
"""Relative uncertainty of a minimiser that was reached above which it may be zero."""
DISTANCE_OF_NEW_POINTS = 0.5
"""Standard deviation of new points about training points, which are standardised: on the data and off them."""
NETWORK_BY_SCHEME = {"euler": WeightDecayedNetwork, "heun": HeunNetwork}
"""By the key `hamiltonian.scheme`."""
LEAST_VALUE_WITHOUT_FLOW = "the least value is that of no flow at all"


def dataset_of(settings: Hamiltonian) -> Dataset:
    return load(settings.data, seed=settings.seed).to("cpu", torch.float64)


def embedded(x: Float[Tensor, "n f"], settings: Hamiltonian) -> Float[Tensor, "n d"]:
    """Points followed by zeros; where they have more than d coordinates, their random embedding."""
    if x.shape[1] <= settings.width:
        return functional.pad(x, (0, settings.width - x.shape[1]))
    return embed(x, settings.width, seed=settings.seed)


def kernel_of(settings: Hamiltonian) -> OperatorKernel:
    kernel = OperatorKernel.options[settings.hamiltonian.kernel]
    of_sites = {} if kernel.scalar else {"grid": settings.grid(), "channels": settings.channels()}
    return kernel.of({**_keys(settings), **of_sites})


def _keys(settings: Hamiltonian) -> dict[str, Any]:
    """What the fields of kernels and losses may be."""
    return {**asdict(settings.hamiltonian), "activation": settings.activation}


def targets_of_loss(data: Dataset, loss: str, y: Tensor) -> Float[Tensor, "n o"]:
    """Two classes: +-1. More: one column a class, 1 for its own, less the mean unless the loss wants sums of 1."""
    if not data.is_classification:
        return y
    if data.classes == 2:
        return (2 * y - 1).double()[:, None]
    hot = functional.one_hot(y, data.classes).double()
    return hot if PointwiseLoss.options[loss].sums_to_one else hot - 1 / data.classes


def loss_of(settings: Hamiltonian, y: Float[Tensor, "n o"]) -> EndLoss:
    keys = settings.hamiltonian
    l = PointwiseLoss.options[keys.loss].of(_keys(settings))  # noqa: E741
    if keys.readout == "ridge":
        return Ridge(kernel_of(settings), y, keys.ridge)
    if keys.readout == "linear":
        return Linear(l, y, keys.ridge)
    return Fixed(l, y) if keys.readout == "fixed" else Pooled(l, y, sites=settings.sites())


@dataclass(frozen=True)
class Setup:
    """The problem at every depth: kernel, points (n, d), weight of the energy, loss, blocks of its networks."""

    kernel: OperatorKernel
    q0: Float[Tensor, "n d"]
    nu: float
    loss: EndLoss
    scheme: str = "euler"

    def network(self, depth: int, *, constant: bool = False) -> WeightDecayedNetwork:
        """The network of this depth; with a constant decay of the weights in place of one that grows with depth."""
        network = NETWORK_BY_SCHEME[self.scheme]
        return network(self.kernel, self.q0, self.nu / depth if constant else self.nu, self.loss, depth)


def setup(settings: Hamiltonian) -> Setup:
    """The first `hamiltonian.points` training points with their loss. Raises `SettingError` where there are fewer."""
    data, count = dataset_of(settings), settings.hamiltonian.points
    if len(data.x_train) < count:
        raise SettingError(f"hamiltonian.points={count}: {data.name} has {len(data.x_train)} training points")
    q0 = embedded(data.x_train[:count], settings)
    y = targets_of_loss(data, settings.hamiltonian.loss, data.y_train[:count])
    keys = settings.hamiltonian
    return Setup(kernel_of(settings), q0, keys.nu, loss_of(settings, y), keys.scheme)


def new_points(problem: Setup, settings: Hamiltonian, count: int) -> Float[Tensor, "m d"]:
    """Points that no network is trained on, about the training points one after another."""
    about = problem.q0[torch.arange(count) % len(problem.q0)]
    draw = generator(settings.seed, "hamiltonian.new_points").standard_normal(about.shape)
    return about + DISTANCE_OF_NEW_POINTS * torch.from_numpy(draw)


# -- minimisers -----------------------------------------------------------------------------------

START_STANDARD_DEVIATION = 0.03
"""Standard deviation of the scaled weights from which the shallowest network is minimised."""
KEYS_OF_HAMILTONIAN_PROBLEM = (
    *("seed", "width", "activation", "data"),
    *("hamiltonian.nu", "hamiltonian.loss", "hamiltonian.readout", "hamiltonian.ridge", "hamiltonian.insensitive"),
    *("hamiltonian.kernel", "hamiltonian.length", "hamiltonian.bias", "hamiltonian.window", "hamiltonian.generators"),
    *("hamiltonian.patch", "hamiltonian.points", "hamiltonian.scheme"),
)
"""What the problem depends on whose minimisers are found, at any depth."""


def key_of_solution(settings: Hamiltonian, **more: Any) -> dict[str, Any]:
    """What a solution depends on: the problem, and more."""
    return {**chosen_keys(settings, KEYS_OF_HAMILTONIAN_PROBLEM), **more}


def minima_of_setup(
    job: Job, problem: Setup, depth: int, purpose: str, its_key: dict[str, Any], *, constant: bool = False
) -> list[SolutionBranch]:
    """The minima at the rungs 4, 8, ... up to this depth, each from the ones before, for each start: the branch that is
    judged first.

    The draw that the first start begins from is small, those of the others are of size 1: other branches begin
    elsewhere.
    """

    def climbed(start: int, depth: int) -> list[Rung]:
        def first(depth: int) -> np.ndarray:
            # Not zero: there coordinates that begin as zeros may stay so by symmetry, at a saddle.
            shape = problem.network(depth).shape
            size = 1.0 if start else START_STANDARD_DEVIATION
            return size * generator(job.settings.seed, "hamiltonian.start", start).standard_normal(int(np.prod(shape)))

        return climb(
            depth,
            objective=lambda depth: problem.network(depth, constant=constant),
            start=first,
            refine=refinement_of_setup(problem),
            shared=job.shared,
            purpose=purpose,
            key={**its_key, "start": start},
            tolerance=job.settings.minimiser.tolerance,
            iterations=job.settings.minimiser.iterations,
        )

    return branches(climbed, depth, range(job.settings.minimiser.starts))


def refinement_of_setup(problem: Setup) -> Refine:
    """Where the minimisation at a depth starts, from the minima below it."""

    def weights(rung: Rung) -> np.ndarray:
        return rung.minimum.point.reshape(problem.network(rung.depth).shape) * rung.depth**0.5

    blocks = NETWORK_BY_SCHEME[problem.scheme]

    def refine(rungs: Sequence[Rung], depth: int) -> np.ndarray:
        known = [weights(rung) for rung in rungs[-2:]]
        return refined(known, depth, order=blocks.order, weight_time=blocks.weight_time).ravel() / depth**0.5

    return refine


@dataclass(frozen=True)
class CertifiedNetwork:
    """A minimiser: weights `w` (L, d, f), states (L + 1, n, d), momenta (L + 1, n, d), and its certificate."""

    network: WeightDecayedNetwork
    minimum: Minimum
    w: Tensor
    states: list[Tensor]
    momenta: Tensor

    @property
    def omega(self) -> Tensor:
        """`L w`."""
        return self.w * self.network.depth

    @property
    def still(self) -> str | None:
        """Why its weights are zero as far as the minimisation can tell, or None."""
        if self.minimum.converged and self.off > MAX_RELATIVE_UNCERTAINTY:
            return (
                f"{LEAST_VALUE_WITHOUT_FLOW}: the weights are {np.linalg.norm(self.minimum.point):.1e}, and may be zero"
            )
        return unmoved(self.network.kernel, self.states[0], self.momenta[1])

    @property
    def off(self) -> float:
        """How far the true minimiser can be, relative to the size of the weights."""
        return self.minimum.distance / (float(np.linalg.norm(self.minimum.point)) or 1.0)


def trained(problem: Setup, branch: SolutionBranch) -> CertifiedNetwork:
    """The minimiser at the deepest rung of a branch."""
    network, minimum = problem.network(branch.rungs[-1].depth), branch.minimum
    w = network.weights(minimum.point)
    states = network.states(w)
    return CertifiedNetwork(network, minimum, w, states, network.momenta(w, states, problem.nu))


def certificate_of_minimum(
    job: Job, problem: Setup, branches: Sequence[SolutionBranch], where: dict[str, Any]
) -> list[Record]:
    """What says how well the minimum was reached, and on which branch it is."""
    return of_the_minimiser(branches, refinement_of_setup(problem), job.settings.minimiser.tolerance, where)


def degenerate(settings: Hamiltonian) -> str | None:
    """What there is no number for, of the points; or None."""
    return degenerate_points(setup(settings).q0)


def unmoved(kernel: OperatorKernel, q: Float[Tensor, "n d"], P: Float[Tensor, "n d"]) -> str | None:
    """Why what is relative to the weights `P^T f(q)` is a ratio of what minimisation or shooting leave, or None:
    momenta cancel, as where nothing tells the points of two classes apart and the minimiser is zero."""
    f, rows = kernel.at(q).root(), kernel.rows(P)
    weights, terms = float((rows.mT @ f).norm()), float((rows.abs().mT @ f.abs()).norm())
    if weights > MAX_FRACTION_OF_ZERO_WEIGHTS * terms:
        return None
    return f"{LEAST_VALUE_WITHOUT_FLOW}: the momenta cancel, the weights are {weights:.1e} of {terms:.1e}"
