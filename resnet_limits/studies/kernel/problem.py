"""What the measurements of the study share: points, kernels, finite networks, and estimates with their errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ... import device
from ...data.dataset import Dataset
from ...data.loading import load
from ...fixed_shape import product
from ...networks.ntk import NtkNetwork
from ...random import Stream, normals
from ...sampling.layer_law import Isotropic
from ...settings.content import chosen_keys
from ..degenerate import degenerate_points as of_points
from ..degenerate import of_a_layer
from .outside import sizes_of_law
from .settings import Kernel


def standardised_dataset(settings: Kernel) -> Dataset:
    """The standardised points, on the CPU."""
    return load(settings.data, seed=settings.seed)


def first_points(settings: Kernel, count: int) -> Float[Tensor, "n f"]:
    """The first training points, float64."""
    return standardised_dataset(settings).x_train[:count].double()


POINTS_SEARCHED = 100
"""Training points among which the second of a pair is looked for."""


def pair(settings: Kernel) -> Float[Tensor, "2 f"]:
    """The first training point, and the one of the next hundred that overlaps it most: mostly of its class."""
    z = first_points(settings, 1 + POINTS_SEARCHED)
    return z[[0, 1 + int((z[1:] @ z[0]).argmax())]]


def family(settings: Kernel, others: int) -> Float[Tensor, "n f"]:
    """The first training point and those of the next hundred that overlap it most, of no larger norm than the pair:
    where its moments do not blow up, theirs do not."""
    z, largest = first_points(settings, 1 + POINTS_SEARCHED), float(pair(settings).square().sum(dim=1).max())
    small = z[1:][z[1:].square().sum(dim=1) <= largest]
    return torch.cat([z[:1], small[(small @ z[0]).argsort(descending=True)[:others]]])


def overlaps_after_read_in(z: Float[Tensor, "n f"]) -> Float[Tensor, "n n"]:
    """`<z_i, z_j>/d_in`: the overlaps of the states after a random read-in, at infinite width."""
    return z @ z.T / z.shape[1]


def degenerate(settings: Kernel) -> str | None:
    """What there is no number for, of a layer or of the points; or None."""
    x = first_points(settings, max(settings.kernel.inputs, settings.kernel.points))
    return of_a_layer(settings.init, x, settings, exponent=0.5) or of_points(x)


def law_per_time(settings: Kernel) -> Isotropic:
    """The law of the weights per unit of time."""
    init = sizes_of_law(settings)
    return Isotropic(init.sigma_w, init.sigma_b)


def where(settings: Kernel) -> dict[str, Any]:
    """Device and dtype of sampled networks."""
    return {"device": device.resolve(settings.device), "dtype": getattr(torch, settings.dtype)}


def read_in(
    settings: Kernel, gram: Float[Tensor, "n n"], width: int, stream: Stream, count: int
) -> Float[Tensor, "r n d"]:
    """`x_0 = A z` of networks with read-ins of their own, `A_ij ~ N(0, 1/d_in)`: rows with covariance `gram`."""
    values, vectors = torch.linalg.eigh(gram)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    Z = normals((len(gram), width), stream, replicas=count, **where(settings))
    return product(root.to(Z).expand(count, *root.shape), Z, first=stream.first_replica)


def network_of(settings: Kernel, depth: int, width: int) -> NtkNetwork:
    """The network with full weight matrices, trained or differentiated."""
    init = sizes_of_law(settings)
    return NtkNetwork(
        settings.activation,
        depth,
        width,
        settings.horizon,
        init.sigma_w,
        init.sigma_b,
        settings.kernel.read_in,
        settings.kernel.readout,
    )


KEYS_OF_KERNELS = ("seed", "horizon", "activation", "init", "data", "kernel.read_in", "kernel.readout")
"""What kernels and their points depend on, besides the depth."""


def key_of_kernels(settings: Kernel, *names: str, **more: Any) -> dict[str, Any]:
    """The key of a solution that jobs share: what its kernels depend on, the keys of these names, and more."""
    return {**chosen_keys(settings, (*KEYS_OF_KERNELS, *names)), **more}


# -- estimates ------------------------------------------------------------------------------------


def array_of_columns(rows: Iterable[Sequence[float]]) -> np.ndarray:
    """An array whose columns are these."""
    return np.ascontiguousarray(np.array(list(rows), dtype=float).T)
