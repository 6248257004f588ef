"""`sde.weak.*`: expectations at depth L, 2L and in the limit. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import AS_STATED, SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import GILES, PELUCHETTI
from ...group import Group
from ...least import DOUBLE, sampled
from ...outside import still
from ..asymptotic import deep_enough, heavy_tailed
from ..outside import explodes, explodes_with, isotropic, kinked, linear, smooth_and_moving
from ..room import least_of_inputs
from ..settings import Sde

MEAN = {"activation": "swish"}

DEPTHS = "at least two depths L, 2L"


def _outside(settings: Sde) -> str | None:
    return smooth_and_moving(settings) or isotropic(settings) or explodes(settings)


def _mean_outside(settings: Sde) -> str | None:
    return _outside(settings) or heavy_tailed(settings, 2)


def _limit_outside(settings: Sde) -> str | None:
    return linear(settings) or heavy_tailed(settings, 2)


def _variance_outside(settings: Sde) -> str | None:
    return _outside(settings) or heavy_tailed(settings, 4)


def _linear_variance_outside(settings: Sde) -> str | None:
    return linear(settings) or heavy_tailed(settings, 4)


def _order(scheme: str, of: str) -> Claim:
    return Claim(
        id=f"sde.weak.{scheme}",
        source=PELUCHETTI,
        statement=f"weak convergence at order 1: {of}",
        kind="theorem",
        observable="weak_error",
        expected=Expected("order", 1, 0.1),
        where={"scheme": scheme},
        pins=MEAN if scheme == "mean" else {},
        outside=_moving_mean if scheme == "mean" else _mean_outside,
        unmet=deep_enough,
        random=True,
        verdicts=AS_STATED if scheme == "mean" else SMOKE_IS_TOO_SMALL,
    )


def _moving_mean(settings: Sde) -> str | None:
    return still(settings) or isotropic(settings) or explodes_with(MEAN["activation"], settings)


def _limit(scheme: str, of: str) -> Claim:
    return Claim(
        id=f"sde.weak.{scheme}.limit",
        source=PELUCHETTI,
        statement=f"summed over the depths and extrapolated, {of} is that of the SDE, (f_0 + c) e^kT - c,"
        " c = sigma_b^2/sigma_w^2, k = sigma_w^2 (relative)",
        kind="theorem",
        observable="multilevel_error",
        expected=Expected("value", 0, 1e-4),
        where={"scheme": scheme},
        outside=_limit_outside,
        unmet=deep_enough,
        random=True,
        needs=DEPTHS,
        verdicts=SMOKE_IS_TOO_SMALL,
    )


def _noise(claim_id: str, scheme: str, of: str) -> Claim:
    return Claim(
        id=claim_id,
        source=PELUCHETTI,
        statement=f"the steps of networks have the law of the theorem: sums over the layers of {of} are what they are"
        " expected to be given the states, whatever the control variates assume (ratio)",
        kind="theorem",
        observable="weak_steps",
        expected=Expected("value", 1, 0.01),
        where={"scheme": scheme},
        outside=_outside,
        random=True,
    )


def _variance(claim_id: str, statement: str, estimator: str, expected: Expected, outside: Any) -> Claim:
    """1024 networks know a variance to 5 % (coupled), or to 14 %, heavy-tailed as it is: half-widths of an order of
    about 0.17 and 0.45. The latter tells 2 from 1, and is asked for no more."""
    return Claim(
        id=claim_id,
        source=GILES,
        statement=statement,
        kind="observation",
        observable="weak_variance",
        expected=expected,
        where={"scheme": "norm", "estimator": estimator},
        outside=outside,
        random=True,
        unmet=deep_enough,
        verdicts=SMOKE_IS_TOO_SMALL,
    )


def least_of_weak(settings: Sde) -> float:
    """States, and two functionals of each network with their controls, at depths L and 2L."""
    if kinked(settings):  # the mean alone, of a quarter of the networks
        return least_of_inputs(settings) + sampled(settings, vectors=2) + 2 * DOUBLE * 2 * (settings.replicas // 4)
    n = min(2, settings.sde.inputs)
    return least_of_inputs(settings) + sampled(settings, vectors=2 * n) + 2 * DOUBLE * 2 * n * settings.replicas


GROUP = Group(
    name="weak",
    title="Do expectations of norms, overlaps and means converge to those of the SDE at order 1?",
    seconds=4.9,
    least=least_of_weak,
    memory=("replicas", "width", "sde.inputs"),
    claims=(
        _order("norm", "E|x|^2/D"),
        _limit("norm", "E|x|^2/D"),
        _order("overlap", "E<x, y>/D of two inputs"),
        _limit("overlap", "E<x, y>/D of two inputs"),
        _order("mean", "E mean_d x_d, of depths L and 2L (swish)"),
        Claim(
            id="sde.weak.control",
            source=PELUCHETTI,
            statement="the control variate of E|x|^2/D has mean zero on the networks (relative to the limit)",
            kind="theorem",
            observable="weak_control_mean",
            expected=Expected("value", 0, 0.02),
            where={"scheme": "norm"},
            outside=linear,
            random=True,
            needs=DEPTHS,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        _noise("sde.weak.noise", "norm", "|x_{k+1} - x_k|^2"),
        _noise("sde.weak.noise.overlap", "overlap", "<x_{k+1} - x_k, y_{k+1} - y_k>"),
        _variance(
            "sde.weak.multilevel",
            "on one noise the variance of |x_2L|^2/D - |x_L|^2/D falls at order 1, twice the strong order: sums over"
            " the depths cost no more than a logarithm above any other",
            "coupled",
            Expected("order", 1, 0.3),
            _variance_outside,
        ),
        _variance(
            "sde.weak.cost",
            "less the martingale the variance of |x_2L|^2/D falls at order 2, as the square of the weak error, or"
            " faster than h^(3/2) at least: what that costs, relative to itself, grows hardly faster than a network is"
            " deep",
            "one depth, controlled",
            Expected("order_at_least", 1.5, 0.25),
            _linear_variance_outside,
        ),
        Claim(
            id="sde.weak.saving",
            source=GILES,
            statement="on one noise and less the martingale, the difference of E|x|^2/D at depth L and 2L, to a"
            " relative 1e-3, takes a tenth of the layers of plain Monte Carlo at most (log10)",
            kind="observation",
            observable="weak_saving",
            expected=Expected("at_least", 1, 0.1),
            where={"scheme": "norm"},
            outside=_variance_outside,
            random=True,
        ),
    ),
    observables={
        "weak_error": "|E f(x_L) - f_T|, f = |x|^2/D, <x, y>/D (scheme norm, overlap) for phi''(0) = 0 and psi = id;"
        " else, and for mean_d x_d with swish (scheme mean), |E f(x_2L) - E f(x_L)| on one noise",
        "weak_step": "variance of pre-activations in the last layer, h (sigma_b^2 + sigma_w^2 q_T), times k ="
        " phi'(0)^2 sigma_w^2 where k > 1; q_T the limit of E|x|^2/D, else that of networks of depth 2L",
        "weak_mean": "E f(x_2L); reference: the limit, where it is known",
        "weak_difference": "E[f(x_2L) - f(x_L)] on one noise",
        "weak_variance": "variance of one sample (coordinate estimator): of f(x_2L) (one depth), of f(x_2L) - f(x_L)"
        " with noise of their own (plain, per L layers), on one noise (coupled), with the martingale (controlled)",
        "weak_cost": "layers drawn for a relative error of 1e-3 of E[f(x_2L) - f(x_L)], by estimator; coupled networks"
        " count as deep as the deeper",
        "weak_saving": "log10 of the cost of E[f(x_2L) - f(x_L)] by plain Monte Carlo over the controlled one's",
        "weak_control": "mean of the martingale subtracted from f(x_2L), over the limit of E f where it is known",
        "weak_control_mean": "the same, mean over the depths",
        "weak_steps": "sum over layers of |x_{k+1} - x_k|^2 (scheme norm; overlap: products of two inputs), depth 2L,"
        " over the same of expectations given the states",
        "multilevel_mean": "E f(x_2L) summed over the depths up to L",
        "multilevel_error": "relative distance to the limit of the sum with its last difference D_L added once more;"
        " error of the reference: D_L - D_{L/2}/2",
        "multilevel_saving": "log10 of the layers that E f(x_2L) takes by plain Monte Carlo over those of the sum",
    },
    compared=(
        "sde.weak.norm.limit",
        "sde.weak.overlap.limit",
        "sde.weak.control",
    ),
)
