"""`sde.explosion.*`: when networks with swish cross a threshold.

infinitely wide    the exact recursion at depth L, against the crossing time of the limit in closed form
                   (`limits/explosion.py`): a threshold below which the drift is quadratic is crossed late by O(h)
wide               wide networks against the infinitely wide one of their depth, and against the closed form of how late
                   a threshold far beyond is crossed (`lateness`)
narrow             networks of the setting's width, depth L and 2L on one noise: the explosion time is random, and
                   their difference is that of the lateness, which far above 1 hardly depends on the width (observed)

**Why late.** Far above 1, m, |x|/sqrt(D) and u are nearly the same, and a layer adds `g(y) = E phi(y G)`, G standard
normal, to the mean, with `y = sqrt(h) sigma_w u` the size of its pre-activations: `y' = sigma_w/sqrt(h) g(y)`, a flow
since y changes by O(sqrt(h)) a layer. The limit has `1/2 phi''(0) y^2` in place of g. To leading order in
sqrt(h) the network crosses a threshold q later than the limit by

    (sqrt(h)/sigma_w) F(sigma_w sqrt(h q)),      F(Y) = int_0^Y 1/g(y) - 2/(phi''(0) y^2) dy

For swish `F(Y) = Y + O(Y^2)`: order 1 while `h sigma_w^2 q` is small. And `g(y) -> y/sqrt(2 pi)`, where half of the
units are off and growth is exponential: `F(Y) = sqrt(2 pi) log Y + O(1)`, order 1/2 up to the logarithm.

A network that has crossed stays where it is: no number grows beyond the step that crossed. Between the layers before
and after the crossing `log |x|^2` is taken as linear in time. A network that did not cross counts with the horizon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....limits.explosion import Moments
from ....limits.overlaps import moment_step
from ....measurement.estimate import mean, probability
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....networks.gaussian_means import gaussian_mean
from ....random import Stream
from ....sampling.layer_law import Isotropic
from ....sampling.schemes import ShallowNetwork, Walker
from ....sampling.wide import mean_gram
from ..outside import sizes
from ..problem import inputs
from ..settings import Sde
from .claims import (
    HORIZON_IN_EXPLOSION_TIMES,
    NARROW_HORIZON_IN_EXPLOSION_TIMES,
    PINS_OF_LOW_THRESHOLD,
    PINS_OF_SWISH,
    WIDTH_OF_EXPLOSION,
    never,
)

MIN_FRACTION_CROSSED = 0.99
"""Times are compared where at least this fraction of the networks crossed."""
MAX_FRACTION_OF_HORIZON = 0.9
"""Fraction of the horizon by which the infinitely wide network must cross for others to be held against it: those that
do not cross count with the horizon, and are seen to be late."""


@dataclass(frozen=True)
class UpTo:
    """A network whose states stay where they are once `|x|^2/D` has reached a threshold."""

    network: ShallowNetwork
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
    stream: Stream,
) -> list[Float[Tensor, " r"]]:
    """First crossing times of networks of each depth on one noise; inf where there is none up to the horizon."""
    scheme = UpTo(ShallowNetwork(PINS_OF_SWISH["activation"], PINS_OF_SWISH["activation_inside"]), threshold)
    walkers = [Walker(scheme, depth) for depth in depths]
    deepest = max(depths)
    before = [x0.double().square().mean(dim=(1, 2)) for _ in depths]
    times = [torch.where(q >= threshold, 0.0, math.inf) for q in before]
    for k, states in default_engine().walk(walkers, x0, law, horizon=horizon, stream=stream):
        for i, (depth, x) in enumerate(zip(depths, states, strict=True)):
            if k % (deepest // depth):
                continue
            q = x.double().square().mean(dim=(1, 2))
            now = (q >= threshold) & times[i].isinf()
            part = torch.log(threshold / before[i]) / torch.log(q / before[i])
            times[i] = torch.where(now, horizon * (k / deepest - (1 - part) / depth), times[i])
            before[i] = q
        if all(bool(crossing.isfinite().all()) for crossing in times):
            break
    return times


def recursion_crossing_time(
    x0: Float[Tensor, "1 d"], law: Isotropic, depth: int, *, horizon: float, threshold: float
) -> float:
    """First crossing time of the infinitely wide network of this depth; inf where there is none up to the horizon."""
    m, q, h = x0.double().mean(dim=1).cpu(), mean_gram(x0[None])[0].cpu(), horizon / depth
    for k in range(depth):
        before = float(q)
        if before >= threshold:
            return k * h
        m, q = moment_step(PINS_OF_SWISH["activation"], m, q, h * (law.sigma_b**2 + law.sigma_w**2 * q))
        if float(q) >= threshold:
            return h * (k + math.log(threshold / before) / math.log(float(q) / before))
    return math.inf


def lateness(h: float, sigma_w: float, threshold: float) -> float:
    """`(sqrt(h)/sigma_w) F(sigma_w sqrt(h q))`: how much later than the limit a wide network crosses q, `q >> 1`."""
    phi, end = PINS_OF_SWISH["activation"], sigma_w * math.sqrt(h * threshold)
    y = torch.logspace(-3, max(math.log10(end), -3), 2000, dtype=torch.float64)
    rates = 1 / gaussian_mean(phi, y.square()) - 2 / (activation_named(phi).taylor()[1] * y.square())
    return math.sqrt(h) / sigma_w * (1e-3 + float(torch.trapezoid(rates * y, y.log())))


def measure(job: Job) -> Measurement:
    """Crossing times of infinitely wide, wide and narrow networks."""
    settings = job.settings
    if never(settings) is not None:
        return Measurement()
    return Measurement(_infinitely_wide(settings) + _wide(job) + _narrow(job))


@dataclass(frozen=True)
class Course:
    """Where networks start, and what the limit does from there: explosion time, horizon, and coordinates of records."""

    x0: Float[Tensor, "1 d"]
    law: Isotropic
    limit: Moments
    explosion: float
    horizon: float

    def coordinates(self, scheme: str, **pins: Any) -> dict[str, Any]:
        times = {"horizon": self.horizon, "explosion_time": self.explosion}
        return {"scheme": scheme, **times, **PINS_OF_SWISH, **pins}


def _course(settings: Sde, width: int, horizons: float) -> Course | None:
    """None where the limit does not explode from the inputs."""
    x0, init = inputs(settings, width=width, count=1), sizes(settings)
    limit = moments_of_wide(x0, init.sigma_w, init.sigma_b)
    explosion = limit.explosion_time()
    if math.isinf(explosion):
        return None
    return Course(x0, Isotropic(init.sigma_w, init.sigma_b), limit, explosion, horizons * explosion)


def _infinitely_wide(settings: Sde) -> list[Record]:
    """How late the infinitely wide network of this depth crosses a low threshold."""
    course, threshold = (
        _course(settings, WIDTH_OF_EXPLOSION, HORIZON_IN_EXPLOSION_TIMES),
        PINS_OF_LOW_THRESHOLD["sde.threshold"],
    )
    if course is None:
        return []
    where = {"horizon": course.horizon, "threshold": threshold}
    time = recursion_crossing_time(course.x0, course.law, settings.depth, **where)
    coordinates = course.coordinates("infinitely wide, low", **PINS_OF_LOW_THRESHOLD)
    size = course.horizon / settings.depth * course.law.sigma_w**2 * threshold
    records = [Record("crossing_step", size, coordinates=coordinates)]
    if math.isfinite(time):
        late = abs(time - course.limit.crossing_time(threshold)) / course.explosion
        records.append(Record("crossing_time_error", late, coordinates=coordinates))
    return records


def _wide(job: Job) -> list[Record]:
    """Crossing times of wide networks, held against those of the infinitely wide one and of the limit."""
    settings, threshold = job.settings, job.settings.sde.threshold
    course = _course(settings, WIDTH_OF_EXPLOSION, HORIZON_IN_EXPLOSION_TIMES)
    if course is None:
        return []
    (times,) = _sampled(job, course, "wide", [settings.depth], max(settings.replicas // 4, 2))
    coordinates = course.coordinates("wide", width=WIDTH_OF_EXPLOSION)
    at_most = times.clamp(max=course.horizon)
    exact = recursion_crossing_time(course.x0, course.law, settings.depth, horizon=course.horizon, threshold=threshold)
    infinite = Record(
        "crossing_time",
        min(exact, course.horizon) / course.explosion,
        coordinates=course.coordinates("infinitely wide"),
    )
    numbers = {"crossing_time": mean(at_most / course.explosion)}
    if 0 < exact <= MAX_FRACTION_OF_HORIZON * course.horizon:
        late = lateness(course.horizon / settings.depth, course.law.sigma_w, threshold)
        value, stderr = mean(at_most)
        if (by_now := int(times.isfinite().sum())) < len(times):  # what the others take is unknown, but longer
            stderr = math.hypot(stderr, course.horizon * probability(by_now, len(times))[1])
        numbers["crossing_time_ratio"] = value / exact, stderr / exact
        numbers["crossing_lateness"] = (value - course.limit.crossing_time(threshold)) / late, stderr / late
    return [infinite, *_records(numbers, coordinates, len(times))]


def _narrow(job: Job) -> list[Record]:
    """Crossing times of networks of the setting's width, of two depths on one noise."""
    settings = job.settings
    course = _course(settings, settings.width, NARROW_HORIZON_IN_EXPLOSION_TIMES)
    if course is None:
        return []
    times = _sampled(job, course, "narrow", [settings.depth, 2 * settings.depth], settings.replicas)
    at_most = [t.clamp(max=course.horizon) / course.explosion for t in times]
    numbers = {"crossing_time": mean(at_most[0])}
    if all(float(t.isfinite().double().mean()) >= MIN_FRACTION_CROSSED for t in times):
        steps = (course.horizon / depth for depth in (settings.depth, 2 * settings.depth))
        late = [lateness(h, course.law.sigma_w, settings.sde.threshold) / course.explosion for h in steps]
        numbers["crossing_time_difference"] = mean((at_most[0] - at_most[1]) / (late[0] - late[1]))
    return _records(numbers, course.coordinates("narrow"), settings.replicas)


