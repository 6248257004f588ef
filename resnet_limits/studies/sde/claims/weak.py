"""`sde.weak.*`: expectations at depth L, 2L and in the limit. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI
from ....settings import Sde
from .group import Group
from .settings import isotropic, linear, smooth_and_moving, still

MEAN = {"activation": "swish"}

DEPTHS = "at least two depths L, 2L"


def _outside(settings: Sde) -> str | None:
    return smooth_and_moving(settings) or isotropic(settings)


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
        outside=_moving_mean if scheme == "mean" else _outside,
        random=True,
    )


def _moving_mean(settings: Sde) -> str | None:
    return still(settings) or isotropic(settings)


def _limit(scheme: str, of: str) -> Claim:
    return Claim(
        id=f"sde.weak.{scheme}.limit",
        source=PELUCHETTI,
        statement=f"summed over the depths and extrapolated, {of} is that of the SDE, (f_0 + c) e^kT - c",
        kind="theorem",
        observable="multilevel_error",
        expected=Expected("value", 0, 0.01),
        where={"scheme": scheme},
        outside=linear,
        random=True,
        needs=DEPTHS,
    )


def _cost(claim_id: str, observable: str, statement: str, more: dict[str, str], needs: str = "") -> Claim:
    return Claim(
        id=claim_id,
        source=PELUCHETTI,
        statement=statement,
        kind="observation",
        observable=observable,
        expected=Expected("at_least", 1, 0.1),
        where={"scheme": "norm", **more},
        outside=_outside,
        random=True,
        needs=needs,
    )


GROUP = Group(
    claims=(
        _order("norm", "E|x|^2/D"),
        _limit("norm", "E|x|^2/D"),
        _order("overlap", "E<x, y>/D of two inputs"),
        _limit("overlap", "E<x, y>/D of two inputs"),
        _order("mean", "E mean_d x_d (swish)"),
        Claim(
            id="sde.weak.control",
            source=PELUCHETTI,
            statement="the control variate of E|x|^2/D has mean zero on the networks (relative to the limit)",
            kind="theorem",
            observable="weak_control_mean",
            expected=Expected("value", 0, 0.05),
            where={"scheme": "norm"},
            outside=linear,
            random=True,
            needs=DEPTHS,
        ),
        _cost(
            "sde.weak.cost",
            "weak_saving",
            "on one noise, less the martingale, the weak error takes a tenth of the layers at most (log10)",
            {},
        ),
        _cost(
            "sde.weak.multilevel",
            "multilevel_saving",
            "summed over the depths, E|x|^2/D takes a tenth of the layers at most (log10)",
            {"estimator": "controlled"},
            DEPTHS,
        ),
    ),
    observables={
        "weak_error": "|E f(x_L) - f_T|, f = |x|^2/D, <x, y>/D (scheme norm, overlap) for phi''(0) = 0 and psi = id;"
        " else, and for mean_d x_d with swish (scheme mean), |E f(x_2L) - E f(x_L)| on one noise",
        "weak_mean": "E f(x_2L); reference: the limit, where it is known",
        "weak_difference": "E[f(x_2L) - f(x_L)] on one noise",
        "weak_variance": "variance of one sample (coordinate estimator): of f(x_2L) (one depth), of f(x_2L) - f(x_L)"
        " with noise of their own (plain, per L layers), on one noise (coupled), with the martingale (controlled)",
        "weak_cost": "layers drawn for a relative error of 1e-3 of E[f(x_2L) - f(x_L)], by estimator; coupled networks"
        " count as deep as the deeper",
        "weak_saving": "log10 of the cost of E[f(x_2L) - f(x_L)] by plain Monte Carlo over the controlled one's",
        "weak_control": "mean of the martingale subtracted from f(x_2L), over the limit of E f where it is known",
        "weak_control_mean": "the same, mean over the depths",
        "multilevel_mean": "E f(x_2L) summed over the depths up to L",
        "multilevel_error": "relative distance to the limit of the sum with its last difference D_L added once more;"
        " error of the reference: D_L - D_{L/2}/2",
        "multilevel_saving": "log10 of the layers that E f(x_2L) takes by plain Monte Carlo over those of the sum",
    },
    comparisons={
        "multilevel": (
            "sde.weak.norm",
            "sde.weak.norm.limit",
            "sde.weak.overlap",
            "sde.weak.overlap.limit",
            "sde.weak.control",
            "sde.weak.multilevel",
        ),
    },
)
