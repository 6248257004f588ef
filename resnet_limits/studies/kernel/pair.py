"""Networks of finite width and depth, and the kernel of both infinite, as functions of points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...engines import default_engine
from ...limits.kernel import LimitKernel
from ...limits.pair_kernel import mean_square
from ...networks.activations import activation_named
from ...random import Stream, normals
from ...sampling.schemes import ShallowNetwork, Walker
from ..pair import PairedSample
from .kernels import limit_kernel
from .problem import first_points, law_per_time, overlaps_after_read_in, read_in, standardised_dataset, where
from .settings import Kernel


@dataclass(frozen=True)
class ReadOutNetworks:
    """`y = V x_L/sqrt(D)` of `replicas` networks, called on points z (n, f) -> (r, n); weights are drawn for the points
    of a call."""

    settings: Kernel

    def __call__(self, z: Any) -> Float[Tensor, "r n"]:
        """One output of points (n, f), or of one (f,): a tensor, an array or lists."""
        settings, x = self.settings, _points(z)
        walker = Walker(ShallowNetwork(settings.activation), settings.depth)
        gram, width, kind = overlaps_after_read_in(x), settings.width, where(settings)
        engine, outputs = default_engine(), []
        for first, count in engine.pieces(settings.replicas, vectors=len(x), width=width, dtype=kind["dtype"]):
            stream = Stream(settings.seed, "kernel.pair", first_replica=first)
            start = read_in(settings, gram, width, stream.part(" A"), count)
            (end,) = engine.final([walker], start, law_per_time(settings), horizon=settings.horizon, stream=stream)
            V = normals((1, width), stream.part(" V"), replicas=count, **kind)
            outputs.append((end * V).sum(dim=-1) / math.sqrt(width))
        return torch.cat(outputs)


def network(settings: Kernel) -> ReadOutNetworks:
    """`replicas` networks of the settings, of the largest width."""
    return ReadOutNetworks(settings)


def limit(settings: Kernel) -> LimitKernel:
    """The NNGP of infinite width and depth, for points no larger than those of the data set; the tangent kernel is
    `dataclasses.replace(kernel, kind="ntk")`. Raises `SettingError` where there is none."""
    _, curvature = activation_named(settings.activation).taylor()
    whole = standardised_dataset(settings) if curvature else None
    largest = max(float(mean_square(x).max()) for x in (whole.x_train, whole.x_test)) if whole else 0.0
    return limit_kernel(settings, "nngp", largest)


def sample(settings: Kernel, x0: Any = None) -> PairedSample:
    """Outputs (r, n) of networks and of the Gaussian process, each with draws of its own; of the first training points
    unless others are given."""
    z = first_points(settings, settings.kernel.inputs) if x0 is None else _points(x0)
    kernel = limit_kernel(settings, "nngp", float(mean_square(z).max()))
    values, vectors = torch.linalg.eigh(kernel(z, z))
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    draws = normals((len(z),), Stream(settings.seed, "kernel.pair limit"), replicas=settings.replicas)
    return PairedSample(z, network(settings)(z), draws @ root, paired=False)


def _points(z: Any) -> Float[Tensor, "n f"]:
    return torch.atleast_2d(torch.as_tensor(z).double())
