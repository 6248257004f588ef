"""`sde.deep.*`: blocks of two layers, of which the last shrinks, or all.

last    wide networks against the ODE of the non-linear kernel; the infinitely wide network on the same normals, whose
        mean is known at every depth, takes their noise away
all     networks and the linear network on the same weights, whose overlaps follow `L <- L + h (k L + s)` in the mean,
        at any width: E[L_L] - L_T = E[difference] + (recursion - exponential). The difference is taken without the
        noise of the last layer (compensators), and against the linear network's known mean (a control variate)
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....errors import MeasurementError
from ....limits.overlaps import deep_flow, deep_recursion, moment_flow, moment_step
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....random import Stream
from ....sampling.deep import ResidualBranch, final, wide_pair
from ....sampling.layer_law import Isotropic
from ....sampling.wide import mean_gram
from ..control import MAX_DEVIATION_OF_CONTROL, bias_of_depth, differenced, half, regressed
from ..outside import overflows, sizes
from ..problem import inputs
from ..settings import Sde
from .claims import (
    EXPONENTS_OF_STEP,
    PINS_OF_DEEP_DRIFT,
    PINS_OF_WIDE_DEEP,
    PINS_WITHOUT_PSI,
    SIZES_WHERE_ALL_ARE_SCALED,
    SIZES_WHERE_LAST_IS_SCALED,
    WIDTH_OF_DEEP_DRIFT,
    WIDTH_OF_DEEP_LIMIT,
)


def measure(job: Job) -> Measurement:
    """Growth of overlaps, weak errors and drifts."""
    records = _last(job)
    if activation_named(job.settings.activation).without_limit() is None:
        records += _all(job)
    return Measurement(records + _drift(job))


def mean_growth(x: Float[Tensor, "r n d"], x0: Float[Tensor, "#r n d"]) -> Float[Tensor, " r"]:
    """Mean over pairs of `<x^i - x^i_0, x^j - x^j_0>/d`: less noisy than the overlaps, which `x_0` takes part in."""
    return mean_gram(x - x0).mean(dim=(1, 2))


# -- only the last layer shrinks ------------------------------------------------------------------


def _last(job: Job) -> list[Record]:
    settings, init = job.settings, sizes(job.settings)
    if overflows(init.sigma_w**2 * settings.horizon) is not None:
        return []
    inner, outer = (
        (SIZES_WHERE_LAST_IS_SCALED["sigma_A"], SIZES_WHERE_LAST_IS_SCALED["sigma_a"]),
        (init.sigma_w, init.sigma_b),
    )
    phi, horizon = settings.activation, settings.horizon
    x0 = inputs(settings, width=WIDTH_OF_DEEP_LIMIT)
    start = mean_gram(x0[None])[0].cpu()
    job.progress(0.0, "deep blocks, kernel")
    limit, reference_error = deep_flow(phi, start, horizon, inner=inner, outer=outer)
    ideal = deep_recursion(phi, start, horizon, settings.depth, inner=inner, outer=outer)
    coordinates = {"scheme": "last", **SIZES_WHERE_LAST_IS_SCALED, **PINS_OF_WIDE_DEEP}
    size = float(limit.abs().max())
    error, reference_error = float((ideal[-1] - limit).abs().max()) / size, reference_error / size
    records = [Record("deep_kernel_error", error, reference_error=reference_error, coordinates=coordinates)]
    growth = float((limit - start).mean())
    if growth == 0:
        return records
    x, y = wide_pair(
        phi,
        x0,
        [step.to(x0.device) for step in ideal],
        inner=inner,
        outer=outer,
        replicas=max(settings.replicas // 16, 2),
        horizon=horizon,
        stream=Stream(settings.seed, f"sde.deep.last {settings.depth}"),
    )
    known = float((ideal[-1] - start).mean())
    value, stderr = mean(differenced(mean_growth(x, x0), mean_growth(y, x0), known) / growth)
    coarse = deep_recursion(phi, start, horizon, half(settings.depth), inner=inner, outer=outer)[-1]
    bias = bias_of_depth(known / growth, float((coarse - start).mean()) / growth, 1.0, settings.depth)
    numbers = {"stderr": stderr, "reference_error": bias, "replicas": len(x)}
    records.append(Record("deep_overlap", value, coordinates=coordinates, **numbers))
    return records


# -- all layers shrink ----------------------------------------------------------------------------


def _laws(settings: Sde) -> tuple[Isotropic, Isotropic]:
    init = sizes(settings)
    return Isotropic(SIZES_WHERE_ALL_ARE_SCALED["sigma_A"], SIZES_WHERE_ALL_ARE_SCALED["sigma_a"]), Isotropic(
        init.sigma_w / SIZES_WHERE_ALL_ARE_SCALED["sigma_A"], init.sigma_b
    )


def _all(job: Job) -> list[Record]:
    settings = job.settings
    inner, outer = _laws(settings)
    phi, depth, horizon = settings.activation, settings.depth, settings.horizon
    slope, curvature = activation_named(phi).taylor()
    rate = (slope * inner.sigma_w * outer.sigma_w) ** 2
    source = outer.sigma_b**2 + (slope * outer.sigma_w * inner.sigma_b) ** 2
    if overflows(rate * horizon) is not None:
        return []
    x0 = inputs(settings)
    start = mean_gram(x0[None])[0].cpu()
    signs = (1.0, -1.0) if curvature else (1.0,)
    branches = [ResidualBranch(phi, alpha, sign=sign) for alpha in EXPONENTS_OF_STEP for sign in signs]
    branches.append(ResidualBranch(phi, EXPONENTS_OF_STEP[0], linear=True))
    plain: list[Tensor] = []
    apart: list[list[Tensor]] = [[] for _ in EXPONENTS_OF_STEP]
    control: list[Tensor] = []
    engine, vectors = default_engine(), len(branches) * len(x0)
    for first, count in engine.pieces(settings.replicas, vectors=vectors, width=settings.width, dtype=x0.dtype):
        job.progress(0.2 + 0.6 * first / settings.replicas, "deep blocks, all layers shrink")
        states, compensators = final(
            branches,
            x0.expand(count, *x0.shape),
            inner=inner,
            outer=outer,
            depth=depth,
            horizon=horizon,
            stream=Stream(settings.seed, f"sde.deep.all {depth}", first_replica=first),
            act=engine.act,
        )
        plain.append(mean_growth(states[0], x0))
        *overlaps, linear = [part.mean(dim=(1, 2)) for part in compensators]
        control.append(linear)
        for i, errors in enumerate(apart):
            both = overlaps[i * len(signs) : (i + 1) * len(signs)]
            errors.append(torch.stack(both).mean(dim=0) - linear)
    discretised, coarse = (_discretised(start, rate, source, horizon, at_depth) for at_depth in (depth, half(depth)))
    limit = _limit(start, rate, source, horizon)
    records, size, growth = [], float(limit.mean()), float((limit - start).mean())
    apart_by = []
    for alpha, errors in zip(EXPONENTS_OF_STEP, apart, strict=True):
        coordinates = {
            "scheme": f"all, alpha={alpha}",
            "alpha": alpha,
            **SIZES_WHERE_ALL_ARE_SCALED,
            **PINS_WITHOUT_PSI,
        }
        value, stderr = mean(_of_the_error(torch.cat(errors), torch.cat(control), float(discretised.mean())))
        apart_by.append(abs(float(torch.cat(errors).mean())))
        error = abs(value + float((discretised - limit).mean())) / size
        records.append(Record("deep_weak_error", error, stderr=stderr / size, coordinates=coordinates))
    if growth:
        coordinates = {
            "scheme": f"all, alpha={EXPONENTS_OF_STEP[0]}",
            "alpha": EXPONENTS_OF_STEP[0],
            **SIZES_WHERE_ALL_ARE_SCALED,
            **PINS_WITHOUT_PSI,
        }
        value, stderr = mean(torch.cat(plain) / growth)
        euler = bias_of_depth(float(discretised.mean()), float(coarse.mean()), float(limit.mean()), depth)
        bias = (apart_by[0] + euler) / growth
        records.append(Record("deep_overlap", value, stderr=stderr, reference_error=bias, coordinates=coordinates))
    return records


def _of_the_error(apart: Float[Tensor, " r"], control: Float[Tensor, " r"], known: float) -> Float[Tensor, " r"]:
    """Overlaps of networks less the known mean of those of linear networks, which `apart` are the differences to.

    Where linear networks do not have that mean, of it: the error is that of a limit that is not theirs.
    """
    value, stderr = mean(control)
    if abs(value - known) > MAX_DEVIATION_OF_CONTROL * stderr:
        return apart + control - known
    return regressed(apart, control, known)


def _limit(start: Tensor, rate: float, source: float, horizon: float) -> Tensor:
    """`L' = rate L + source`."""
    grown = math.expm1(rate * horizon) / rate if rate else horizon
    return math.exp(rate * horizon) * start + source * grown


def _discretised(start: Tensor, rate: float, source: float, horizon: float, depth: int) -> Tensor:
    """The same by `depth` steps of Euler: the mean of the linear network's overlaps."""
    factor = (1 + rate * horizon / depth) ** depth
    grown = (factor - 1) / rate if rate else horizon
    return factor * start + source * grown


