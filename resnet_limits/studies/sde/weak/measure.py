"""`sde.weak.*`: expectations of norms, overlaps and means.

    norm        f = |x|^2/D, mean over two inputs        overlap   f = <x, y>/D        mean   f = mean_d x_d (swish)
    weak_error  |E f(x_L) - f_T|  for phi''(0) = 0, psi = id:  f_T = (f_0 + c) e^{kT} - c,  c = sigma_b^2/sigma_w^2,
                k = phi'(0)^2 sigma_w^2, at any width; else |E f(x_2L) - E f(x_L)|, on one noise

by a mean over replicas of `f - M`, the martingale `M` being a control variate (`sampling/martingale.py`), on the same
increments at L and 2L. Every job draws noise of its own: the differences of several depths are independent, and sum up
(`compare.py`). The first `replicas` networks are a pilot: from their variance follows how many more it takes for a
relative error of `RELATIVE_ERROR_AIMED_AT` (Giles 2008).

`E M = 0` rests on the law of the noise. What the networks make of it shows in the sums of squares of their own steps,

    sum_k <x^i_{k+1} - x^i_k, x^j_{k+1} - x^j_k>/D  against  sum_k E[phi(z^i) phi(z^j) | x_k],    z ~ N(0, h S(x_k))

whose ratio is 1 up to `(2/(2 L D))^(1/2)` a network (`sde.weak.noise`).

What errors, variances and savings are to leading order in h at this width (`expansion.py`) rests on no sampler: each is
recorded over that too (`weak_constant`, `weak_spread`, `weak_saving_left`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....fixed_shape import gram
from ....measurement.estimate import mean, saving, variance
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....random import REPLICA_BLOCK, Stream
from ....sampling.expectations import moments
from ....sampling.layer_law import Isotropic
from ....sampling.martingale import Martingale, gradients_of_mean, state_moments
from ....sampling.schemes import ShallowNetwork, Walker
from ..outside import kinked_outer, overflows, sizes
from ..problem import inputs
from ..settings import Sde
from .claims import PINS_OF_MEAN
from .expansion import WeakExpansion

RELATIVE_ERROR_AIMED_AT = 0.01
"""Relative standard error of a weak error that a job aims at."""
MAX_JOB_OVER_PILOT = 8
"""A job takes at most this many times its pilot."""
NETWORKS_STEPPED = 256
"""Networks whose steps are looked at."""
LAYERS_EXPECTED_TOGETHER = 32
"""Layers whose expectations are computed together; changes speed alone."""
NETWORKS_A_PILOT_OF_MEAN = 4
"""One network in so many is enough of a pilot for the mean, whose control leaves a relative error of 7 % a network."""
MAX_DEVIATION_OF_MARTINGALE = 5.0
"""A martingale whose mean is further from zero, in standard errors, is no martingale of this network."""
RELATIVE_ERROR_OF_COSTS = 1e-3
"""Relative error that costs are given for."""


@dataclass(frozen=True)
class Case:
    """One family of networks, and the moments of its first `n` inputs that are measured: `functionals`, by scheme."""

    phi: str
    psi: str
    n: int
    pilot: int
    functionals: Mapping[str, tuple[float, ...]]
    pins: Mapping[str, Any]


@dataclass(frozen=True)
class Samples:
    """`f` and its control `M` at depth L and 2L: (2, p, replicas) each."""

    f: Float[Tensor, "2 p r"]
    control: Float[Tensor, "2 p r"]

    def of(self, i: int) -> tuple[Tensor, Tensor]:
        """Functional `i` without and with its control, (2, r) each. One that is none, or does not pay, is left out.

        `E M = 0` rests on the law of the noise and on the network. Where either is not what it should be, M is not
        centred, and would hide just that. A bias below what plain networks can show is left to `sde.weak.control`,
        which pools the depths.
        """
        f, control = self.f[:, i], self.control[:, i]
        for sample in control:
            value, error = mean(sample)
            if not abs(value) <= max(MAX_DEVIATION_OF_MARTINGALE * error, 1e-12):
                return f, f
        less = f - control
        return f, less if float((less[1] - less[0]).var()) <= float((f[1] - f[0]).var()) else f

    def joined(self, other: Samples) -> Samples:
        return Samples(torch.cat([self.f, other.f], dim=-1), torch.cat([self.control, other.control], dim=-1))


def cases(settings: Sde) -> list[Case]:
    """Norm and overlap as set, where the outer activation is smooth at 0; the mean with swish. One input has no
    overlap."""
    pair: dict[str, tuple[float, ...]] = {"norm": (0, 0, 0.5, 0, 0, 0.5), "overlap": (0, 0, 0, 0.5, 0.5, 0)}
    n = min(2, settings.sde.inputs)
    of_one: dict[str, tuple[float, ...]] = {"norm": (0, 1)}
    phi, psi = settings.activation, settings.activation_inside
    asked = Case(phi, psi, n, settings.replicas, pair if n == 2 else of_one, {})
    few = min(settings.replicas, max(REPLICA_BLOCK, settings.replicas // NETWORKS_A_PILOT_OF_MEAN))
    swish = Case(PINS_OF_MEAN["activation"], settings.activation_inside, 1, few, {"mean": (1, 0)}, PINS_OF_MEAN)
    return [swish] if kinked_outer(settings) else [asked, swish]


def measure(job: Job) -> Measurement:
    """Weak errors, and what they cost."""
    settings, records = job.settings, []
    all_of_them = cases(settings)
    for i, case in enumerate(all_of_them):
        exact = exact_values(settings, case)

        def progress(done: float, i: int = i) -> None:
            job.progress((i + done) / len(all_of_them), "weak error")

        samples = sampled_networks(settings, case, 0, case.pilot, progress)
        count = allotted(settings, samples, exact)
        if count > case.pilot:
            samples = samples.joined(sampled_networks(settings, case, case.pilot, count - case.pilot, progress))
        for j, scheme in enumerate(case.functionals):
            its_coordinates = {"scheme": scheme, **case.pins}
            records += _records(settings.depth, its_coordinates, *samples.of(j), exact[j])
            if scheme == "norm":
                q = exact[j] if math.isfinite(exact[j]) else float(samples.f[1, j].mean())
                records.append(Record("weak_step", _step(settings, case, q), coordinates=its_coordinates))
            if math.isfinite(exact[j]):
                expansion = _expansion(settings, case, case.functionals[scheme])
                records += _expanded(settings.depth, its_coordinates, expansion, *samples.of(j), exact[j])
            value, error = mean(samples.control[1, j])
            size = abs(exact[j]) if math.isfinite(exact[j]) else 1.0
            records.append(
                Record("weak_control", value / size, error / size, coordinates=its_coordinates, replicas=count)
            )
        records += step_records(settings, case)
    return Measurement([r for r in records if math.isfinite(r.value)])


def exact_values(settings: Sde, case: Case) -> list[float]:
    """`f_T` of the SDE by functional, nan where there is no formula."""
    slope, curvature = activation_named(case.phi).taylor()
    if curvature or case.psi != "identity":
        return [math.nan] * len(case.functionals)
    init, functionals = sizes(settings), _functionals(case)
    k = slope**2 * init.sigma_w**2
    f0 = functionals @ state_moments(inputs(settings)[: case.n]).cpu()
    if overflows(k * settings.horizon) is not None:
        return [math.nan] * len(case.functionals)
    grown = math.expm1(k * settings.horizon)
    bias = slope**2 * init.sigma_b**2 * (grown / k if k else settings.horizon)
    return (f0 * (1 + grown) + bias).tolist()


def _expansion(settings: Sde, case: Case, functional: tuple[float, ...]) -> WeakExpansion:
    n, init = case.n, sizes(settings)
    start, weights = state_moments(inputs(settings)[:n]).cpu()[n:], np.array(functional[n:])
    V = start.reshape(n, n).numpy()
    return WeakExpansion(
        case.phi, init.sigma_w, init.sigma_b, settings.width, settings.horizon, V, weights.reshape(n, n)
    )


def _expanded(
    depth: int, coordinates: dict[str, Any], expansion: WeakExpansion, plain: Tensor, best: Tensor, exact: float
) -> list[Record]:
    """Error, variance and saving over what they are to leading order in h. A functional that does not vary has none."""
    leading, spread = expansion.error() / depth, expansion.variance()
    if not (leading and spread > 0):
        return []
    error, stderr = mean(best[0] - exact)
    measured = {
        "weak_constant": [error / leading, abs(stderr / leading)],
        "weak_spread": [at_depth / spread for at_depth in variance(plain[1])],
    }
    if (controlled := expansion.controlled()) > 0:
        left, its_error = variance(best[1] - best[0])
        saved = saving(_plain_variance(plain), (4 * left, 4 * its_error))
        in_the_limit = math.log10((1 + math.sqrt(2)) ** 2 * spread * depth**2 / (4 * controlled))
        measured["weak_saving_left"] = [saved[0] - in_the_limit, saved[1]]
    count = plain.shape[-1]
    return [
        Record(name, value, stderr, coordinates=coordinates, replicas=count)
        for name, (value, stderr) in measured.items()
    ]


def _functionals(case: Case) -> Tensor:
    return torch.tensor(list(case.functionals.values()), dtype=torch.float64)


def sampled_networks(settings: Sde, case: Case, first: int, count: int, progress: Any) -> Samples:
    """`count` networks from replica `first` on."""
    init, depth, horizon = sizes(settings), settings.depth, settings.horizon
    law, scheme = Isotropic(init.sigma_w, init.sigma_b), ShallowNetwork(case.phi, case.psi)
    x0, functionals = inputs(settings)[: case.n], _functionals(case)
    y0 = state_moments(x0).cpu()
    engine, both = default_engine(), (depth, 2 * depth)
    weights = [
        gradients_of_mean(functionals, y0, case.n, scheme, law, at_depth, horizon).to(x0.device) for at_depth in both
    ]
    f, control = [], []
    for done, part in engine.pieces(count, vectors=2 * case.n, width=settings.width, dtype=x0.dtype):
        progress(done / count)
        start, begin = x0.expand(part, *x0.shape), first + done
        martingales = [
            Martingale(scheme, law, w, start, horizon / at_depth)
            for w, at_depth in zip(weights, (depth, 2 * depth), strict=True)
        ]
        states = [start, start]
        walkers = (Walker(scheme, depth), Walker(scheme, 2 * depth))
        stream = Stream(settings.seed, f"sde.weak {case.phi} {depth}", first_replica=begin)
        for k, states in engine.walk(walkers, start, law, horizon=horizon, stream=stream):
            martingales[1].add(states[1])
            if k % 2 == 0:
                martingales[0].add(states[0])
        f.append(torch.stack([_of_moments(functionals, x) for x in states]))
        control.append(torch.stack([m.value() for m in martingales]).cpu())
    return Samples(torch.cat(f, dim=-1), torch.cat(control, dim=-1))


def _of_moments(functionals: Float[Tensor, "p s"], x: Float[Tensor, "r n d"]) -> Float[Tensor, "p r"]:
    return (functionals.unsqueeze(1) * state_moments(x).cpu()).sum(dim=-1)


def step_records(settings: Sde, case: Case) -> list[Record]:
    """Sums of squares of the steps of networks of depth 2L, and of products of two inputs, over what the law says."""
    if case.pins:
        return []
    init, depth, x0 = sizes(settings), 2 * settings.depth, inputs(settings)[: case.n]
    law, scheme, h = Isotropic(init.sigma_w, init.sigma_b), ShallowNetwork(case.phi, case.psi), settings.horizon / depth
    engine, realised, expected = default_engine(), [], []
    for first, count in engine.pieces(NETWORKS_STEPPED, vectors=case.n, width=settings.width, dtype=x0.dtype):
        x = start = x0.expand(count, *x0.shape)
        sums = torch.zeros(2, count, case.n, case.n, dtype=torch.float64)
        covariances: list[Tensor] = []
        stream = Stream(settings.seed, f"sde.weak {case.phi} {settings.depth}", first_replica=first)
        for k, (after,) in engine.walk((Walker(scheme, depth),), start, law, horizon=settings.horizon, stream=stream):
            features, step = scheme.features(x).double(), (after - x).double()
            covariances.append(h * (init.sigma_b**2 + init.sigma_w**2 * gram(features) / settings.width))
            sums[0] += (gram(step) / settings.width).cpu()
            if len(covariances) == LAYERS_EXPECTED_TOGETHER or k == depth:
                sums[1] += moments(case.phi, torch.stack(covariances))[1].sum(dim=0).cpu()
                covariances = []
            x = after
        realised.append(sums[0])
        expected.append(sums[1])
    squares = (torch.cat(parts) for parts in (realised, expected))
    # Of one input the last entry of the first row is its own, and is not looked at.
    norm, overlap = zip(*((s.diagonal(dim1=1, dim2=2).mean(dim=1), s[:, 0, -1]) for s in squares), strict=True)
    records = []
    for name, (sample, exact) in {"norm": norm, "overlap": overlap}.items():
        if name not in case.functionals:
            continue
        size = float(exact.mean())
        if size and math.isfinite(size):
            value, error = mean((sample - exact) / size)
            records.append(
                Record("weak_steps", 1 + value, error, coordinates={"scheme": name}, replicas=NETWORKS_STEPPED)
            )
    return records


def allotted(settings: Sde, pilot: Samples, exact: list[float]) -> int:
    """Networks that bring every weak error to the relative accuracy `RELATIVE_ERROR_AIMED_AT`, by the variance of
    the pilot."""
    taken = pilot.f.shape[-1]
    most = taken
    for i, value in enumerate(exact):
        _, (coarse, fine) = pilot.of(i)
        error, stderr = mean(_deviation(coarse, fine, value))
        if math.isfinite(stderr) and error:
            most = max(most, taken * min((stderr / (RELATIVE_ERROR_AIMED_AT * error)) ** 2, MAX_JOB_OVER_PILOT))
    return min(MAX_JOB_OVER_PILOT * taken, -(-int(most) // REPLICA_BLOCK) * REPLICA_BLOCK) if most > taken else taken


def _deviation(coarse: Tensor, fine: Tensor, exact: float) -> Tensor:
    """What the weak error is the mean of."""
    return coarse - (exact if math.isfinite(exact) else fine)


def _records(depth: int, coordinates: dict[str, Any], plain: Tensor, best: Tensor, exact: float) -> list[Record]:
    count = plain.shape[-1]

    def record(name: str, measured: tuple[float, float], reference: float = math.nan, **more: str) -> Record:
        value, error = measured
        return Record(name, value, error, reference, coordinates={**coordinates, **more}, replicas=count)

    error, stderr = mean(_deviation(best[0], best[1], exact))
    fine, difference = mean(best[1]), mean(best[1] - best[0])
    variances = {
        "plain": _plain_variance(plain),
        "coupled": variance(plain[1] - plain[0]),
        "controlled": variance(best[1] - best[0]),
    }
    layers = {"plain": depth, "coupled": 4 * depth, "controlled": 4 * depth}

    def cost(name: str) -> tuple[float, float]:
        if not difference[0]:
            return math.nan, math.nan
        value, error = (layers[name] * v / (RELATIVE_ERROR_OF_COSTS * difference[0]) ** 2 for v in variances[name])
        return value, error

    records = [
        record("weak_error", (abs(error), stderr), reference=exact if math.isfinite(exact) else fine[0]),
        record("weak_mean", fine, reference=exact),
        record("weak_difference", difference),
        record("weak_saving", saving(cost("plain"), cost("controlled"))),
        record("weak_variance", variance(plain[1]), estimator="one depth"),
        record("weak_variance", variance(best[1]), estimator="one depth, controlled"),
    ]
    for name in variances:
        records.append(record("weak_variance", variances[name], estimator=name))
        records.append(record("weak_cost", cost(name), estimator=name))
    return records


def _step(settings: Sde, case: Case, q: float) -> float:
    """What says whether depths are asymptotic: the variance of a layer's pre-activations where `|x|^2/D = q`, times the
    rate at which errors grow where that is above 1."""
    init = sizes(settings)
    k = (activation_named(case.phi).taylor()[0] * init.sigma_w) ** 2
    return settings.horizon / settings.depth * (init.sigma_b**2 + init.sigma_w**2 * q) * max(1.0, k)


def _plain_variance(f: Float[Tensor, "2 r"]) -> tuple[float, float]:
    """Of independent networks of depth L and 2L, shared out to spend as few layers as possible, per L layers.

    `V_1/N_1 + V_2/N_2` at a cost of `(N_1 + 2 N_2) L` is least, `(sqrt V_1 + sqrt(2 V_2))^2`, for `N ~ sqrt(V/cost)`.
    """
    (v1, e1), (v2, e2) = variance(f[0]), variance(f[1])
    root = v1**0.5 + (2 * v2) ** 0.5
    slopes = (root / v1**0.5, root * (2 / v2) ** 0.5) if v1 and v2 else (0.0, 0.0)
    return root**2, slopes[0] * e1 + slopes[1] * e2
