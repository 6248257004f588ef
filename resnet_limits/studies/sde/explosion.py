"""`sde.explosion.*`: when networks with swish cross a threshold.

wide      wide networks against the crossing time of the limit, in closed form (`limits/explosion.py`)
          and that of the infinitely wide network of their depth
narrow    networks of the setting's width, depth L and 2L on one noise: the explosion time is random

A network that has crossed stays where it is: no number grows beyond the step that crossed. Between the layers before
and after the crossing `log |x|^2` is taken as linear in time. A network that did not cross counts with the horizon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...limits.explosion import Moments
from ...limits.overlaps import moment_step
from ...networks.taylor import CURVATURE, SLOPE
from ...sampling.law import Isotropic
from ...sampling.pieces import pieces
from ...sampling.schemes import Network
from ...sampling.walk import Walker, walk
from ...sampling.wide import gram
from ..study import Job, Measurement, Record
from .claims.explosion import HORIZONS, SWISH, WIDE, never
from .claims.settings import sizes
from .problem import inputs, mean

CROSSED = 0.99
"""Times are compared where at least this fraction of the networks crossed."""


@dataclass(frozen=True)
class UpTo:
    """A network whose states stay where they are once `|x|^2/D` has reached a threshold."""

    network: Network
    threshold: float

    def features(self, x: Tensor) -> Tensor:
        return self.network.features(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return torch.where(crossed(x, self.threshold), x, self.network.step(x, features, z, h))


def crossed(x: Float[Tensor, "r n d"], threshold: float) -> Tensor:
    """Whether `|x|^2/D` is at the threshold or above, (r, n, 1)."""
    return x.square().mean(dim=-1, keepdim=True) >= threshold


def crossing_times(
    depths: list[int],
    x0: Float[Tensor, "r 1 d"],
    law: Isotropic,
    *,
    horizon: float,
    threshold: float,
    seed: int,
    purpose: str,
    first_replica: int,
) -> list[Float[Tensor, " r"]]:
    """First crossing times of networks of each depth on one noise; inf where there is none up to the horizon."""
    scheme = UpTo(Network(SWISH["activation"], SWISH["activation_inside"]), threshold)
    walkers = [Walker(scheme, depth) for depth in depths]
    deepest = max(depths)
    before = [x0.double().square().mean(dim=(1, 2)) for _ in depths]
    times = [torch.where(q >= threshold, 0.0, math.inf) for q in before]
    where = {"seed": seed, "purpose": purpose, "first_replica": first_replica}
    for k, states in walk(walkers, x0, law, horizon=horizon, **where):
        for i, (depth, x) in enumerate(zip(depths, states, strict=True)):
            if k % (deepest // depth):
                continue
            q = x.double().square().mean(dim=(1, 2))
            now = (q >= threshold) & times[i].isinf()
            part = torch.log(threshold / before[i]) / torch.log(q / before[i])
            times[i] = torch.where(now, horizon * (k / deepest - (1 - part) / depth), times[i])
            before[i] = q
        if all(bool(its.isfinite().all()) for its in times):
            break
    return times


def recursion_crossing_time(
    x0: Float[Tensor, "1 d"], law: Isotropic, depth: int, *, horizon: float, threshold: float
) -> float:
    """First crossing time of the infinitely wide network of this depth; inf where there is none up to the horizon."""
    m, q, h = x0.double().mean(dim=1).cpu(), gram(x0[None])[0].cpu(), horizon / depth
    for k in range(depth):
        before = float(q)
        if before >= threshold:
            return k * h
        m, q = moment_step(SWISH["activation"], m, q, h * (law.sigma_b**2 + law.sigma_w**2 * q))
        if float(q) >= threshold:
            return h * (k + math.log(threshold / before) / math.log(float(q) / before))
    return math.inf


def measure(job: Job) -> Measurement:
    """Crossing times, and the fraction of networks that crossed."""
    settings, own = job.settings, sizes(job.settings)
    if never(settings) is not None:
        return Measurement()
    law, threshold = Isotropic(own.sigma_w, own.sigma_b), settings.sde.threshold
    records = []
    for scheme, width, replicas, depths in (
        ("wide", WIDE, max(settings.replicas // 4, 2), [settings.depth]),
        ("narrow", settings.width, settings.replicas, [settings.depth, 2 * settings.depth]),
    ):
        x0 = inputs(settings, width=width, count=1)
        limit = _limit(x0, own.sigma_w, own.sigma_b)
        explosion = limit.explosion_time()
        if math.isinf(explosion):
            continue
        horizon = HORIZONS * explosion
        found = []
        for first, count in pieces(replicas, vectors=len(depths), width=width, dtype=x0.dtype):
            job.progress(first / replicas, f"explosion, {scheme} networks")
            start = x0.expand(count, *x0.shape)
            where = {"seed": settings.seed, "purpose": f"sde.explosion.{scheme}", "first_replica": first}
            found.append(crossing_times(depths, start, law, horizon=horizon, threshold=threshold, **where))
        times = [torch.cat(its) for its in zip(*found, strict=True)]
        pins = {**SWISH, "width": width} if scheme == "wide" else SWISH
        coordinates = {"scheme": scheme, "horizon": horizon, "explosion_time": explosion, **pins}
        reference = limit.crossing_time(threshold) if scheme == "wide" else None
        for observable, value, stderr in _numbers(times, explosion, horizon, reference):
            records.append(Record(observable, value, stderr=stderr, coordinates=coordinates, replicas=replicas))
        if scheme == "wide":
            exact = recursion_crossing_time(x0, law, settings.depth, horizon=horizon, threshold=threshold)
            infinite = {**coordinates, "scheme": "infinitely wide"}
            records.append(Record("crossing_time", min(exact, horizon) / explosion, coordinates=infinite))
            if exact < horizon and float(times[0].isfinite().double().mean()) >= CROSSED:
                value, stderr = mean(times[0].clamp(max=horizon) / exact)
                record = Record("crossing_time_ratio", value, stderr=stderr, coordinates=coordinates, replicas=replicas)
                records.append(record)
    return Measurement(records)


def _limit(x0: Float[Tensor, "1 d"], sigma_w: float, sigma_b: float) -> Moments:
    """The moments of infinitely wide networks from this input."""
    phi, x = SWISH["activation"], x0.double()
    return Moments(SLOPE[phi], CURVATURE[phi], sigma_w, sigma_b, float(x.mean()), float(x.square().mean()))


def _numbers(
    times: list[Float[Tensor, " r"]], explosion: float, horizon: float, reference: float | None
) -> list[tuple[str, float, float]]:
    """`(observable, value, standard error)`, all finite."""
    at_most = [its.clamp(max=horizon) / explosion for its in times]
    networks, by_then = len(times[0]), int((times[0] <= 2 * explosion).sum())
    fraction = (by_then + 1) / (networks + 2)
    numbers = [
        ("crossing_time", *mean(at_most[0])),
        ("fraction_crossed", fraction, math.sqrt(fraction * (1 - fraction) / (networks + 3))),
    ]
    if all(float(its.isfinite().double().mean()) >= CROSSED for its in times):
        if reference is not None:
            value, stderr = mean(at_most[0] - reference / explosion)
            numbers.append(("crossing_time_error", abs(value), stderr))
        else:
            value, stderr = mean(at_most[0] - at_most[1])
            numbers.append(("crossing_time_difference", abs(value), stderr))
    return numbers
