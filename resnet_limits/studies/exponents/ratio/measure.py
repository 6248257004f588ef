"""`exponents.ratio.*`: how far random networks move their input, and the gradient; all beta share weights.

    relative_change             |h_L - h_0|/|h_0|               norm_ratio             |h_L|^2/|h_0|^2
    gradient_relative_change    |g_0 - g_L|/|g_L|               gradient_norm_ratio    |g_0|^2/|g_L|^2

`g_k = dJ/dh_k`, of an output gradient `g_L` that is independent of the weights. With independent layers `V relu(W h)`,
at any width and depth,

    E norm_ratio = E gradient_norm_ratio = (1 + c L^(-2 beta))^L,      c = sigma_w^4/2

and `log norm_ratio` has a mean of `2 c (1/2 - 1/D) L^(1 - 2 beta)` to leading order (`outside.log_growth`).
Networks of all depths have the same smooth paths: of those the root mean square over paths is a function of the depth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....limits.first_order import first_order_sum
from ....measurement.estimate import mean, root_of_mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....paths.laws.smooth import SmoothLaw
from ..networks import Passes, random_networks
from ..outside import log_growth, rate_of_growth, without_exact_growth
from ..settings import Exponents
from .claims import BETAS_OF_SMOOTH, NETWORKS_OF_SMOOTH, QUANTILES

LARGEST_OF_FIRST_ORDER = 1.0
"""Mean square change beyond which terms of higher order are not small."""

Values = dict[str, Float[Tensor, "betas r"]]
"""The observables of each beta and replica."""


def measure(job: Job) -> Measurement:
    """The observables of the setting's own networks, and of smooth ones beside them."""
    settings, betas = job.settings, job.settings.scaling.beta
    values = observed(settings, betas, settings.replicas, job)
    records = [r for i, beta in enumerate(betas) for r in _records(values, i, {"beta": beta})]
    if without_exact_growth(settings) is None:
        records += [r for i, beta in enumerate(betas) for r in _against_exact(settings, values, i, beta)]
    arrays = {f"ratio.{name}": of_each.cpu().numpy() for name, of_each in values.items()}
    arrays |= {"ratio.betas": np.asarray(betas), **_expected(settings, betas)}
    return Measurement([*records, *_smooth(job)], arrays)


def observed(settings: Exponents, betas: Sequence[float], replicas: int, job: Job | None = None) -> Values:
    """The observables of networks of this setting."""
    pieces, done = [], 0
    for passes in random_networks(settings).passes(betas, settings.depth, replicas):
        pieces.append(ratios(passes))
        done += len(passes.g)
        if job is not None:
            job.progress(done / replicas, "random networks")
    return {name: torch.cat([piece[name] for piece in pieces], dim=1) for name in pieces[0]}


def ratios(passes: Passes) -> Values:
    """The observables of some passes, in float64."""
    start, h, p, g = (x.double() for x in (passes.start, passes.states, passes.gradients, passes.g))
    size, size_of_g = start.norm(), g.norm(dim=-1)
    return {
        "relative_change": (h - start).norm(dim=-1) / size,
        "gradient_relative_change": (p - g).norm(dim=-1) / size_of_g,
        "norm_ratio": (h.norm(dim=-1) / size).square(),
        "gradient_norm_ratio": (p.norm(dim=-1) / size_of_g).square(),
    }


def _records(values: Values, i: int, coordinates: dict[str, Any]) -> Iterator[Record]:
    """Mean and quantiles over replicas, of one beta; of exploded networks how many there are."""
    for name, of_each in values.items():
        numbers = of_each[i]
        gone = ~numbers.isfinite()
        if name == "relative_change":
            yield Record("exploded", float(gone.double().mean()), coordinates=coordinates)
        where = {**coordinates, "statistic": "mean"}
        if bool(gone.any()):
            yield unknown(name, f"{int(gone.sum())} of {len(numbers)} networks exploded beyond floating point", where)
        else:
            value, stderr = mean(numbers)
            yield Record(name, value, stderr=stderr, coordinates=where)
        ordered = torch.where(gone, math.inf, numbers).sort().values
        for quantile in QUANTILES:
            value = float(ordered[min(int(quantile * len(ordered)), len(ordered) - 1)])
            if math.isfinite(value):
                yield Record(name, value, coordinates={**coordinates, "statistic": f"quantile {quantile:g}"})


def _against_exact(settings: Exponents, values: Values, i: int, beta: float) -> Iterator[Record]:
    """Means over the exact ones, and the mean logarithm over its leading order."""
    growth = settings.depth * math.log1p(rate_of_growth(settings) * settings.depth ** (-2 * beta))
    for name in ("norm_ratio", "gradient_norm_ratio"):
        numbers = values[name][i]
        if bool(numbers.isfinite().all()) and growth < math.log(float(np.finfo(np.float64).max)):
            value, stderr = mean(numbers * math.exp(-growth))
            yield Record(f"{name}_to_exact", value, stderr=stderr, coordinates={"beta": beta})
    logarithms = values["norm_ratio"][i].log()
    expected = settings.depth * log_growth(settings, settings.depth**-beta)
    if bool(logarithms.isfinite().all()) and expected > 0:
        value, stderr = mean(logarithms / expected)
        yield Record("log_growth_to_expected", value, stderr=stderr, coordinates={"beta": beta})


def _expected(settings: Exponents, betas: Sequence[float]) -> dict[str, np.ndarray]:
    """Root mean square changes of states and gradients, where they are known exactly, else to first order; and mean and
    variance of `log |h_L|^2/|h_0|^2` to leading order."""
    known, depth = without_exact_growth(settings) is None, settings.depth
    expected: dict[str, np.ndarray] = {}
    for name, backwards in (("relative_change", False), ("gradient_relative_change", True)):
        if known:
            growth = depth * np.log1p(rate_of_growth(settings) * depth ** (-2 * np.array(betas)))
            with np.errstate(over="ignore"):
                squares = np.expm1(growth)
        else:
            block, phi = settings.block, settings.activation
            total = first_order_sum(settings.init, block, phi, depth, settings.horizon, backwards=backwards)
            squares = [depth ** (-2 * beta) * total for beta in betas]
            squares = [square if square <= LARGEST_OF_FIRST_ORDER else math.nan for square in squares]
        expected[f"ratio.expected_{name}"] = np.sqrt(squares)
    if known:
        variance = 4 * rate_of_growth(settings) / settings.width
        law = [(depth * log_growth(settings, depth**-b), variance * depth ** (1 - 2 * b)) for b in betas]
        expected["ratio.log_law"] = np.array(law)
    return expected


def _smooth(job: Job) -> Iterator[Record]:
    """Relative changes of networks with smooth weights, at the betas that their claims pin."""
    sizes = job.settings.init.sizes()
    settings = replace(job.settings, init=SmoothLaw(sigma_w=sizes.sigma_w, sigma_b=sizes.sigma_b))
    values = observed(settings, BETAS_OF_SMOOTH, min(NETWORKS_OF_SMOOTH, settings.replicas))
    for i, beta in enumerate(BETAS_OF_SMOOTH):
        value, _ = root_of_mean(values["relative_change"][i].square())
        if math.isfinite(value):
            where = {"beta": beta, "law": "smooth"}
            networks = values["relative_change"].shape[1]
            yield Record("smooth_relative_change", value, coordinates=where, replicas=networks)
