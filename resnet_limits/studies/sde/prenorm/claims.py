"""`sde.prenorm.*`: blocks that see the state divided by its root mean square. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import PELUCHETTI, XIONG, Paper
from ...group import Group
from ...least import DOUBLE, sampled
from ...outside import still
from ..room import least_of_inputs
from ..settings import Sde

WITHOUT = {"init.sigma_b": 0.0}
NARROWEST = 4
"""The mean of `log|e + W e|^2` is about `sigma_w^2 (1 - 2/D)` for small sigma_w."""


def _still(settings: Sde) -> str | None:
    if settings.init.sizes().sigma_w == 0:
        return "init.sigma_w=0: the branch vanishes, nothing grows"
    return None


def _narrow(settings: Sde) -> str | None:
    if settings.width < NARROWEST:
        return f"width={settings.width}: below {NARROWEST} a typical network need not grow"
    return _still(settings)


def _claim(
    name: str,
    source: Paper,
    statement: str,
    observable: str,
    expected: Expected,
    scheme: str,
    outside: Any,
    **more: Any,
) -> Claim:
    return Claim(
        id=name,
        source=source,
        statement=statement,
        kind="theorem",
        observable=observable,
        expected=expected,
        where={"scheme": scheme},
        outside=outside,
        random=True,
        **more,
    )


def least_of_prenorm(settings: Sde) -> float:
    """What each network moved by, of both blocks."""
    moved = 2 * DOUBLE * settings.replicas * settings.sde.inputs * settings.width
    return least_of_inputs(settings) + moved + sampled(settings, vectors=settings.sde.inputs)


GROUP = Group(
    name="prenorm",
    title="How do pre-norm networks grow, and is the law of their output Gaussian?",
    seconds=3,
    least=least_of_prenorm,
    memory=("replicas", "width", "sde.inputs"),
    claims=(
        _claim(
            "sde.prenorm",
            XIONG,
            "E|x_L|^2/D = q_0 + c sum of squared branch factors, exactly, whatever the factors: linear branch, as"
            " q_0 + E|x_L - x_0|^2/D",
            "prenorm_norm",
            Expected("value", 1, 0.02),
            "linear",
            still,
        ),
        _claim(
            "sde.prenorm.drift",
            XIONG,
            "and E<x_0, x_L - x_0> = 0, the other part of E|x_L|^2: linear branch, in standard deviations",
            "prenorm_drift",
            Expected("value", 0, 0.1),
            "linear",
            still,
        ),
        _claim(
            "sde.prenorm.two",
            XIONG,
            "E|x_L|^2/D = q_0 + c sum of squared branch factors, exactly: branch V phi(W y + b), as"
            " q_0 + E|x_L - x_0|^2/D",
            "prenorm_norm",
            Expected("value", 1, 0.005),
            "two-layers",
            _still,
        ),
        _claim(
            "sde.prenorm.two.drift",
            XIONG,
            "and E<x_0, x_L - x_0> = 0, the other part of E|x_L|^2: branch V phi(W y + b), in standard deviations",
            "prenorm_drift",
            Expected("value", 0, 0.1),
            "two-layers",
            _still,
        ),
        _claim(
            "sde.prenorm.gaussian",
            PELUCHETTI,
            "with factors of order L^-1/2 and a Gaussian linear branch the law of x_T is Gaussian, at any depth: no"
            " excess kurtosis",
            "prenorm_kurtosis",
            Expected("value", 0, 0.1),
            "linear",
            still,
        ),
        _claim(
            "sde.prenorm.gaussian.radius",
            PELUCHETTI,
            "there |x_T - x_0|^2/(c T) has the variance 2 D of chi^2_D, at any depth",
            "prenorm_radius_var",
            Expected("value", 1, 0.15),
            "linear",
            still,
        ),
        _claim(
            "sde.prenorm.gaussian.two",
            PELUCHETTI,
            "of the branch V phi(W y + b), with factors of order L^-1/2, the law of x_T is Gaussian in the limit: that"
            " of the network is a mixture of Gaussians whose excess kurtosis falls as 1/L",
            "prenorm_mixture",
            Expected("order", 1, 0.2),
            "two-layers",
            _still,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        _claim(
            "sde.prenorm.gaussian.two.radius",
            PELUCHETTI,
            "there |x_T - x_0|^2/(c T) has the variance 2 D of chi^2_D in the limit",
            "prenorm_radius_var",
            Expected("value", 1, 0.15),
            "two-layers",
            _still,
        ),
        Claim(
            id="sde.prenorm.without",
            source=XIONG,
            statement="without the norm and with factors 1 growth is exponential: log(|x_L|^2/|x_0|^2)/L is"
            " E log|e + W e|^2 (relative; sigma_b = 0)",
            kind="control",
            observable="prenorm_log_growth",
            expected=Expected("value", 1, 0.02),
            where={"scheme": "without-norm"},
            pins=WITHOUT,
            outside=_narrow,
            random=True,
        ),
    ),
    observables={
        "prenorm_norm": "mean of |x_L|^2/D, as q_0 + |x_L - x_0|^2/D (the same mean, half the noise), relative to"
        " q_0 + c times the sum of squared branch factors, which rise linearly from block to block",
        "prenorm_square": "the same of |x_L|^2/D itself",
        "prenorm_drift": "mean of <x_0, x_L - x_0>/D in units of its standard deviation over replicas",
        "prenorm_kurtosis": "excess kurtosis of the coordinates of x_L - x_0",
        "prenorm_mixture": "of two layers: the same as 3 Var V/(E V)^2, V = sigma_w^2 sum_k s_k^2 |phi(z_k)|^2/D, the"
        " variance of x_L - x_0 given the sizes of the hidden features",
        "prenorm_radius_var": "variance of |x_L - x_0|^2/(c T), relative to the 2 D of chi^2_D; of two layers the"
        " interval counts what the mixture of that depth adds",
        "prenorm_log_growth": "log(|x_L|^2/|x_0|^2)/L of x + W x, relative to E log|e + W e|^2 of one block, |e| = 1",
    },
)
