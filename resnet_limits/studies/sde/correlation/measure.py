"""`sde.correlation.*`: two inputs layer by layer, with and without the factor sqrt(h).

scaled              x <- x + phi(W psi(x) + b)     weights of size sqrt(h): a limit below 1, that depends on the inputs
feed-forward        x <- tanh(W x + b)             correlations go to 1
unscaled-tanh       x <- x + tanh(W x + b)         factor 1 in place of sqrt(h): they go to 0, norms grow linearly
unscaled-tanh-wide  the same, width 256            the order and the prefactor with which they go to 0
unscaled-swish      x <- x + swish(W x + b)        norms explode
unscaled-swish-wide the same, width 256            the rate

The rate at infinite width: far above 1 swish is relu, `E relu(z) = a |x|/sqrt(D)`, `a = sigma_w/sqrt(2 pi)`, and
`E relu(z)^2 = sigma_w^2/2 |x|^2/D`. With `r = mean_d x_d/(|x|/sqrt(D))` a layer multiplies `|x|^2` by
`g = 1 + 2 r a + sigma_w^2/2`, and r becomes `(r + a)/sqrt(g)`, which has a fixed point: log g = 0.397 at sigma_w = 0.5.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream
from ....sampling.schemes import ShallowNetwork, Walker
from ....sampling.wide import mean_gram
from .. import unscaled
from ..closed_forms import overlap
from ..finite_depth import overlaps as at_infinite_width
from ..outside import MAX_EXPONENT_IN_DOUBLE, growth, not_linear, sizes
from ..problem import finite_records, inputs
from ..settings import Sde
from ..unscaled_keys import PLAIN_CRITICAL, UNSCALED_SWISH, UNSCALED_TANH
from .claims import COSINES_TO_FIRST_INPUT, EXPONENT_OF_DECORRELATION, PAIR_NAMES, WIDTH_OF_DECORRELATION

INPUTS_OF_PAIRS = ((0, 2), (0, 1), (0, 3))
"""Of the four inputs, those of each pair."""
PAIR_OF_INPUTS = PAIR_NAMES.index("inputs")
WIDE_NETWORKS_A_REPLICA = 2
"""Wide networks for each of the key `replicas`, whose decorrelation is measured."""
REPLICAS_AN_EXPLODING_NETWORK, MIN_EXPLODING_NETWORKS = 8, 64
"""Keys `replicas` for each of those whose explosion is, and networks at least."""
MIN_TRUSTED_STDERR = 1e-8
"""Standard errors are not trusted below: they are differences of sums of squares."""


def measure(job: Job) -> Measurement:
    """Correlations by layer of the four kinds of networks, and what they are at the output."""
    settings, depth = job.settings, job.settings.depth
    kinds = {
        "scaled": unscaled.scaled(settings),
        "feed-forward": unscaled.without_the_factor(unscaled.FeedForward, depth, PLAIN_CRITICAL),
        "unscaled-tanh": unscaled.without_the_factor(ShallowNetwork, depth, UNSCALED_TANH),
        "unscaled-swish": unscaled.without_the_factor(
            ShallowNetwork, min(depth, unscaled.MAX_UNSCALED_LAYERS), UNSCALED_SWISH
        ),
    }
    alone = [*decorrelation(job), *explosion(job)]
    if settings.width == 1:  # a line has no angles
        return Measurement(finite_records(alone))
    x0, total = four_inputs(settings), Measurement()
    with np.errstate(invalid="ignore", divide="ignore"):  # of an input at the origin: no number, and no record
        total.extend(_correlations(job, kinds, x0))
    total.records = finite_records(total.records + alone)
    return total


def _correlations(job: Job, kinds: dict[str, unscaled.Sampled], x0: Float[Tensor, "4 d"]) -> Measurement:
    settings, depth, total = job.settings, job.settings.depth, Measurement()
    for i, (scheme, kind) in enumerate(kinds.items()):
        layers = [*unscaled.thinned(kind.depth), kind.depth]
        overlaps = sampled_overlaps(kind, kind.start(x0), layers, job, (i, len(kinds)))
        coordinates = {"scheme": scheme, **kind.pins}
        limit = closed_correlations(settings, x0, layers) if scheme == "scaled" else None
        total.arrays[f"correlation.{scheme}"] = np.vstack([layers, overlaps.correlation(np.eye(len(PAIR_NAMES)))[0]])
        total.records += by_layer(overlaps, layers, limit, coordinates)
        if limit is not None:
            total.arrays["correlation.limit"] = np.vstack([layers, limit])
            total.records += against_the_limit(settings, overlaps, limit[:, -1], x0)
        if scheme == "unscaled-tanh":
            value, stderr = (a / depth for a in overlaps.mean_square())
            total.records.append(Record("norm_growth", value, stderr=stderr, coordinates=coordinates))
    return total


def explosion(job: Job) -> list[Record]:
    """Growth of `log |x|^2` a layer over the second half of min(L, 128) layers, in wide swish networks without the
    factor."""
    settings, depth = job.settings, min(job.settings.depth, unscaled.MAX_UNSCALED_LAYERS)
    if depth < 2:
        return []
    kind, growths = unscaled.without_the_factor(ShallowNetwork, depth, UNSCALED_SWISH), []
    x0 = kind.start(four_inputs(settings, WIDTH_OF_DECORRELATION)[:1])
    engine, networks = default_engine(), max(settings.replicas // REPLICAS_AN_EXPLODING_NETWORK, MIN_EXPLODING_NETWORKS)
    for first, count in engine.pieces(networks, vectors=1, width=WIDTH_OF_DECORRELATION, dtype=x0.dtype):
        job.progress(first / networks, "explosion without the factor")
        stream = Stream(settings.seed, f"sde.correlation.explosion {depth}", first_replica=first)
        walker, start, ends = Walker(kind.scheme, depth), x0.expand(count, *x0.shape), (depth // 2, depth)
        steps = engine.walk([walker], start, kind.law, horizon=kind.horizon, stream=stream, layers=ends)
        sizes = {k: x[:, 0].double().norm(dim=-1).log() for k, (x,) in steps}
        growths.append(2 * (sizes[depth] - sizes[depth // 2]).cpu() / (depth - depth // 2))
    value, stderr = mean(torch.cat(growths))
    coordinates = {"scheme": "unscaled-swish-wide", "width": WIDTH_OF_DECORRELATION, **UNSCALED_SWISH}
    records = [Record("growth_rate", value, stderr, coordinates=coordinates, replicas=networks)]
    return [*records, Record("growth_layers", depth - depth // 2, coordinates=coordinates)]


def decorrelation(job: Job) -> list[Record]:
    """Correlation of two inputs at cosine 0.9 in wide tanh networks without the factor, and times `L^(1 - 2/pi)`."""
    settings, depth = job.settings, job.settings.depth
    kind = unscaled.without_the_factor(ShallowNetwork, depth, UNSCALED_TANH)
    x0 = kind.start(four_inputs(settings, WIDTH_OF_DECORRELATION)[[INPUTS_OF_PAIRS[0][0], INPUTS_OF_PAIRS[0][1]]])
    engine, networks, grams = default_engine(), WIDE_NETWORKS_A_REPLICA * settings.replicas, []
    for first, count in engine.pieces(networks, vectors=2, width=WIDTH_OF_DECORRELATION, dtype=x0.dtype):
        job.progress(first / networks, "decorrelation")
        (x,) = engine.final(
            [Walker(kind.scheme, depth)],
            x0.expand(count, *x0.shape),
            kind.law,
            horizon=kind.horizon,
            stream=Stream(settings.seed, f"sde.decorrelation {depth}", first_replica=first),
        )
        grams.append(mean_gram(x).cpu())
    overlaps = torch.cat(grams)
    mixed, p, q = overlaps[:, 0, 1], overlaps[:, 0, 0], overlaps[:, 1, 1]
    value = float(mixed.mean() / (p.mean() * q.mean()).sqrt())
    _, error = mean(mixed / mixed.mean() - p / p.mean() / 2 - q / q.mean() / 2)  # of the logarithm of the ratio
    coordinates = {"scheme": "unscaled-tanh-wide", "width": WIDTH_OF_DECORRELATION, **UNSCALED_TANH}
    numbers = {"decorrelation": 1.0, "decorrelation_prefactor": depth**EXPONENT_OF_DECORRELATION}
    return [
        Record(name, value * size, stderr=value * size * error, coordinates=coordinates, replicas=networks)
        for name, size in numbers.items()
    ]


def four_inputs(settings: Sde, width: int | None = None) -> Float[Tensor, "4 d"]:
    """The first two inputs, and two of the norm of the first at given cosines to it, in their plane."""
    x = inputs(settings, width=width, count=2)
    first = x[0] / x[0].norm()
    beside = x[1] - (x[1] @ first) * first
    if beside.norm() < 1e-6 * x[1].norm():  # no plane: any other direction will do
        other = torch.zeros_like(first)
        other[int(first.abs().argmin())] = 1.0
        beside = other - (other @ first) * first
    second = beside / beside.norm().clamp_min(1e-300)
    fan = [x[0].norm() * (cosine * first + math.sqrt(1 - cosine**2) * second) for cosine in COSINES_TO_FIRST_INPUT]
    return torch.stack([*x, *fan])


def closed_correlations(settings: Sde, x0: Float[Tensor, "4 d"], layers: list[int]) -> np.ndarray | None:
    """`lambda_t / sqrt(q_t q'_t)` of the pairs, (3, layers); None where the limit is not linear, or too large."""
    if not_linear(settings) is not None or growth(settings) > MAX_EXPONENT_IN_DOUBLE:
        return None
    start, init = initial_overlaps(x0), sizes(settings)
    times = np.array(layers) * settings.horizon / settings.depth
    mixed, p, q = (overlap(start[:, a, None], init.sigma_w, init.sigma_b, times) for a in range(3))
    return mixed / (np.sqrt(p) * np.sqrt(q))


def initial_overlaps(x0: Float[Tensor, "4 d"]) -> np.ndarray:
    """`lambda_0, q_0, q'_0` of the pairs, (3, 3)."""
    return _of_pairs(mean_gram(x0[None]).cpu())


def by_layer(
    overlaps: Overlaps, layers: list[int], exact: np.ndarray | None, coordinates: dict[str, Any]
) -> list[Record]:
    """Correlations of the first two inputs before each layer, and of all pairs at the output."""
    value, stderr = overlaps.correlation(np.eye(len(PAIR_NAMES)))
    reference = np.full_like(value, math.nan) if exact is None else exact
    return [
        Record(
            "correlation",
            value[pair, j],
            stderr=stderr[pair, j],
            reference=reference[pair, j],
            layer=layer if layer < layers[-1] else None,
            coordinates={"pair": name, **coordinates},
        )
        for pair, name in enumerate(PAIR_NAMES)
        for j, layer in enumerate(layers)
        if pair == PAIR_OF_INPUTS or layer == layers[-1]
    ]


def against_the_limit(settings: Sde, overlaps: Overlaps, exact: np.ndarray, x0: Tensor) -> list[Record]:
    """The observables at the output that are 0 or 1 in the limit, with what a depth takes from them."""
    value, stderr = (a[:, -1] for a in overlaps.correlation(np.eye(len(PAIR_NAMES))))
    apart, error = (a[0, -1] for a in overlaps.correlation(np.array([[1.0, 0.0, -1.0]])))
    shallow = _of_pairs(at_infinite_width(settings, x0)[-1:])
    at_depth = shallow[:, 0] / np.sqrt(shallow[:, 1] * shallow[:, 2])
    gap, spread, off = 1 - exact[0], exact[0] - exact[2], abs(at_depth - exact)
    spread_off = abs((at_depth[0] - at_depth[2]) / spread - 1)
    limit = limits(settings, x0)
    mean_square, overlap_size = limit[PAIR_OF_INPUTS, 1], math.sqrt(limit[PAIR_OF_INPUTS, 1] * limit[PAIR_OF_INPUTS, 2])
    mixed, mixed_error, p, p_error = overlaps.of(PAIR_OF_INPUTS)
    records = [
        Record(
            "correlation_error",
            value[PAIR_OF_INPUTS] - exact[PAIR_OF_INPUTS],
            stderr=stderr[PAIR_OF_INPUTS],
            reference_error=off[PAIR_OF_INPUTS],
        ),
        Record("correlation_difference", apart / spread, stderr=error / spread, reference_error=spread_off),
        Record(
            "norm_error",
            p / mean_square - 1,
            stderr=p_error / mean_square,
            reference_error=abs(shallow[PAIR_OF_INPUTS, 1] / mean_square - 1),
        ),
        Record(
            "overlap_error",
            (mixed - limit[PAIR_OF_INPUTS, 0]) / overlap_size,
            stderr=mixed_error / overlap_size,
            reference_error=abs(shallow[PAIR_OF_INPUTS, 0] - limit[PAIR_OF_INPUTS, 0]) / overlap_size,
        ),
    ]
    if sizes(settings).sigma_w > 0:
        gap_off = off[0] / gap
        records.append(Record("correlation_gap", (1 - value[0]) / gap, stderr=stderr[0] / gap, reference_error=gap_off))
    return records


def limits(settings: Sde, x0: Float[Tensor, "4 d"]) -> np.ndarray:
    """`lambda_T, q_T, q'_T` of the pairs, (3, 3)."""
    init = sizes(settings)
    return overlap(initial_overlaps(x0), init.sigma_w, init.sigma_b, np.array(settings.horizon))


# -- sampling -------------------------------------------------------------------------------------


def sampled_overlaps(
    kind: unscaled.Sampled, x0: Float[Tensor, "4 d"], layers: list[int], job: Job, part: tuple[int, int]
) -> Overlaps:
    """Overlaps before each of the layers."""
    settings, overlaps, engine = job.settings, Overlaps(len(layers)), default_engine()
    wanted = {layer: j for j, layer in enumerate(layers)}
    for first, count in engine.pieces(settings.replicas, vectors=len(x0), width=settings.width, dtype=x0.dtype):
        job.progress((part[0] + first / settings.replicas) / part[1], "correlations")
        start = x0.expand(count, *x0.shape)
        overlaps.add(0, start)
        steps = engine.walk(
            [Walker(kind.scheme, kind.depth)],
            start,
            kind.law,
            horizon=kind.horizon,
            stream=Stream(settings.seed, f"sde.correlation {kind.depth}", first_replica=first),
            layers=layers[1:],
        )
        for k, (x,) in steps:
            overlaps.add(wanted[k], x)
    return overlaps


def _of_pairs(products: Float[Tensor, "1 4 4"]) -> np.ndarray:
    """`lambda, q, q'` of the pairs, (3, 3)."""
    return _paired(products).numpy()[0].reshape(len(PAIR_NAMES), 3)


def _overlaps(x: Float[Tensor, "r 4 d"]) -> Float[Tensor, "r m"]:
    """`<x^i, x^j>/D, |x^i|^2/D, |x^j|^2/D` of each pair, one after the other (float64, CPU)."""
    return _paired(mean_gram(x).cpu())


def _paired(products: Float[Tensor, "r 4 4"]) -> Float[Tensor, "r m"]:
    return torch.stack([products[:, a, b] for i, j in INPUTS_OF_PAIRS for a, b in ((i, j), (i, i), (j, j))], dim=-1)


class Overlaps:
    """Sums over replicas of the overlaps and their products, by layer."""

    def __init__(self, layers: int) -> None:
        size = 3 * len(PAIR_NAMES)
        self._count = np.zeros(layers)
        self._first, self._second = np.zeros((layers, size)), np.zeros((layers, size, size))

    def add(self, j: int, x: Float[Tensor, "r 4 d"]) -> None:
        """Count these networks before the j-th layer."""
        values = _overlaps(x).numpy()
        self._count[j] += len(values)
        self._first[j] += values.sum(axis=0)
        self._second[j] += values.T @ values

    def correlation(self, combined: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Combinations (c, pairs) of `E <x, y> / sqrt(E |x|^2 E |y|^2)` and their standard errors, (c, layers) each.

        By the delta method.
        """
        with np.errstate(invalid="ignore"):  # past an explosion: no number, and no record
            return self._correlation(combined, *self._moments())

    def _correlation(
        self, combined: np.ndarray, means: np.ndarray, covariance: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        mixed, p, q = means.reshape(-1, len(PAIR_NAMES), 3).transpose(2, 1, 0)  # each (pairs, layers)
        root = np.sqrt(p) * np.sqrt(q)
        slopes = np.stack([1 / root, -0.5 * mixed / root / p, -0.5 * mixed / root / q], axis=-1)  # (pairs, layers, 3)
        along = np.einsum("cp,pla->clpa", combined, slopes).reshape(len(combined), len(means), -1)
        variance = np.einsum("cla,lab,clb->cl", along, covariance, along)
        return combined @ (mixed / root), np.maximum(np.sqrt(np.maximum(variance, 0)), MIN_TRUSTED_STDERR)

    def mean_square(self) -> tuple[float, float]:
        """`E |x_L|^2 / D` of the first input, and its standard error."""
        means, covariance = self._moments()
        return float(means[-1, 1]), float(np.sqrt(covariance[-1, 1, 1]))

    def of(self, pair: int) -> tuple[float, float, float, float]:
        """`E <x_L, y_L> / D` of a pair and `E |x_L|^2 / D`, each with its standard error."""
        means, covariance = self._moments()
        mixed, p = 3 * pair, 3 * pair + 1
        mixed_error, p_error = (float(np.sqrt(covariance[-1, i, i])) for i in (mixed, p))
        return float(means[-1, mixed]), mixed_error, float(means[-1, p]), p_error

    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means over replicas, and their covariance."""
        n = self._count[:, None]
        means = self._first / n
        spread = self._second / n[..., None] - means[:, :, None] * means[:, None, :]
        return means, spread / np.maximum(n - 1, 1)[..., None]
