"""`sde.backward.*`: Jacobians and gradients, in networks with and without the factor sqrt(h). Free of torch."""

from __future__ import annotations

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import PELUCHETTI, SCHOENHOLZ, YANG_RESIDUAL
from ...group import Group
from ...least import SMALLEST_PIECE, number
from ..outside import heavy, linear, mild, sizes
from ..room import least_of_inputs
from ..settings import Sde
from ..unscaled_keys import PLAIN_ORDERED, UNSCALED_SWISH, UNSCALED_TANH_UNIT, narrow


def moving(settings: Sde) -> str | None:
    """Why Jacobians have no closed law, or not one to measure; None where it applies."""
    if (reason := linear(settings)) is not None:
        return reason
    return "init.sigma_w=0: the Jacobian is the identity" if sizes(settings).sigma_w == 0 else None


def measurable(settings: Sde) -> str | None:
    """The same for the mean square of Jacobians."""
    return moving(settings) or heavy(settings)


def lyapunov(settings: Sde) -> float:
    """`sigma_w^2 T (1/2 - 1/D)`."""
    return sizes(settings).sigma_w ** 2 * settings.horizon * (0.5 - 1 / settings.width)


def _of_width(settings: Sde) -> float:
    """`sigma_w^2 T/D`: what finite width takes from the exponent of infinite width."""
    return sizes(settings).sigma_w ** 2 * settings.horizon / settings.width


def least_of_backward(settings: Sde) -> float:
    """The states of all layers on the tape."""
    return (
        least_of_inputs(settings)
        + number(settings) * min(settings.replicas, SMALLEST_PIECE) * settings.depth * settings.width
    )


GROUP = Group(
    name="backward",
    title="Do gradients neither vanish nor explode with depth?",
    seconds=5.2,
    least=least_of_backward,
    claims=(
        Claim(
            id="sde.backward",
            source=PELUCHETTI,
            statement="tangents neither vanish nor explode: E |dx_T/dx_0 u|^2 = e^{sigma_w^2 T} |u|^2",
            kind="theorem",
            observable="jacobian_norm",
            expected=Expected("value", 1.0, 0.05),
            outside=measurable,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.backward.lyapunov",
            source=PELUCHETTI,
            statement="the mean log growth of a tangent, less its martingale, is sigma_w^2 T (1/2 - 1/D) (tolerance in"
            " units of sigma_w^2 T/D: 1/2 alone is off by one)",
            kind="theorem",
            observable="lyapunov_top",
            expected=Expected("value", lyapunov, 0.25, unit=_of_width),
            outside=moving,
            random=True,
        ),
        Claim(
            id="sde.backward.lyapunov.martingale",
            source=PELUCHETTI,
            statement="the martingale of the log growth of a tangent has mean zero: no drift along it (in standard"
            " deviations, sigma_w (T/D)^1/2)",
            kind="theorem",
            observable="lyapunov_martingale",
            expected=Expected("value", 0.0, 0.2),
            outside=moving,
            random=True,
        ),
        Claim(
            id="sde.backward.gradient",
            source=PELUCHETTI,
            statement="gradients neither vanish nor explode over the layers: mean squares of dJ/dW_k at the last and"
            " the first layer have the ratio of the limit, 1 + (1 - e^{-sigma_w^2 T}) c/q_0, c = sigma_b^2/sigma_w^2",
            kind="theorem",
            observable="gradient_ratio",
            expected=Expected("value", 1.0, 0.06),
            outside=mild,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.backward.plain",
            source=SCHOENHOLZ,
            statement="in feed-forward tanh networks gradients vanish: log |p_0|^2 falls by at least 0.25 a layer"
            " (sigma_w = 1, sigma_b = 0.5, |x_0|^2 = D)",
            kind="control",
            observable="gradient_rate",
            expected=Expected("at_most", -0.25, 0.05),
            where={"scheme": "feed-forward"},
            pins=PLAIN_ORDERED,
            random=True,
        ),
        Claim(
            id="sde.backward.unscaled",
            source=YANG_RESIDUAL,
            statement="without the factor sqrt(h), gradients of tanh networks grow like e^{c L^1/2} (sigma_w = 1,"
            " sigma_b = 0.5, |x_0|^2 = D)",
            kind="control",
            observable="gradient_growth",
            expected=Expected("order", -0.5, 0.15),
            where={"scheme": "unscaled-tanh"},
            pins=UNSCALED_TANH_UNIT,
            outside=narrow,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.backward.explosion",
            source=PELUCHETTI,
            statement="without the factor sqrt(h), gradients of swish networks explode: log |p_0|^2 grows by at least"
            " 0.15 a layer (sigma_w = sigma_b = 0.5, |x_0|^2 = D)",
            kind="control",
            observable="gradient_rate",
            expected=Expected("at_least", 0.15, 0.05),
            where={"scheme": "unscaled-swish"},
            pins=UNSCALED_SWISH,
            random=True,
        ),
    ),
    memory=("width", "depth"),
    observables={
        "jacobian_norm": "E |dx_L/dx_0 u|^2 / |u|^2 of a tangent u, relative to the limit's, e^{sigma_w^2 T}; the"
        " interval counts the error of that depth at infinite width",
        "lyapunov_top": "E [log (|dx_L/dx_0 u| / |u|) - M] of the same tangent, M the martingale below; the interval"
        " counts the error of that depth to first order in h",
        "lyapunov_martingale": "mean of M = sum_k <u_k, u_{k+1} - u_k>/|u_k|^2 in units of sigma_w (T/D)^1/2",
        "gradient_norm": "root mean square over replicas of |dJ/dW_k| (Frobenius), J = sum_d x_L,d / sqrt(D), by layer"
        " k; reference: the exact limit where it has a closed form",
        "gradient_ratio": "mean square of |dJ/dW_k| at the last over that at the first of the layers shown, relative"
        " to the limit's; the interval counts the error of that depth at infinite width",
        "gradient_growth": "log (|p_0|^2 / |p_L|^2), p_k = dJ/dx_k, mean over replicas",
        "gradient_rate": "the same a layer; of min(L, 128) layers",
    },
)
