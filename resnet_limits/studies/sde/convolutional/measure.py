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
from ....sampling.law import Isotropic
from ....sampling.pieces import on_tape
from ....sampling.wide import gram, pre_activations
from ..control import bias_of_depth, differenced, half
from ..images import patches, source
from ..outside import sizes
from ..settings import Sde
from .claims import LATTICE, PADDING, PINS, SIDE, TAPS

FEWEST = 64
"""Networks with all their filters, at least; and those whose costates and noise are followed."""
SOURCES = ((0, 0), (1, 1))
"""Positions, row and column, at which the losses of the images in turn see the output: a corner, and one inside."""


@dataclass(frozen=True)
class ConvolutionalLimit:
    """What is measured for one activation: inputs, their moments, the limit `(m_T, L_T)` and the error of that."""

    phi: str
    settings: Sde
    own: IidLaw
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
        return {"scheme": self.phi, "images": images, **LATTICE, **PINS[self.phi]}

    def moments(self, depth: int) -> tuple[Tensor, Tensor]:
        """`(m_L, L_L)` of the infinitely wide network of this depth."""
        return _recursion(self.phi, self.stencil, self.own, self.m0, self.start, self.settings.horizon, depth)

    def movement(self, m: Tensor, overlaps: Tensor) -> Float[Tensor, "p p"]:
        """Mean of `<x_p - x_p0, x_q - x_q0>/D` at infinite width: `x_p` moves by a drift along 1, and noise."""
        cross = torch.outer(self.m0, m - self.m0)
        return overlaps - self.start - cross - cross.T


def measure(job: Job) -> Measurement:
    """Overlaps of networks against the limits, and errors of the infinitely wide ones."""
    records = []
    for phi, its in (("tanh", _with_filters), ("swish", _wide)):
        job.progress(0.0, f"convolution, limit of {phi}")
        if (setting := setting_of(phi, job.settings)) is not None:
            records += its(job, setting)
    return Measurement(records)


def setting_of(phi: str, settings: Sde) -> ConvolutionalLimit | None:
    """None where the limit explodes before the horizon."""
    stencil = Stencil(SIDE, SIDE, TAPS, PADDING, inputs=settings.sde.inputs)
    x0, own = patches(settings, side=SIDE, width=PINS[phi]["width"]), sizes(settings)
    m0, start = x0.double().mean(dim=1).cpu(), gram(x0[None])[0].cpu()
    limit = limit_of(phi, stencil, own, m0, start, settings.horizon)
    return None if limit is None else ConvolutionalLimit(phi, settings, own, stencil, x0, m0, start, *limit)


def _error(its: ConvolutionalLimit, overlaps: Tensor) -> Record:
    """Of infinitely wide networks."""
    size = float(its.overlaps.abs().max())
    error = float((overlaps - its.overlaps).abs().max()) / size
    where = {"reference_error": its.error / size, "coordinates": its.coordinates}
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

    def record(self, its: ConvolutionalLimit, values: Tensor, control: Tensor, known: float) -> list[Record]:
        """From what is seen of each network and of a control of known mean; none where the weights see nothing."""
        if not self.size > 1e-12 * float(self.target.square().sum()):
            return []
        value, stderr = mean(differenced(values, control, known))
        here, before = (float(self.seen(products)) for products in self.at_depth)
        bias = bias_of_depth(here, before, 1.0, its.settings.depth)
        numbers = {"stderr": stderr, "reference_error": bias, "replicas": len(values)}
        return [Record(self.observable, value, coordinates=its.coordinates, **numbers)]


def _overlap_and_pattern(its: ConvolutionalLimit, here: Float[Tensor, "p p"]) -> tuple[Slope, Slope]:
    """Of the movement, without and with an intercept; `here`: that of infinitely wide networks of this depth."""
    target = its.movement(its.m, its.overlaps)
    at_depth = here, its.movement(*its.moments(half(its.settings.depth)))
    return (
        Slope("convolution_overlap", target, target, at_depth),
        Slope("convolution_pattern", target, target - target.mean(), at_depth),
    )


# -- tanh: networks with all their filters ------------------------------------------------------------


