"""What the measurements share: points, targets, kernel and loss of some settings; minimisers and their momenta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ...data.dataset import Dataset, embed, load
from ...errors import SettingError
from ...limits.hamiltonian.features import Features, activation
from ...limits.hamiltonian.gaussian import Gaussian
from ...limits.hamiltonian.kernel import Kernel
from ...limits.hamiltonian.losses import EndLoss, Fixed, Linear, Ridge, pointwise
from ...random import generator
from ...settings import Hamiltonian, content
from ...training.continuation import Rung, climb
from ...training.minimiser import Minimum
from ..study import Job, Record
from .network import Network, refined

ROUNDING = 1e-13
"""Relative rounding of states and values."""


def pinned(settings: Hamiltonian, **keys: Any) -> Hamiltonian:
    """The settings with keys of the group `hamiltonian` that a claim pins, given without the group's name."""
    return replace(settings, hamiltonian=replace(settings.hamiltonian, **keys))


def dataset(settings: Hamiltonian) -> Dataset:
    return load(settings.data, seed=settings.seed).to("cpu", torch.float64)


def embedded(x: Float[Tensor, "n f"], settings: Hamiltonian) -> Float[Tensor, "n d"]:
    """Points followed by zeros; where they have more than d coordinates, their random embedding."""
    if x.shape[1] <= settings.width:
        return functional.pad(x, (0, settings.width - x.shape[1]))
    return embed(x, settings.width, seed=settings.seed)


def kernel_of(settings: Hamiltonian) -> Kernel:
    its = settings.hamiltonian
    return Gaussian(its.length) if its.kernel == "gaussian" else Features(activation(settings.activation))


def targets(data: Dataset, loss: str, y: Tensor) -> Float[Tensor, "n o"]:
    """Two classes: +-1. More: one column a class, 1 for its own, less the mean unless the loss is logistic."""
    if not data.is_classification:
        return y
    if data.classes == 2:
        return (2 * y - 1).double()[:, None]
    hot = functional.one_hot(y, data.classes).double()
    return hot if loss == "logistic" else hot - 1 / data.classes


def loss_of(settings: Hamiltonian, y: Float[Tensor, "n o"]) -> EndLoss:
    its = settings.hamiltonian
    l = pointwise(its.loss, epsilon=its.insensitive)  # noqa: E741
    if its.readout == "ridge":
        return Ridge(kernel_of(settings), y, its.ridge)
    return Fixed(l, y) if its.readout == "fixed" else Linear(l, y, its.ridge)


@dataclass(frozen=True)
class Setup:
    """The problem at every depth: kernel, points (n, d), weight of the energy, loss."""

    kernel: Kernel
    q0: Float[Tensor, "n d"]
    nu: float
    loss: EndLoss

    def network(self, depth: int, *, constant: bool = False) -> Network:
        """The network of this depth; with a constant decay of the weights in place of one that grows with depth."""
        return Network(self.kernel, self.q0, self.nu / depth if constant else self.nu, self.loss, depth)


def setup(settings: Hamiltonian) -> Setup:
    """The first `hamiltonian.points` training points with their loss. Raises `SettingError` where there are fewer."""
    data, count = dataset(settings), settings.hamiltonian.points
    if len(data.x_train) < count:
        raise SettingError(f"hamiltonian.points={count}: {data.name} has {len(data.x_train)} training points")
    q0 = embedded(data.x_train[:count], settings)
    y = targets(data, settings.hamiltonian.loss, data.y_train[:count])
    return Setup(kernel_of(settings), q0, settings.hamiltonian.nu, loss_of(settings, y))


# -- minimisers -----------------------------------------------------------------------------------

START = 0.03
"""Standard deviation of the scaled weights from which the shallowest network is minimised."""
FREE_OF = ("depth", "claims", "preset", "replicas", "minimiser.", "hamiltonian.integrator", "hamiltonian.steps")


def key(settings: Hamiltonian, *also: str, **more: Any) -> dict[str, Any]:
    """What a solution depends on: the content without the depth and without what only some measurements know."""
    return {**{k: v for k, v in content(settings).items() if not k.startswith((*FREE_OF, *also))}, **more}


def minima(
    job: Job,
    problem: Setup,
    depth: int,
    purpose: str,
    its_key: dict[str, Any],
    *,
    constant: bool = False,
    start: int = 0,
) -> list[Rung]:
    """The minimisers at the rungs 4, 8, ... up to this depth, each from the ones before, and the first from a draw.

    The draws `start` = 1, 2, ... are of size 1, those of 0 small: other branches begin elsewhere.
    """
    its_key = {**its_key, "start": start} if start else its_key

    def weights(rung: Rung) -> np.ndarray:
        network = problem.network(rung.depth)
        return rung.minimum.point.reshape(network.shape) * rung.depth**0.5

    def refine(rungs: Sequence[Rung], depth: int) -> np.ndarray:
        return refined([weights(rung) for rung in rungs[-2:]], depth).ravel() / depth**0.5

    def first(depth: int) -> np.ndarray:
        # Not zero: there coordinates that begin as zeros may stay so by symmetry, at a saddle.
        shape = problem.network(depth).shape
        size = 1.0 if start else START
        return size * generator(job.settings.seed, "hamiltonian.start", start).standard_normal(int(np.prod(shape)))

    return climb(
        depth,
        objective=lambda depth: problem.network(depth, constant=constant),
        start=first,
        refine=refine,
        shared=job.shared,
        purpose=purpose,
        key=its_key,
        tolerance=job.settings.minimiser.tolerance,
        iterations=job.settings.minimiser.iterations,
    )


@dataclass(frozen=True)
class Trained:
    """A minimiser: weights `w` (L, d, f), states (L + 1, n, d), momenta (L + 1, n, d), and its certificate."""

    network: Network
    minimum: Minimum
    w: Tensor
    states: list[Tensor]
    momenta: Tensor

    @property
    def omega(self) -> Tensor:
        """`L w`."""
        return self.w * self.network.depth


def trained(problem: Setup, rung: Rung) -> Trained:
    network = problem.network(rung.depth)
    w = network.weights(rung.minimum.point)
    states = network.states(w)
    return Trained(network, rung.minimum, w, states, network.momenta(w, states, problem.nu))


def certificate(minimum: Minimum, coordinates: dict[str, Any]) -> list[Record]:
    """What says that the minimiser was reached; `claims.settings.not_reached` reads it."""
    return [
        Record("relative_gradient", minimum.relative_gradient, coordinates=coordinates),
        Record("smallest_eigenvalue", minimum.smallest_eigenvalue, coordinates=coordinates),
        Record("reached", float(minimum.converged), coordinates=coordinates),
        Record("newton_iterations", float(minimum.newton_iterations), coordinates=coordinates),
        Record("hessian_products", float(minimum.hessian_products), coordinates=coordinates),
    ]


def size(x: Tensor) -> float:
    """Root mean square."""
    return float(x.square().mean().sqrt())
