"""What the measurements of the study share: points, kernels, finite networks, and estimates with their errors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ... import device
from ...data.dataset import Dataset
from ...data.loading import load
from ...fixed_shape import product
from ...measurement.record import Record
from ...networks.ntk import NtkNetwork
from ...random import normals
from ...sampling.law import Isotropic
from ...settings.content import chosen
from ..degenerate import of_a_layer
from ..degenerate import points as of_points
from .outside import sizes
from .settings import Kernel


def dataset(settings: Kernel) -> Dataset:
    """The standardised points, on the CPU."""
    return load(settings.data, seed=settings.seed)


def points(settings: Kernel, count: int) -> Float[Tensor, "n f"]:
    """The first training points, float64."""
    return dataset(settings).x_train[:count].double()


AMONG = 100
"""Training points among which the second of a pair is looked for."""


def pair(settings: Kernel) -> Float[Tensor, "2 f"]:
    """The first training point, and the one of the next hundred that overlaps it most: mostly of its class."""
    z = points(settings, 1 + AMONG)
    return z[[0, 1 + int((z[1:] @ z[0]).argmax())]]


def overlaps(z: Float[Tensor, "n f"]) -> Float[Tensor, "n n"]:
    """`<z_i, z_j>/d_in`: the overlaps of the states after a random read-in, at infinite width."""
    return z @ z.T / z.shape[1]


def degenerate(settings: Kernel) -> str | None:
    """What there is no number for, of a layer or of the points; or None."""
    x = points(settings, max(settings.kernel.inputs, settings.kernel.points))
    return of_a_layer(settings.init, x, settings, exponent=0.5) or of_points(x)


def law(settings: Kernel) -> Isotropic:
    """The law of the weights per unit of time."""
    own = sizes(settings)
    return Isotropic(own.sigma_w, own.sigma_b)


def where(settings: Kernel) -> dict[str, Any]:
    """Device and dtype of sampled networks."""
    return {"device": device.resolve(settings.device), "dtype": getattr(torch, settings.dtype)}


def read_in(
    settings: Kernel, gram: Float[Tensor, "n n"], width: int, *, purpose: str, first: int, count: int
) -> Float[Tensor, "r n d"]:
    """`x_0 = A z` of networks with read-ins of their own, `A_ij ~ N(0, 1/d_in)`: rows with covariance `gram`."""
    values, vectors = torch.linalg.eigh(gram)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    Z = normals(
        (len(gram), width), replicas=count, seed=settings.seed, purpose=purpose, first_replica=first, **where(settings)
    )
    return product(root.to(Z).expand(count, *root.shape), Z, first=first)


def network_of(settings: Kernel, depth: int, width: int) -> NtkNetwork:
    """The network with full weight matrices, trained or differentiated."""
    own = sizes(settings)
    return NtkNetwork(
        settings.activation,
        depth,
        width,
        settings.horizon,
        own.sigma_w,
        own.sigma_b,
        settings.kernel.read_in,
        settings.kernel.readout,
    )


KERNELS = ("seed", "horizon", "activation", "init", "data", "kernel.read_in", "kernel.readout")
"""What kernels and their points depend on, besides the depth."""


def key(settings: Kernel, *names: str, **more: Any) -> dict[str, Any]:
    """The key of a solution that jobs share: what its kernels depend on, the keys of these names, and more."""
    return {**chosen(settings, (*KERNELS, *names)), **more}


# -- estimates ------------------------------------------------------------------------------------


def mean(values: Float[Tensor, " r"]) -> tuple[float, float]:
    """Mean over replicas and its standard error (nan for one replica)."""
    values = values.double()
    error = float(values.std()) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return float(values.mean()), error


def root_mean_square(squares: Float[Tensor, " r"]) -> tuple[float, float]:
    """Root of the mean over replicas of a square, and its standard error."""
    value, error = mean(squares)
    return value**0.5, error / (2 * value**0.5) if value > 0 else float("nan")


def columns(rows: Iterable[Sequence[float]]) -> np.ndarray:
    """An array whose columns are these."""
    return np.ascontiguousarray(np.array(list(rows), dtype=float).T)


def width_order(by_width: Mapping[int, tuple[float, float]], coordinates: Mapping[str, Any]) -> list[Record]:
    """`p` in `value ~ D^-p`, from `(value, standard error)` by width; none without errors.

    Least squares weighted with the errors. The standard error is the larger of what the points' own errors say and
    what their scatter about the line says, so that a bend counts.
    """
    x, y = -np.log(np.array(list(by_width), dtype=float)), np.array([value for value, _ in by_width.values()])
    stderr = np.array([stderr for _, stderr in by_width.values()])
    if len(x) < 3 or not (y > 0).all() or not np.isfinite(stderr).all() or not (stderr > 0).all():
        return []
    error = stderr / y
    weight = error**-2 / (error**-2).sum()
    off = x - weight @ x
    spread = float(weight @ off**2)
    order = float(weight @ (off * np.log(y))) / spread
    left = np.log(y) - weight @ np.log(y) - order * off
    own = 1 / math.sqrt(float((error**-2).sum()) * spread)
    scatter = math.sqrt(float(weight @ left**2) / spread / (len(x) - 2))
    return [Record("width_order", order, stderr=max(own, scatter), coordinates=dict(coordinates))]
