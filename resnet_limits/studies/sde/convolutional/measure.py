"""`sde.convolutional.*`: convolutional networks on 4x4 patches of real images, 3x3 taps, zero padding.

limit       tanh: matrix exponential; swish: closed ODE with drift
recursion   infinitely wide networks of depth L, exact: of order 1 in depth
networks    wide ones; the infinitely wide one on the same normals, whose mean is known, takes their noise away
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ....errors import MeasurementError
from ....limits.overlaps import linear_flow, moment_flow, moment_step
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....paths.laws.iid import Iid
from ....random import Stream, normals
from ....sampling.convolution import Stencil
from ....sampling.wide import gram, pre_activations
from ..control import bias_of_depth, differenced, half
from ..images import patches, source
from ..outside import sizes
from .claims import LATTICE, PADDING, PINS, SIDE, TAPS, WIDE


@dataclass
class Walk:
    """Networks `x` and the infinitely wide one on the same noise `y`, with its moments, of one activation."""

    phi: str
    x: Float[Tensor, "r p d"]
    y: Float[Tensor, "r p d"]
    mean: Float[Tensor, " p"]
    overlaps: Float[Tensor, "p p"]

    def step(self, stencil: Stencil, own: Iid, h: float, Z: Float[Tensor, "r p d"]) -> None:
        phi, sizes = activation_named(self.phi), {"sigma_w": own.sigma_w, "sigma_b": own.sigma_b}
        self.x = self.x + phi(pre_activations(h * stencil.covariance(gram(self.x), **sizes), Z))
        ideal = h * stencil.covariance(self.overlaps, **sizes)
        self.y = self.y + phi(pre_activations(ideal[None].to(Z.device), Z))
        self.mean, self.overlaps = moment_step(self.phi, self.mean, self.overlaps, ideal)


def measure(job: Job) -> Measurement:
    """Overlaps of networks against the limits, and errors of the infinitely wide ones."""
    settings, own = job.settings, sizes(job.settings)
    depth, horizon = settings.depth, settings.horizon
    stencil = Stencil(SIDE, SIDE, TAPS, PADDING, inputs=settings.sde.inputs)
    x0 = patches(settings, side=SIDE, width=WIDE)
    m0, start = x0.double().mean(dim=1).cpu(), gram(x0[None])[0].cpu()
    networks = max(settings.replicas // 32, 2)
    limits = {}
    for phi in PINS:
        job.progress(0.0, f"convolution, limit of {phi}")
        if (limit := limit_of(phi, stencil, own, m0, start, horizon)) is not None:
            limits[phi] = limit
    x = x0.expand(networks, *x0.shape)
    walks = [Walk(phi, x, x, m0, start) for phi in limits]
    for k in range(depth if walks else 0):
        job.progress(k / depth, "convolution, layers")
        stream = Stream(settings.seed, f"sde.convolutional {depth}", k)
        Z = normals(tuple(x0.shape), stream, replicas=networks, dtype=x0.dtype, device=x0.device)
        for walk in walks:
            walk.step(stencil, own, horizon / depth, Z)
    records = []
    for walk in walks:
        m, overlaps, reference_error = limits[walk.phi]
        coordinates = {"scheme": walk.phi, "images": source(settings.data).name, **LATTICE, **PINS[walk.phi]}
        size = float(overlaps.abs().max())
        error = float((walk.overlaps - overlaps).abs().max()) / size
        records.append(
            Record("convolution_error", error, reference_error=reference_error / size, coordinates=coordinates)
        )
        target = _movement(m, overlaps, m0, start)
        coarse = _movement(*_recursion(walk.phi, stencil, own, m0, start, horizon, half(depth)), m0, start)
        ideal = _movement(walk.mean, walk.overlaps, m0, start)
        moved, control = gram(walk.x - x0).cpu(), gram(walk.y - x0).cpu()
        for observable, weights in (("convolution_overlap", target), ("convolution_pattern", target - target.mean())):
            size = float((target * weights).sum())
            if size > 1e-12 * float(target.square().sum()):
                known = float((ideal * weights).sum()) / size
                values, controls = ((its * weights).sum(dim=(1, 2)) / size for its in (moved, control))
                value, stderr = mean(differenced(values, controls, known))
                bias = bias_of_depth(known, float((coarse * weights).sum()) / size, 1.0, depth)
                numbers = {"stderr": stderr, "reference_error": bias, "replicas": networks}
                records.append(Record(observable, value, coordinates=coordinates, **numbers))
    return Measurement(records)


def _recursion(
    phi: str, stencil: Stencil, own: Iid, m: Tensor, overlaps: Tensor, horizon: float, depth: int
) -> tuple[Tensor, Tensor]:
    """`(m_L, L_L)` of the infinitely wide network of this depth."""
    for _ in range(depth):
        covariance = stencil.covariance(overlaps, sigma_w=own.sigma_w, sigma_b=own.sigma_b)
        m, overlaps = moment_step(phi, m, overlaps, horizon / depth * covariance)
    return m, overlaps


def limit_of(
    phi: str, stencil: Stencil, own: Iid, m0: Tensor, start: Tensor, horizon: float
) -> tuple[Tensor, Tensor, float] | None:
    """`(m_T, L_T, error)`; None where they explode before."""

    def covariance(overlaps: Tensor) -> Tensor:
        return stencil.covariance(overlaps, sigma_w=own.sigma_w, sigma_b=own.sigma_b)

    try:
        m, overlaps, error = moment_flow(phi, m0, start, covariance, horizon)
    except MeasurementError:
        return None
    if activation_named(phi).taylor() != (1.0, 0.0):
        return m, overlaps, error
    exact = linear_flow(stencil.generator(), start, horizon, rate=own.sigma_w**2, source=own.sigma_b**2)
    return m, exact, float((exact - overlaps).abs().max())


def _movement(m: Tensor, overlaps: Tensor, m0: Tensor, start: Tensor) -> Tensor:
    """Mean of `<x_p - x_p0, x_q - x_q0>/D` at infinite width: `x_p` moves by a drift along 1, and noise."""
    cross = torch.outer(m0, m - m0)
    return overlaps - start - cross - cross.T