def _records(numbers: dict[str, tuple[float, float]], coordinates: dict[str, Any], replicas: int) -> list[Record]:
    return [
        Record(observable, value, stderr=stderr, coordinates=coordinates, replicas=replicas)
        for observable, (value, stderr) in numbers.items()
    ]


def _sampled(job: Job, course: Course, scheme: str, depths: list[int], replicas: int) -> list[Float[Tensor, " r"]]:
    """Crossing times of the threshold by networks of each depth."""
    pieces, settings, x0 = [], job.settings, course.x0
    for first, count in default_engine().pieces(replicas, vectors=len(depths), width=x0.shape[-1], dtype=x0.dtype):
        job.progress(first / replicas, f"explosion, {scheme} networks")
        times = crossing_times(
            depths,
            x0.expand(count, *x0.shape),
            course.law,
            horizon=course.horizon,
            threshold=settings.sde.threshold,
            stream=Stream(settings.seed, f"sde.explosion.{scheme} {settings.depth}", first_replica=first),
        )
        pieces.append(times)
    return [torch.cat(parts) for parts in zip(*pieces, strict=True)]


def moments_of_wide(x0: Float[Tensor, "1 d"], sigma_w: float, sigma_b: float) -> Moments:
    """The moments of infinitely wide networks from this input."""
    phi, x = PINS_OF_SWISH["activation"], x0.double()
    return Moments(*activation_named(phi).taylor(), sigma_w, sigma_b, float(x.mean()), float(x.square().mean()))
