"""`sde.law.*`: laws at finite width. Free of torch."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import PELUCHETTI
from ....paths.laws.iid import Iid
from ...group import Group
from ...least import DOUBLE
from ..outside import explodes_with, growth, isotropic, linear, overflows, sizes
from ..room import least_of_inputs
from ..settings import Sde

NO_BIAS: dict[str, Any] = {"init.sigma_b": 0.0}
MATRICES: dict[str, Any] = {"width": 4}
TEST: dict[str, Any] = {"init.sigma_w": 1.0, "init.sigma_b": 0.0}
SWISH: dict[str, Any] = {"activation": "swish", "init.sigma_w": 1.0, "init.sigma_b": 1.0}
NETWORKS, LEVEL = 256, 0.05
"""Networks of a test, and how often it may reject the true law."""
SEEN, UNSEEN = 2.0, 0.2
"""Shifts of the distribution function, times `sqrt(n)`, of which tests of a normal law reject 99 % and 7 %."""


def norm_law(settings: Sde, sigma_w: float) -> tuple[float, float]:
    """Mean and standard deviation of `log |x_T|/|x_0|` for tanh, psi = id and sigma_b = 0."""
    s, d = sigma_w**2 * settings.horizon, settings.width
    return s * (1 / 2 - 1 / d), math.sqrt(s / d)


def _moving(settings: Sde) -> str | None:
    if (reason := linear(settings)) is None and sizes(settings).sigma_w == 0:
        reason = "init.sigma_w=0: the norm and the determinant do not move"
    return reason or overflows(growth(settings))


def _testable(settings: Sde) -> str | None:
    return linear(settings) or overflows(TEST["init.sigma_w"] ** 2 * settings.horizon)


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


def _shift(records: Any, at: str) -> tuple[int, float]:
    """The shallowest or deepest depth, and what the law is shifted by there, times `sqrt(n)`; nan if unknown."""
    its = records[records["observable"] == "law_shift"]
    if not len(its):
        return 0, math.nan
    row = its.loc[getattr(its["depth"], at)()]
    return int(row["depth"]), float(row["value"])


def _not_deep(records: Any) -> str | None:
    depth, shift = _shift(records, "idxmax")
    if shift > UNSEEN:
        what = f"the networks of L={depth} are not deep enough for tests of {NETWORKS}"
        return f"{what}: to first order their law is off by {shift:.2g}/sqrt(n), and {UNSEEN} would be little"
    return None


def _not_shallow(records: Any) -> str | None:
    depth, shift = _shift(records, "idxmin")
    if shift < SEEN:
        what = f"the networks of L={depth} are too deep for tests of {NETWORKS} to reject them"
        return f"{what}: to first order their law is off by {shift:.2g}/sqrt(n), and it takes {SEEN:g}"
    return None


def _explodes(settings: Sde) -> str | None:
    """Why the networks that are held against Euler-Maruyama schemes have no law at the horizon, or another one."""
    own = Iid(sigma_w=SWISH["init.sigma_w"], sigma_b=SWISH["init.sigma_b"])
    return isotropic(settings) or explodes_with(SWISH["activation"], replace(settings, init=own))


def _energy(name: str, of: str, scheme: str) -> Claim:
    """A bound: energy distances of the deepest networks are known to 16 %, which leaves an order of 2 a half-width of
    0.2 to 0.4. What it must tell apart is the order 1 of laws that tend to the SDE's at order 1/2."""
    return Claim(
        id=f"sde.law.{name}",
        source=PELUCHETTI,
        statement=f"the law of {of} tends to that of the SDE where no exact law is known: energy distances to the"
        " Euler-Maruyama scheme fall as h^2, or faster than h^(3/2) at least (swish, sigma_w = sigma_b = 1)",
        kind="theorem",
        observable="energy_distance",
        expected=Expected("order_at_least", 1.5, 0.25),
        where={"scheme": scheme},
        pins=SWISH,
        outside=_explodes,
        random=True,
        needs="energy distances that noise leaves positive",
        verdicts=SMOKE_IS_TOO_SMALL,
    )


def _apart(name: str, of: str, scheme: str) -> Claim:
    return Claim(
        id=f"sde.law.{name}",
        source=PELUCHETTI,
        statement=f"the law of {of} of networks is that of the SDE where no exact law is known: Kolmogorov's distance"
        " of two samples, of networks and of an Euler-Maruyama scheme on noise of its own, is 0 (swish, sigma_w ="
        " sigma_b = 1)",
        kind="theorem",
        observable="ks_distance",
        expected=Expected("at_most", 0.0, 0.03),  # three radii of the band of 41000 networks
        where={"scheme": scheme},
        pins=SWISH,
        outside=_explodes,
        random=True,
    )


