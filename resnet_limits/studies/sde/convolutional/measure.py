"""`sde.convolutional.*`: convolutional networks on 4x4 patches of real images, 3x3 taps, zero padding.

limit       tanh: matrix exponential; swish: closed ODE with drift
recursion   infinitely wide networks of depth L, exact: of order 1 in depth
filters     tanh: torch's convolutions with all their filters, of few channels, which share nothing with the stencil of
            the limit. The equation of the overlaps is linear and holds at any width (derived: Ito's formula, the
            increments of a layer being independent of the states). phi being odd, the increments of different layers
            are uncorrelated: `E<x_p - x_p0, x_q - x_q0> = sum_k E<dx_p, dx_q>`, which has a tenth of the noise.
costates    of these networks, by autograd. For `J(x_L)` linear, `C_pq = E<p_p, p_q>/D` obeys the transposed equation
            without source, `-C' = sigma_w^2 A^T C` (derived: to first order `p_k = p_{k+1} + W_k^T p_{k+1}`, W_k fresh)
wide        swish: wide networks on their covariances; the infinitely wide one on the same normals, whose mean is known,
            takes their noise away
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from ....errors import MeasurementError
from ....limits.overlaps import linear_flow, moment_flow, moment_step
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....paths.laws.iid import IidLaw
from ....random import Stream, normals
from ....sampling.convolution import Stencil
from ....sampling.filters import Filtered, numbers_a_layer, on_a_lattice, positions
from ....sampling.layer_law import Isotropic
from ....sampling.pieces import on_tape
from ....sampling.wide import mean_gram, pre_activations
from ..control import bias_of_depth, differenced, half
from ..images import patches, source
from ..outside import sizes
from ..settings import Sde
from .claims import LATTICE, PADDING, PINS_BY_ACTIVATION, PIXELS_A_SIDE, TAPS_A_SIDE

MIN_NETWORKS_WITH_FILTERS = 64
"""Networks with all their filters, at least; and those whose costates and noise are followed."""
SOURCE_POSITIONS = ((0, 0), (1, 1))
"""Positions, row and column, at which the losses of the images in turn see the output: a corner, and one inside."""


@dataclass(frozen=True)
class ConvolutionalLimit:
    """What is measured for one activation: inputs, their moments, the limit `(m_T, L_T)` and the error of that."""

    phi: str
    settings: Sde
    init: IidLaw
    stencil: Stencil
    x0: Float[Tensor, "p d"]
    m0: Float[Tensor, " p"]
    start: Float[Tensor, "p p"]
    m: Float[Tensor, " p"]
    overlaps: Float[Tensor, "p p"]
    error: float

    @property
    def coordinates(self) -> dict[str, object]:
        images = source(self.settings.data).name
        return {"scheme": self.phi, "images": images, **LATTICE, **PINS_BY_ACTIVATION[self.phi]}

    def moments(self, depth: int) -> tuple[Tensor, Tensor]:
        """`(m_L, L_L)` of the infinitely wide network of this depth."""
        return _recursion(self.phi, self.stencil, self.init, self.m0, self.start, self.settings.horizon, depth)

    def movement(self, m: Tensor, overlaps: Tensor) -> Float[Tensor, "p p"]:
        """Mean of `<x_p - x_p0, x_q - x_q0>/D` at infinite width: `x_p` moves by a drift along 1, and noise."""
        cross = torch.outer(self.m0, m - self.m0)
        return overlaps - self.start - cross - cross.T


def measure(job: Job) -> Measurement:
    """Overlaps of networks against the limits, and errors of the infinitely wide ones."""
    records = []
    for phi, measured_by in (("tanh", _with_filters), ("swish", _wide)):
        job.progress(0.0, f"convolution, limit of {phi}")
        if (setting := setting_of_limit(phi, job.settings)) is not None:
            records += measured_by(job, setting)
    return Measurement(records)


def setting_of_limit(phi: str, settings: Sde) -> ConvolutionalLimit | None:
    """None where the limit explodes before the horizon."""
    stencil = Stencil(PIXELS_A_SIDE, PIXELS_A_SIDE, TAPS_A_SIDE, PADDING, inputs=settings.sde.inputs)
    x0, init = patches(settings, side=PIXELS_A_SIDE, width=PINS_BY_ACTIVATION[phi]["width"]), sizes(settings)
    m0, start = x0.double().mean(dim=1).cpu(), mean_gram(x0[None])[0].cpu()
    limit = limit_of_overlaps(phi, stencil, init, m0, start, settings.horizon)
    return None if limit is None else ConvolutionalLimit(phi, settings, init, stencil, x0, m0, start, *limit)


def _error(limit: ConvolutionalLimit, overlaps: Tensor) -> Record:
    """Of infinitely wide networks."""
    size = float(limit.overlaps.abs().max())
    error = float((overlaps - limit.overlaps).abs().max()) / size
    where = {"reference_error": limit.error / size, "coordinates": limit.coordinates}
    return Record("convolution_error", error, **where)


@dataclass(frozen=True)
class Slope:
    """The slope of products (r, p, p) of networks regressed on a target (p, p).

    `at_depth`: the target at the depth of the networks and at half of it, infinitely wide.
    """

    observable: str
    target: Float[Tensor, "p p"]
    weights: Float[Tensor, "p p"]
    at_depth: tuple[Tensor, Tensor]

    @property
    def size(self) -> float:
        return float((self.target * self.weights).sum())

    def seen(self, products: Float[Tensor, "*r p p"]) -> Float[Tensor, " *r"]:
        return (products * self.weights).sum(dim=(-2, -1)) / self.size

    def record(self, limit: ConvolutionalLimit, values: Tensor, control: Tensor, known: float) -> list[Record]:
        """From what is seen of each network and of a control of known mean; none where the weights see nothing."""
        if not self.size > 1e-12 * float(self.target.square().sum()):
            return []
        value, stderr = mean(differenced(values, control, known))
        here, before = (float(self.seen(products)) for products in self.at_depth)
        bias = bias_of_depth(here, before, 1.0, limit.settings.depth)
        numbers = {"stderr": stderr, "reference_error": bias, "replicas": len(values)}
        return [Record(self.observable, value, coordinates=limit.coordinates, **numbers)]


def _overlap_and_pattern(limit: ConvolutionalLimit, here: Float[Tensor, "p p"]) -> tuple[Slope, Slope]:
    """Of the movement, without and with an intercept; `here`: that of infinitely wide networks of this depth."""
    target = limit.movement(limit.m, limit.overlaps)
    at_depth = here, limit.movement(*limit.moments(half(limit.settings.depth)))
    return (
        Slope("convolution_overlap", target, target, at_depth),
        Slope("convolution_pattern", target, target - target.mean(), at_depth),
    )


# -- tanh: networks with all their filters ------------------------------------------------------------


def _with_filters(job: Job, limit: ConvolutionalLimit) -> list[Record]:
    m, overlaps = limit.moments(limit.settings.depth)
    slopes = _overlap_and_pattern(limit, limit.movement(m, overlaps))
    moved: list[list[Tensor]] = [[] for _ in slopes]
    summed: list[list[Tensor]] = [[] for _ in slopes]
    noise, back = [], []
    for first, network in _networks(job, limit):
        states = [positions(x) for x in network.states]
        end, increments = mean_gram(states[-1] - states[0]).cpu(), _increments(states)
        for slope, *parts in zip(slopes, moved, summed, strict=True):
            for its_values, products in zip(parts, (end, increments), strict=True):
                its_values.append(slope.seen(products))
        if first < MIN_NETWORKS_WITH_FILTERS:
            noise.append(
                (
                    increments[:MIN_NETWORKS_WITH_FILTERS],
                    _expected([x[:MIN_NETWORKS_WITH_FILTERS] for x in states], limit),
                )
            )
            back.append(backward_of(network))
    records = [_error(limit, overlaps)]
    for slope, *parts in zip(slopes, moved, summed, strict=True):
        values, increments = map(torch.cat, parts)
        records += slope.record(limit, values, values - increments, 0.0)
    return records + _noise(limit, *map(torch.cat, zip(*noise, strict=True))) + _backward(limit, back)


def _networks(job: Job, limit: ConvolutionalLimit) -> Iterator[tuple[int, Filtered]]:
    """Networks, as many at a time as fit on the tape, with the number of the first."""
    settings = limit.settings
    x0 = on_a_lattice(limit.x0.double(), settings.sde.inputs, PIXELS_A_SIDE, PIXELS_A_SIDE)
    networks = max(settings.replicas // 8, MIN_NETWORKS_WITH_FILTERS)
    for first, count in on_tape(networks, settings.depth * numbers_a_layer(x0, TAPS_A_SIDE)):
        job.progress(first / networks, "convolution, filters")
        yield (
            first,
            Filtered(
                limit.phi,
                x0,
                Isotropic(limit.init.sigma_w, limit.init.sigma_b),
                size=TAPS_A_SIDE,
                depth=settings.depth,
                horizon=settings.horizon,
                replicas=count,
                stream=Stream(settings.seed, f"sde.convolutional.filters {settings.depth}", first_replica=first),
            ),
        )


def _increments(states: list[Float[Tensor, "r p d"]]) -> Float[Tensor, "r p p"]:
    """`sum_k <dx_p, dx_q>/D`"""
    total = torch.zeros((), dtype=torch.float64)
    for before, after in pairwise(states):
        total = total + mean_gram(after - before).cpu()
    return total


def _expected(states: list[Float[Tensor, "r p d"]], limit: ConvolutionalLimit) -> Float[Tensor, "r p p"]:
    """The same by the covariance of the limit at these states: `h v_pq/(1 + h v_pp + h v_qq)`, of tanh up to h^3."""
    h, total = limit.settings.horizon / limit.settings.depth, torch.zeros((), dtype=torch.float64)
    for x in states[:-1]:
        C = h * limit.stencil.covariance(mean_gram(x).cpu(), sigma_w=limit.init.sigma_w, sigma_b=limit.init.sigma_b)
        v = C.diagonal(dim1=1, dim2=2)
        total = total + C / (1 + v[:, :, None] + v[:, None, :])
    return total


def _noise(
    limit: ConvolutionalLimit, realised_products: Float[Tensor, "r p p"], expected: Float[Tensor, "r p p"]
) -> list[Record]:
    """The slope of one on the other, with an intercept: a ratio of means."""
    weights = expected.mean(dim=0)
    weights = weights - weights.mean()
    realised, predicted = ((products * weights).sum(dim=(1, 2)) for products in (realised_products, expected))
    size = float(predicted.mean())
    if limit.init.sigma_w == 0:
        return []
    value = float(realised.mean()) / size
    _, stderr = mean((realised - value * predicted) / size)
    return [Record("convolution_noise", value, stderr, coordinates=limit.coordinates, replicas=len(realised_products))]


def backward_of(network: Filtered) -> tuple[Float[Tensor, "r p p"], Float[Tensor, "r p p"], Float[Tensor, "r p p"]]:
    """`<p_p - p_pT, p_q - p_qT>/D` at the input, its sum over the layers, and `<p_pT, p_qT>/D`."""
    p = torch.zeros_like(network.states[-1])
    for i in range(p.shape[1]):
        row, column = SOURCE_POSITIONS[i % len(SOURCE_POSITIONS)]
        p[:, i, :, row, column] = 1
    costates = [positions(costate) for costate in network.costates(p)]
    end = costates[0]
    return mean_gram(costates[-1] - end).cpu(), _increments(costates), mean_gram(end).cpu()


def _backward(limit: ConvolutionalLimit, back: list[tuple[Tensor, Tensor, Tensor]]) -> list[Record]:
    if limit.init.sigma_w == 0:
        return []
    settings, rate, end = limit.settings, limit.init.sigma_w**2, back[0][2][0]
    target = linear_flow(limit.stencil.generator().T.tocsr(), end, settings.horizon, rate=rate, source=0.0) - end
    here, before = (costates_at_depth(limit, end, depth) - end for depth in (settings.depth, half(settings.depth)))
    slope = Slope("convolution_costate", target, target, (here, before))
    moved = torch.cat([slope.seen(products) for products, _, _ in back])
    summed = torch.cat([slope.seen(products) for _, products, _ in back])
    return slope.record(limit, moved, moved - summed, 0.0)


def costates_at_depth(limit: ConvolutionalLimit, end: Float[Tensor, "p p"], depth: int) -> Float[Tensor, "p p"]:
    """`C_0` of infinitely wide networks of a depth, tanh: a layer has `E phi'(z_p) phi'(z_q)`, to first order in h
    `1/(1 + h v_pp + h v_qq)`."""
    init, h = limit.init, limit.settings.horizon / depth
    slopes, overlaps = [], limit.start
    for _ in range(depth):
        C = h * limit.stencil.covariance(overlaps, sigma_w=init.sigma_w, sigma_b=init.sigma_b)
        slopes.append(1 / (1 + C.diagonal()[:, None] + C.diagonal()))
        overlaps = overlaps + C
    for slope in slopes[::-1]:
        end = end + h * limit.stencil.covariance(slope * end, sigma_w=init.sigma_w, sigma_b=0.0)
    return end


# -- swish: wide networks on their covariances ---------------------------------------------------------


@dataclass
class Walk:
    """Networks `x` and the infinitely wide one on the same noise `y`, with its moments, of one activation."""

    phi: str
    x: Float[Tensor, "r p d"]
    y: Float[Tensor, "r p d"]
    mean: Float[Tensor, " p"]
    overlaps: Float[Tensor, "p p"]

    def step(self, stencil: Stencil, init: IidLaw, h: float, Z: Float[Tensor, "r p d"]) -> None:
        phi, sizes = activation_named(self.phi), {"sigma_w": init.sigma_w, "sigma_b": init.sigma_b}
        self.x = self.x + phi(pre_activations(h * stencil.covariance(mean_gram(self.x), **sizes), Z))
        ideal = h * stencil.covariance(self.overlaps, **sizes)
        self.y = self.y + phi(pre_activations(ideal[None].to(Z.device), Z))
        self.mean, self.overlaps = moment_step(self.phi, self.mean, self.overlaps, ideal)


def _wide(job: Job, limit: ConvolutionalLimit) -> list[Record]:
    settings, depth, x0 = limit.settings, limit.settings.depth, limit.x0
    networks = max(settings.replicas // 32, 2)
    x = x0.expand(networks, *x0.shape)
    walk = Walk(limit.phi, x, x, limit.m0, limit.start)
    for k, Z in _noises(job, x0, networks):
        job.progress(k / depth, "convolution, layers")
        walk.step(limit.stencil, limit.init, settings.horizon / depth, Z)
    records, ideal = [_error(limit, walk.overlaps)], limit.movement(walk.mean, walk.overlaps)
    moved, control = mean_gram(walk.x - x0).cpu(), mean_gram(walk.y - x0).cpu()
    for slope in _overlap_and_pattern(limit, ideal):
        records += slope.record(limit, slope.seen(moved), slope.seen(control), float(slope.seen(ideal)))
    return records


def _noises(job: Job, x0: Float[Tensor, "p d"], networks: int) -> Iterator[tuple[int, Float[Tensor, "r p d"]]]:
    for k in range(job.settings.depth):
        stream = Stream(job.settings.seed, f"sde.convolutional {job.settings.depth}", k)
        yield k, normals(tuple(x0.shape), stream, replicas=networks, dtype=x0.dtype, device=x0.device)


# -- infinite width -------------------------------------------------------------------------------------


def _recursion(
    phi: str, stencil: Stencil, init: IidLaw, m: Tensor, overlaps: Tensor, horizon: float, depth: int
) -> tuple[Tensor, Tensor]:
    """`(m_L, L_L)` of the infinitely wide network of this depth."""
    for _ in range(depth):
        covariance = stencil.covariance(overlaps, sigma_w=init.sigma_w, sigma_b=init.sigma_b)
        m, overlaps = moment_step(phi, m, overlaps, horizon / depth * covariance)
    return m, overlaps


def limit_of_overlaps(
    phi: str, stencil: Stencil, init: IidLaw, m0: Tensor, start: Tensor, horizon: float
) -> tuple[Tensor, Tensor, float] | None:
    """`(m_T, L_T, error)`; None where they explode before."""

    def covariance(overlaps: Tensor) -> Tensor:
        return stencil.covariance(overlaps, sigma_w=init.sigma_w, sigma_b=init.sigma_b)

    try:
        m, overlaps, error = moment_flow(phi, m0, start, covariance, horizon)
    except MeasurementError:
        return None
    if activation_named(phi).taylor() != (1.0, 0.0):
        return m, overlaps, error
    exact = linear_flow(stencil.generator(), start, horizon, rate=init.sigma_w**2, source=init.sigma_b**2)
    return m, exact, float((exact - overlaps).abs().max())