def _with_filters(job: Job, its: ConvolutionalLimit) -> list[Record]:
    m, overlaps = its.moments(its.settings.depth)
    slopes = _overlap_and_pattern(its, its.movement(m, overlaps))
    moved: list[list[Tensor]] = [[] for _ in slopes]
    summed: list[list[Tensor]] = [[] for _ in slopes]
    noise, back = [], []
    for first, network in _networks(job, its):
        states = [positions(x) for x in network.states]
        end, increments = gram(states[-1] - states[0]).cpu(), _increments(states)
        for slope, *found in zip(slopes, moved, summed, strict=True):
            for its_values, products in zip(found, (end, increments), strict=True):
                its_values.append(slope.seen(products))
        if first < FEWEST:
            noise.append((increments[:FEWEST], _expected([x[:FEWEST] for x in states], its)))
            back.append(backward_of(network))
    records = [_error(its, overlaps)]
    for slope, *found in zip(slopes, moved, summed, strict=True):
        values, increments = map(torch.cat, found)
        records += slope.record(its, values, values - increments, 0.0)
    return records + _noise(its, *map(torch.cat, zip(*noise, strict=True))) + _backward(its, back)


def _networks(job: Job, its: ConvolutionalLimit) -> Iterator[tuple[int, Filtered]]:
    """Networks, as many at a time as fit on the tape, with the number of the first."""
    settings = its.settings
    x0 = on_a_lattice(its.x0.double(), settings.sde.inputs, SIDE, SIDE)
    networks = max(settings.replicas // 8, FEWEST)
    for first, count in on_tape(networks, settings.depth * numbers_a_layer(x0, TAPS)):
        job.progress(first / networks, "convolution, filters")
        yield (
            first,
            Filtered(
                its.phi,
                x0,
                Isotropic(its.own.sigma_w, its.own.sigma_b),
                size=TAPS,
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
        total = total + gram(after - before).cpu()
    return total


def _expected(states: list[Float[Tensor, "r p d"]], its: ConvolutionalLimit) -> Float[Tensor, "r p p"]:
    """The same by the covariance of the limit at these states: `h v_pq/(1 + h v_pp + h v_qq)`, of tanh up to h^3."""
    h, total = its.settings.horizon / its.settings.depth, torch.zeros((), dtype=torch.float64)
    for x in states[:-1]:
        C = h * its.stencil.covariance(gram(x).cpu(), sigma_w=its.own.sigma_w, sigma_b=its.own.sigma_b)
        v = C.diagonal(dim1=1, dim2=2)
        total = total + C / (1 + v[:, :, None] + v[:, None, :])
    return total


def _noise(its: ConvolutionalLimit, found: Float[Tensor, "r p p"], expected: Float[Tensor, "r p p"]) -> list[Record]:
    """The slope of one on the other, with an intercept: a ratio of means."""
    weights = expected.mean(dim=0)
    weights = weights - weights.mean()
    realised, predicted = ((products * weights).sum(dim=(1, 2)) for products in (found, expected))
    size = float(predicted.mean())
    if its.own.sigma_w == 0:
        return []
    value = float(realised.mean()) / size
    _, stderr = mean((realised - value * predicted) / size)
    return [Record("convolution_noise", value, stderr, coordinates=its.coordinates, replicas=len(found))]


def backward_of(network: Filtered) -> tuple[Float[Tensor, "r p p"], Float[Tensor, "r p p"], Float[Tensor, "r p p"]]:
    """`<p_p - p_pT, p_q - p_qT>/D` at the input, its sum over the layers, and `<p_pT, p_qT>/D`."""
    p = torch.zeros_like(network.states[-1])
    for i in range(p.shape[1]):
        row, column = SOURCES[i % len(SOURCES)]
        p[:, i, :, row, column] = 1
    costates = [positions(its) for its in network.costates(p)]
    end = costates[0]
    return gram(costates[-1] - end).cpu(), _increments(costates), gram(end).cpu()


def _backward(its: ConvolutionalLimit, back: list[tuple[Tensor, Tensor, Tensor]]) -> list[Record]:
    if its.own.sigma_w == 0:
        return []
    settings, rate, end = its.settings, its.own.sigma_w**2, back[0][2][0]
    target = linear_flow(its.stencil.generator().T.tocsr(), end, settings.horizon, rate=rate, source=0.0) - end
    here, before = (costates_at_depth(its, end, depth) - end for depth in (settings.depth, half(settings.depth)))
    slope = Slope("convolution_costate", target, target, (here, before))
    moved = torch.cat([slope.seen(products) for products, _, _ in back])
    summed = torch.cat([slope.seen(products) for _, products, _ in back])
    return slope.record(its, moved, moved - summed, 0.0)


def costates_at_depth(its: ConvolutionalLimit, end: Float[Tensor, "p p"], depth: int) -> Float[Tensor, "p p"]:
    """`C_0` of infinitely wide networks of a depth, tanh: a layer has `E phi'(z_p) phi'(z_q)`, to first order in h
    `1/(1 + h v_pp + h v_qq)`."""
    own, h = its.own, its.settings.horizon / depth
    slopes, overlaps = [], its.start
    for _ in range(depth):
        C = h * its.stencil.covariance(overlaps, sigma_w=own.sigma_w, sigma_b=own.sigma_b)
        slopes.append(1 / (1 + C.diagonal()[:, None] + C.diagonal()))
        overlaps = overlaps + C
    for slope in slopes[::-1]:
        end = end + h * its.stencil.covariance(slope * end, sigma_w=own.sigma_w, sigma_b=0.0)
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

    def step(self, stencil: Stencil, own: IidLaw, h: float, Z: Float[Tensor, "r p d"]) -> None:
        phi, sizes = activation_named(self.phi), {"sigma_w": own.sigma_w, "sigma_b": own.sigma_b}
        self.x = self.x + phi(pre_activations(h * stencil.covariance(gram(self.x), **sizes), Z))
        ideal = h * stencil.covariance(self.overlaps, **sizes)
        self.y = self.y + phi(pre_activations(ideal[None].to(Z.device), Z))
        self.mean, self.overlaps = moment_step(self.phi, self.mean, self.overlaps, ideal)


def _wide(job: Job, its: ConvolutionalLimit) -> list[Record]:
    settings, depth, x0 = its.settings, its.settings.depth, its.x0
    networks = max(settings.replicas // 32, 2)
    x = x0.expand(networks, *x0.shape)
    walk = Walk(its.phi, x, x, its.m0, its.start)
    for k, Z in _noises(job, x0, networks):
        job.progress(k / depth, "convolution, layers")
        walk.step(its.stencil, its.own, settings.horizon / depth, Z)
    records, ideal = [_error(its, walk.overlaps)], its.movement(walk.mean, walk.overlaps)
    moved, control = gram(walk.x - x0).cpu(), gram(walk.y - x0).cpu()
    for slope in _overlap_and_pattern(its, ideal):
        records += slope.record(its, slope.seen(moved), slope.seen(control), float(slope.seen(ideal)))
    return records


def _noises(job: Job, x0: Float[Tensor, "p d"], networks: int) -> Iterator[tuple[int, Float[Tensor, "r p d"]]]:
    for k in range(job.settings.depth):
        stream = Stream(job.settings.seed, f"sde.convolutional {job.settings.depth}", k)
        yield k, normals(tuple(x0.shape), stream, replicas=networks, dtype=x0.dtype, device=x0.device)


# -- infinite width -------------------------------------------------------------------------------------


def _recursion(
    phi: str, stencil: Stencil, own: IidLaw, m: Tensor, overlaps: Tensor, horizon: float, depth: int
) -> tuple[Tensor, Tensor]:
    """`(m_L, L_L)` of the infinitely wide network of this depth."""
    for _ in range(depth):
        covariance = stencil.covariance(overlaps, sigma_w=own.sigma_w, sigma_b=own.sigma_b)
        m, overlaps = moment_step(phi, m, overlaps, horizon / depth * covariance)
    return m, overlaps


def limit_of(
    phi: str, stencil: Stencil, own: IidLaw, m0: Tensor, start: Tensor, horizon: float
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
