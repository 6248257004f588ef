"""`sde.backward.*`: Jacobians and gradients, in networks with and without the factor sqrt(h). Free of torch.

Jacobians obey the linear SDE that Peluchetti & Favaro give (2019, 2020); with tanh and psi = id it is `dG = dW G`; its
growth is Newman's, Le Jan's and Norris, Rogers & Williams' (1985, 1986). Means of squares follow by Ito's formula
(`measure.py`).
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import NEWMAN, NORRIS, PELUCHETTI, PELUCHETTI_DIFFUSIONS, SCHOENHOLZ, YANG_RESIDUAL
from ...group import Group
from ...least import REPLICAS_SAMPLED_AT_LEAST, bytes_of_number
from ..outside import explodes_with, heavy, isotropic, mild, not_linear, sizes
from ..room import least_of_inputs
from ..settings import Sde
from ..unscaled_keys import PLAIN_ORDERED, UNSCALED_SWISH, UNSCALED_TANH_UNIT, too_narrow_unscaled

PINS_OF_SWISH = {"activation": "swish", "activation_inside": "identity"}
WIDTH_OF_SWISH_GRADIENTS = 256
"""Width of the networks with swish that are held against infinite width; their number is `replicas / 16`."""


def no_closed_jacobian(settings: Sde) -> str | None:
    """Why Jacobians have no closed law, or not one to measure; None where it applies."""
    if (reason := not_linear(settings)) is not None:
        return reason
    return "init.sigma_w=0: the Jacobian is the identity" if sizes(settings).sigma_w == 0 else None


def measurable(settings: Sde) -> str | None:
    """The same for the mean square of Jacobians."""
    return no_closed_jacobian(settings) or heavy(settings)


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
        + bytes_of_number(settings)
        * min(settings.replicas, REPLICAS_SAMPLED_AT_LEAST)
        * settings.depth
        * settings.width
    )


def spacing_at_one(settings: Sde) -> float:
    """The distance of 1 from the next number."""
    return {"float32": 2.0**-23, "float64": 2.0**-52}[settings.dtype]


def _of_swish(settings: Sde) -> str | None:
    if sizes(settings).sigma_w == 0:
        return "init.sigma_w=0: the Jacobian is the identity"
    return isotropic(settings) or explodes_with("swish", settings)


def _applies(settings: Sde) -> str | None:
    """Networks with sizes of their own."""
    return None


def _claim(name: str, statement: str, observable: str, expected: Expected, **more: Any) -> Claim:
    return Claim(
        id="sde.backward" + name,
        statement=statement,
        observable=observable,
        expected=expected,
        random=True,
        **{"source": PELUCHETTI, "kind": "derived", "outside": no_closed_jacobian, **more},
    )


GROUP = Group(
    name="backward",
    title="Do gradients neither vanish nor explode with depth?",
    seconds=10,
    least=least_of_backward,
    uncompiled="feed-forward networks",
    claims=(
        _claim(
            "",
            "Tangents u neither vanish nor explode: E|(dx_T/dx_0) u|^2 = e^{sigma_w^2 T} |u|^2",
            "jacobian_norm",
            Expected("value", 1.0, 0.05, scale=RELATIVE),
            outside=measurable,
            rival=Rival("forward noise of size h in place of sqrt(h)", "SB1-forward-h", 0.7826),
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        _claim(
            ".lyapunov",
            "The mean log growth of a tangent, less its martingale part, is sigma_w^2 T (1/2 - 1/D)",
            "lyapunov_top",
            # in units of sigma_w^2 T/D: 1/2 alone is off by one
            Expected("value", lyapunov, 0.25, unit=_of_width),
            source=NEWMAN,
            rival=Rival("forward noise of size h in place of sqrt(h)", "SB1-forward-h", 0.001458),
            kind="theorem",
        ),
        _claim(
            ".lyapunov.martingale",
            "The martingale part of the log growth of a tangent has mean zero: it does not drift along itself",
            "lyapunov_martingale",
            Expected("value", 0.0, 0.2, scale="standard deviations"),
            rival=Rival("pairs of layers that share their weights", "SB3-layers-repeat", 0.7943),
        ),
        _claim(
            ".costate",
            "The mean of log(|p_0|/|p_T|) of a costate, less its martingale part, is sigma_w^2 T (1/2 - 1/D)",
            "costate_top",
            Expected("value", lyapunov, 0.25, unit=_of_width),
            source=NORRIS,
            rival=Rival("backward noise of size h in place of sqrt(h)", "SB2-transposed-h", 0.001425),
        ),
        _claim(
            ".costate.variance",
            "The variance of log(|p_0|/|p_T|) of a costate is sigma_w^2 T/D",
            "costate_variance",
            Expected("value", 1.0, 0.3, scale=RELATIVE),
            source=NORRIS,
            rival=Rival("backward noise of size h in place of sqrt(h)", "SB2-transposed-h", 0.01571),
        ),
        _claim(
            ".duality",
            "Tangents and costates, sampled without weight matrices, are dual: <p_0, u_0> = <p_L, u_L>",
            "duality",
            Expected("value", 0.0, 1e4, unit=spacing_at_one),
            kind="identity",
            rival=Rival("fresh backward noise also along the directions already drawn", "S13-adjoint-projection"),
            outside=isotropic,
        ),
        _claim(
            ".gradient",
            "Gradients neither vanish nor explode: E|dJ/dW_k|^2 has the limit's ratio of last to first layer",
            "gradient_ratio",
            Expected("value", 1.0, 0.06, scale=RELATIVE),
            rival=Rival("forward noise of size h in place of sqrt(h)", "SB1-forward-h", 0.6228),
            outside=mild,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        _claim(
            ".swish",
            "Jacobians of swish networks have the Ito drift phi''(0) (sigma_w^2/D) 1 x^T dt of the SDE",
            "jacobian_drift",
            Expected("value", 1.0, 0.1, scale=RELATIVE),
            source=PELUCHETTI_DIFFUSIONS,
            kind="theorem",
            where={"scheme": "swish"},
            pins={**PINS_OF_SWISH, "width": WIDTH_OF_SWISH_GRADIENTS},
            outside=_of_swish,
            rival=Rival("half the Ito drift", "SB4-half-the-drift", 2.011),
        ),
        _claim(
            ".plain",
            "In feed-forward tanh networks, gradients vanish: log |p_0|^2 falls by at least 0.5 a layer",
            "gradient_rate",
            # of infinite width by 0.54, log(sigma_w^2 E phi'(z)^2); of narrow networks by more
            Expected("at_most", -0.5, 0.05, scale="per layer"),
            source=SCHOENHOLZ,
            kind="control",
            where={"scheme": "feed-forward"},
            pins=PLAIN_ORDERED,
            rival=Rival("networks that have skip connections", "SR2-feed-forward-skips", 0.08922),
            outside=_applies,
        ),
        _claim(
            ".unscaled",
            "Without the factor sqrt(h), gradients of tanh networks grow like e^{c sqrt(L)}",
            "gradient_growth",
            Expected("order", -0.5, 0.15),
            source=YANG_RESIDUAL,
            kind="control",
            where={"scheme": "unscaled-tanh"},
            pins=UNSCALED_TANH_UNIT,
            rival=Rival("swish networks, whose gradients explode", "SB6-copied-activation", -0.9907),
            outside=too_narrow_unscaled,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        _claim(
            ".explosion",
            "Without the factor sqrt(h), gradients of swish networks explode: log |p_0|^2 grows by at least 0.15 a"
            " layer",
            "gradient_rate",
            Expected("at_least", 0.15, 0.04, scale="per layer"),
            kind="control",
            where={"scheme": "unscaled-swish"},
            pins=UNSCALED_SWISH,
            rival=Rival("networks that have the factor sqrt(h)", "SR3-unscaled-are-scaled", -0.0002942),
            outside=_applies,
        ),
    ),
    memory=("width", "depth"),
    observables={
        "jacobian_norm": "E |dx_L/dx_0 u|^2 / |u|^2 of a tangent u, relative to the limit's, e^{sigma_w^2 T}; the"
        " interval counts the error of that depth at infinite width",
        "lyapunov_top": "E [log (|dx_L/dx_0 u| / |u|) - M] of the same tangent, M the martingale below; the interval"
        " counts the error of that depth to first order in h",
        "lyapunov_martingale": "mean of M = sum_k <u_k, u_{k+1} - u_k>/|u_k|^2 in units of sigma_w (T/D)^1/2",
        "costate_top": "E [log (|p_0| / |p_L|) - M], p = dJ/dx, M = sum_k <p_{k+1}, p_k - p_{k+1}>/|p_{k+1}|^2; its"
        " interval counts the error of that depth as lyapunov_top does",
        "costate_variance": "variance over networks of log (|p_0| / |p_L|) in units of sigma_w^2 T/D",
        "duality": "mean of |<p_0, u_0> - <p_L, u_L>|/(|p_L| |u_L|)",
        "jacobian_drift": "mean over networks and coordinates of the tangent u_L - u_0 from u_0 = x_0, swish, width"
        " 256, relative to the limit's; the interval counts the error of infinitely wide networks of that depth, by"
        " those of half of it",
        "gradient_norm": "root mean square over replicas of |dJ/dW_k| (Frobenius), J = sum_d x_L,d / sqrt(D), by layer"
        " k; reference: the exact limit where it has a closed form",
        "gradient_ratio": "mean square of |dJ/dW_k| at the last over that at the first of the layers shown, relative"
        " to the limit's; the interval counts the error of that depth at infinite width",
        "gradient_growth": "log (|p_0|^2 / |p_L|^2), p_k = dJ/dx_k, mean over replicas",
        "gradient_rate": "log (|p_0|^2 / |p_L|^2) a layer, mean over replicas, of min(L, 128) layers",
    },
)