# -- the drift ------------------------------------------------------------------------------------


def _drift(job: Job) -> list[Record]:
    settings = job.settings
    phi = PINS_OF_DEEP_DRIFT["activation"]
    inner, outer = _laws(settings)
    x0 = inputs(settings, width=WIDTH_OF_DEEP_DRIFT, count=1)
    hidden = (activation_named(phi).taylor()[0] * outer.sigma_w) ** 2
    rate, source = hidden * inner.sigma_w**2, hidden * inner.sigma_b**2 + outer.sigma_b**2
    m0 = x0.double().mean(dim=1).cpu()
    try:
        start = mean_gram(x0[None])[0].cpu()
        m, _, _ = moment_flow(phi, m0, start, lambda x: rate * x + source, settings.horizon)
    except MeasurementError:  # it explodes before the horizon: there is no drift to compare with
        return []
    drift = float(m - m0)
    if drift == 0:
        return []
    at, at_half = (
        _drifted(m0, start, rate, source, settings.horizon, layers) / drift
        for layers in (settings.depth, half(settings.depth))
    )
    bias = bias_of_depth(at, at_half, 1.0, settings.depth)
    branches = [ResidualBranch(phi, EXPONENTS_OF_STEP[0]), ResidualBranch(phi, EXPONENTS_OF_STEP[0], outside=phi)]
    moved: list[list[Tensor]] = [[] for _ in branches]
    engine = default_engine()
    for first, count in engine.pieces(
        settings.replicas, vectors=len(branches), width=WIDTH_OF_DEEP_DRIFT, dtype=x0.dtype
    ):
        job.progress(0.8 + 0.2 * first / settings.replicas, "deep blocks, drift")
        states, _ = final(
            branches,
            x0.expand(count, *x0.shape),
            inner=inner,
            outer=outer,
            depth=settings.depth,
            horizon=settings.horizon,
            stream=Stream(settings.seed, f"sde.deep.drift {settings.depth}", first_replica=first),
            act=engine.act,
        )
        for movements, x in zip(moved, states, strict=True):
            movements.append((x - x0).double().mean(dim=(1, 2)) / drift)
    records = []
    for scheme, movements, reference_error in zip(("inside", "outside"), moved, (math.nan, bias), strict=True):
        value, stderr = mean(torch.cat(movements))
        coordinates = {
            "scheme": scheme,
            "alpha": EXPONENTS_OF_STEP[0],
            **SIZES_WHERE_ALL_ARE_SCALED,
            **PINS_OF_DEEP_DRIFT,
        }
        record = Record("deep_drift", value, stderr=stderr, reference_error=reference_error, coordinates=coordinates)
        records.append(record)
    return records


def _drifted(
    m0: Float[Tensor, " n"], start: Float[Tensor, "n n"], rate: float, source: float, horizon: float, depth: int
) -> float:
    """By how much the mean of infinitely wide networks of this depth moves, the activation standing outside."""
    m, overlaps, h = m0, start, horizon / depth
    for _ in range(depth):
        m, overlaps = moment_step(PINS_OF_DEEP_DRIFT["activation"], m, overlaps, h * (rate * overlaps + source))
    return float(m - m0)
