"""`sde.prenorm.*`: blocks that see the state divided by its root mean square. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI, XIONG
from ....settings import Sde
from .group import SMOKE_IS_TOO_SMALL, Group
from .settings import still

WITHOUT = {"init.sigma_b": 0.0}
NARROWEST = 4
"""The mean of `log|e + W e|^2` is about `sigma_w^2 (1 - 2/D)` for small sigma_w."""


def _still(settings: Sde) -> str | None:
    if getattr(settings.init, "sigma_w", 1.0) == 0:
        return "init.sigma_w=0: the branch vanishes, nothing grows"
    return None


def _narrow(settings: Sde) -> str | None:
    if settings.width < NARROWEST:
        return f"width={settings.width}: below {NARROWEST} a typical network need not grow"
    return _still(settings)


GROUP = Group(
    claims=(
        Claim(
            id="sde.prenorm",
            source=XIONG,
            statement="E|x_L|^2/D = q_0 + c sum of squared branch factors, exactly, whatever the factors: linear"
            " branch",
            kind="theorem",
            observable="prenorm_norm",
            expected=Expected("value", 1, 0.05),
            where={"scheme": "linear"},
            outside=still,
            random=True,
        ),
        Claim(
            id="sde.prenorm.two",
            source=XIONG,
            statement="E|x_L|^2/D = q_0 + c sum of squared branch factors, exactly: branch V phi(W y + b)",
            kind="theorem",
            observable="prenorm_norm",
            expected=Expected("value", 1, 0.05),
            where={"scheme": "two-layers"},
            outside=_still,
            random=True,
        ),
        Claim(
            id="sde.prenorm.gaussian",
            source=PELUCHETTI,
            statement="with factors of order L^-1/2 and a Gaussian linear branch the law of x_T is Gaussian: no"
            " excess kurtosis",
            kind="theorem",
            observable="prenorm_kurtosis",
            expected=Expected("value", 0, 0.25),
            where={"scheme": "linear"},
            outside=still,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.prenorm.gaussian.radius",
            source=PELUCHETTI,
            statement="there |x_T - x_0|^2/(c T) has the variance 2 D of chi^2_D",
            kind="theorem",
            observable="prenorm_radius_var",
            expected=Expected("value", 1, 0.3),
            where={"scheme": "linear"},
            outside=still,
            random=True,
        ),
        Claim(
            id="sde.prenorm.without",
            source=XIONG,
            statement="without the norm and with factors 1 growth is exponential: log(|x_L|^2/|x_0|^2)/L as predicted",
            kind="control",
            observable="prenorm_log_growth",
            expected=Expected("value", 1, 0.02),
            where={"scheme": "without-norm"},
            pins=WITHOUT,
            outside=_narrow,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
    ),
    observables={
        "prenorm_norm": "mean of |x_L|^2/D, as q_0 + |x_L - x_0|^2/D (the same mean, half the noise), relative to"
        " q_0 + c times the sum of squared branch factors, which rise linearly from block to block",
        "prenorm_kurtosis": "excess kurtosis of the coordinates of x_L - x_0",
        "prenorm_radius_var": "variance of |x_L - x_0|^2/(c T), relative to the 2 D of chi^2_D",
        "prenorm_log_growth": "log(|x_L|^2/|x_0|^2)/L of x + W x, relative to E log|e + W e|^2 of one block, |e| = 1",
    },
)