PAIRS = 40
"""Pairs of network and Euler-Maruyama scheme, for each of the key `replicas`."""


def least_of_law(settings: Sde) -> float:
    """The final states of all pairs of network and scheme."""
    return least_of_inputs(settings) + 2 * DOUBLE * PAIRS * settings.replicas * settings.width


GROUP = Group(
    name="law",
    title="Does the law of the output tend to that of the SDE?",
    seconds=28,
    least=least_of_law,
    memory=("replicas", "width", "sde.inputs"),
    claims=(
        _exact(
            "norm",
            "log_norm_ratio",
            "the mean of log |x_T|/|x_0| is sigma_w^2 T (1/2 - 1/D) (sigma_b = 0; tolerance in standard deviations)",
            Expected("value", lambda s: norm_law(s, sizes(s).sigma_w)[0], 0.1, unit=_deviation),
            NO_BIAS,
        ),
        _exact(
            "norm.variance",
            "log_norm_ratio_var",
            "the variance of log |x_T|/|x_0| is sigma_w^2 T/D (sigma_b = 0; relative tolerance)",
            Expected("value", lambda s: _deviation(s) ** 2, 0.15, unit=lambda s: _deviation(s) ** 2),
            NO_BIAS,
        ),
        _exact(
            "determinant",
            "log_abs_det_jacobian",
            "the mean of log |det dx_T/dx_0| is -sigma_w^2 T/2 (width 4; tolerance in standard deviations)",
            Expected("value", lambda s: -growth(s) / 2, 0.1, unit=lambda s: math.sqrt(growth(s))),
            MATRICES,
        ),
        _exact(
            "determinant.variance",
            "log_abs_det_jacobian_var",
            "the variance of log |det dx_T/dx_0| is sigma_w^2 T (width 4; relative tolerance)",
            Expected("value", growth, 0.15, unit=growth),
            MATRICES,
        ),
        Claim(
            id="sde.law.test",
            source=PELUCHETTI,
            statement=f"Kolmogorov's test of {NETWORKS} networks at level 5 % accepts the exact law of log |x_L|/|x_0|"
            " where L is well above sqrt(n): how often, of many tests (sigma_w = 1, sigma_b = 0)",
            kind="theorem",
            observable="law_accepted",
            expected=Expected("at_least", 1 - LEVEL, 0.1),
            pins=TEST,
            outside=_testable,
            unmet=_not_deep,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.law.test.shallow",
            source=PELUCHETTI,
            statement="the same tests reject at the shallowest depth, of about sqrt(n) or less, in 95 % of cases or"
            " more",
            kind="control",
            observable="law_rejected",
            expected=Expected("at_least", 0.95, 0.1),
            pins=TEST,
            outside=_testable,
            unmet=_not_shallow,
            random=True,
        ),
        _energy("energy", "the states", "states"),
        _energy("two_sample", "mean_d x_d", "mean"),
        _apart("kolmogorov", "mean_d x_d", "mean"),
        _apart("kolmogorov.norm", "|x|", "norm"),
    ),
    observables={
        "log_norm_ratio": "mean over replicas of log |x_T|/|x_0|; reference: that of the SDE (sigma_b = 0); here and in"
        " the next three the interval counts the error of that depth to first order in h or in 1/width",
        "log_norm_ratio_var": "its variance over replicas",
        "log_abs_det_jacobian": "mean over replicas of log |det dx_T/dx_0|, width 4; reference: that of the SDE",
        "log_abs_det_jacobian_var": "its variance over replicas",
        "law_accepted": f"how often Kolmogorov's test of {NETWORKS} networks accepts the exact law of log |x_T|/|x_0|"
        " at level 5 %: (accepted + 1)/(tests + 2)",
        "law_rejected": "how often it rejects at the shallowest depth",
        "law_shift": f"to first order in h, what the law of the network is shifted by: largest distance of the"
        f" distribution functions, times the square root of {NETWORKS}",
        "law_distance": "Kolmogorov's distance of all the networks tested to the exact law of the SDE; 1.96 standard"
        " errors: the radius of the 95 % band of Dvoretzky, Kiefer & Wolfowitz",
        "energy_distance": "energy distance, over 2 E|X-Y|, of networks and Euler-Maruyama scheme of their depth, on"
        " one noise (swish): of the states, and of mean_d x_d (scheme mean)",
        "ks_distance": "Kolmogorov's distance of networks and Euler-Maruyama schemes of their depth, on noises of their"
        " own (swish): of mean_d x_d (scheme mean) and of |x| (scheme norm); 1.96 standard errors: the radius of the 95"
        " % band of Wei & Dudley for two samples",
    },
    compared=("sde.law.test.shallow",),
)
