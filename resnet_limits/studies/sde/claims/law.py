"""`sde.law.*`: laws at finite width. Free of torch."""

from __future__ import annotations

import math
from typing import Any

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI
from ....settings import Sde
from .group import Group
from .settings import isotropic, linear, sizes

NO_BIAS: dict[str, Any] = {"init.sigma_b": 0.0}
MATRICES: dict[str, Any] = {"width": 4}
TEST: dict[str, Any] = {"init.sigma_w": 1.0, "init.sigma_b": 0.0}
SWISH: dict[str, Any] = {"activation": "swish", "init.sigma_w": 1.0, "init.sigma_b": 1.0}


def norm_law(settings: Sde, sigma_w: float) -> tuple[float, float]:
    """Mean and standard deviation of `log |x_T|/|x_0|` for tanh, psi = id and sigma_b = 0."""
    s, d = sigma_w**2 * settings.horizon, settings.width
    return s * (1 / 2 - 1 / d), math.sqrt(s / d)


def _growth(settings: Sde) -> float:
    """`sigma_w^2 T`"""
    return sizes(settings).sigma_w ** 2 * settings.horizon


def _moving(settings: Sde) -> str | None:
    if (reason := linear(settings)) is None and sizes(settings).sigma_w == 0:
        reason = "init.sigma_w=0: the norm and the determinant do not move"
    return reason


def _exact(name: str, observable: str, statement: str, expected: Expected, pins: dict[str, Any]) -> Claim:
    return Claim(
        id=f"sde.law.{name}",
        source=PELUCHETTI,
        statement=statement,
        kind="theorem",
        observable=observable,
        expected=expected,
        pins=pins,
        outside=_moving,
        random=True,
    )


def _deviation(settings: Sde) -> float:
    return norm_law(settings, sizes(settings).sigma_w)[1]


def _root(records: Any) -> float:
    """`sqrt n`, n the networks of the test; nan where there are none."""
    its = records[records["observable"].str.startswith("law_distance")]
    return math.sqrt(its["replicas"].iloc[0]) if len(its) else math.nan


def _not_deep(records: Any) -> str | None:
    root, deepest = _root(records), records["depth"].max()
    if deepest < 4 * root:
        return f"the deepest networks, L={deepest}, are not well above sqrt(n)={root:.0f}: the test may still reject"
    return None


def _not_shallow(records: Any) -> str | None:
    root, shallowest = _root(records), records["depth"].min()
    if shallowest > root / 2:
        return f"the shallowest networks, L={shallowest}, are not well below sqrt(n)={root:.0f}: the test may accept"
    return None


GROUP = Group(
    claims=(
        _exact(
            "norm",
            "log_norm_ratio",
            "the mean of log |x_T|/|x_0| is sigma_w^2 T (1/2 - 1/D) (tolerance in standard deviations)",
            Expected("value", lambda s: norm_law(s, sizes(s).sigma_w)[0], 0.1, unit=_deviation),
            NO_BIAS,
        ),
        _exact(
            "norm.variance",
            "log_norm_ratio_var",
            "the variance of log |x_T|/|x_0| is sigma_w^2 T/D (relative tolerance)",
            Expected("value", lambda s: _deviation(s) ** 2, 0.15, unit=lambda s: _deviation(s) ** 2),
            NO_BIAS,
        ),
        _exact(
            "determinant",
            "log_abs_det_jacobian",
            "the mean of log |det dx_T/dx_0| is -sigma_w^2 T/2 (tolerance in standard deviations)",
            Expected("value", lambda s: -_growth(s) / 2, 0.1, unit=lambda s: math.sqrt(_growth(s))),
            MATRICES,
        ),
        _exact(
            "determinant.variance",
            "log_abs_det_jacobian_var",
            "the variance of log |det dx_T/dx_0| is sigma_w^2 T (relative tolerance)",
            Expected("value", _growth, 0.15, unit=_growth),
            MATRICES,
        ),
        Claim(
            id="sde.law.test",
            source=PELUCHETTI,
            statement="the law of log |x_L|/|x_0| is that of the SDE for L well above sqrt(n) (test of n networks)",
            kind="theorem",
            observable="law_distance",
            expected=Expected("at_most", 0, 0.065),
            pins=TEST,
            outside=linear,
            unmet=_not_deep,
            random=True,
            verdicts={"full": "supported", "smoke": "inconclusive"},
        ),
        Claim(
            id="sde.law.test.shallow",
            source=PELUCHETTI,
            statement="the same test of n networks rejects at a depth well below sqrt(n)",
            kind="control",
            observable="law_distance_shallowest",
            expected=Expected("at_least", 0.05, 0.02),
            pins=TEST,
            outside=linear,
            unmet=_not_shallow,
            random=True,
        ),
        Claim(
            id="sde.law.two_sample",
            source=PELUCHETTI,
            statement="the law of mean_d x_d tends to that of the SDE where no exact law is known (swish)",
            kind="theorem",
            observable="two_sample_distance",
            expected=Expected("at_most", 0, 0.09),
            pins=SWISH,
            outside=isotropic,
            random=True,
        ),
        Claim(
            id="sde.law.energy",
            source=PELUCHETTI,
            statement="the energy distance of states to the SDE tends to zero (swish)",
            kind="theorem",
            observable="energy_distance",
            expected=Expected("at_most", 0, 0.001),
            pins=SWISH,
            outside=isotropic,
            random=True,
        ),
    ),
    observables={
        "log_norm_ratio": "mean over replicas of log |x_T|/|x_0|; reference: that of the SDE (sigma_b = 0)",
        "log_norm_ratio_var": "its variance over replicas",
        "log_abs_det_jacobian": "mean over replicas of log |det dx_T/dx_0|, width 4; reference: that of the SDE",
        "log_abs_det_jacobian_var": "its variance over replicas",
        "law_distance": "Kolmogorov's distance of log |x_T|/|x_0| to the exact law of the SDE; 1.96 standard errors:"
        " the radius of the 95 % band of Dvoretzky, Kiefer & Wolfowitz",
        "law_distance_shallowest": "the same at the shallowest depth",
        "law_p_value": "p-value of Kolmogorov's test against the exact law",
        "two_sample_distance": "Kolmogorov's distance of mean_d x_d between networks and Euler-Maruyama scheme (swish)",
        "energy_distance": "energy distance of the states of networks and Euler-Maruyama scheme, over 2 E|X-Y| (swish)",
    },
    comparisons={"shallow_law": ("sde.law.test.shallow",)},
)
