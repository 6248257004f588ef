"""`sde.correlation.*`: two inputs layer by layer, in networks with and without the factor sqrt(h). Free of torch.

Of the limit with tanh, `lambda_t = (lambda_0 + c) e^{sigma_w^2 t} - c`: Peluchetti & Favaro's (2020) at infinite width;
at any width by Ito's formula, `d<x, y>/D = (sigma_b^2 + sigma_w^2 <x, y>/D) dt` and a martingale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ....claims.claim import RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import PELUCHETTI, SCHOENHOLZ, YANG_RESIDUAL
from ...group import Group
from ..outside import heavy, mild, not_linear, sizes
from ..room import least_of_one
from ..settings import Sde
from ..unscaled_keys import PLAIN_CRITICAL, UNSCALED_SWISH, UNSCALED_TANH, too_narrow_unscaled

COSINES_TO_FIRST_INPUT = (0.9, -0.5)
"""Two inputs of the norm of the first at these cosines to it, beside the second."""
PAIR_NAMES = ("0.9", "inputs", "-0.5")
"""Names of the pairs: the first input with one at cosine 0.9, with the second, and with one at cosine -0.5."""

WIDTH_OF_DECORRELATION = 256
"""Width of the networks whose decorrelation is measured: that of infinite width up to 1/D."""
PINS_OF_WIDE_TANH = {**UNSCALED_TANH, "width": WIDTH_OF_DECORRELATION}
PINS_OF_WIDE_SWISH = {**UNSCALED_SWISH, "width": WIDTH_OF_DECORRELATION}
SWISH_RATE = 0.39703
"""The rate at infinite width, `log g` at the fixed point (`measure.py`)."""
LAYERS_TO_SETTLE = 32
"""Layers after which the rate is within 0.001 of it."""
EXPONENT_OF_DECORRELATION = 1 - 2 / math.pi
"""Exponent of decorrelation: with saturated units `d lambda = 2/pi asin(lambda/q)` and `dq = 1` a layer."""

WORDS_OF_SCHEMES = {
    "scaled": "the network of the settings",
    "limit": "its limit, where it has a closed form",
    "feed-forward": "tanh networks without skip connections",
    "unscaled-tanh": "tanh networks without the factor sqrt(h)",
    "unscaled-swish": "swish networks without it, of min(L, 128) layers",
}


def no_closed_correlation(settings: Sde) -> str | None:
    """Why nothing is left of 1 - correlation in the end, or there is no closed law; None where it applies."""
    if (reason := not_linear(settings)) is not None:
        return reason
    if sizes(settings).sigma_w == 0:
        return "init.sigma_w=0: with noise alone 1 - correlation falls to 0 with the horizon"
    return heavy(settings)


def few_layers_for_rate(records: Any) -> str | None:
    """For `Claim.unmet`: why the rate of explosion is not yet the one of many layers, or None."""
    rows = records[records["observable"] == "growth_layers"]
    if len(rows) and (layers := rows["value"].max()) < LAYERS_TO_SETTLE:
        return (
            f"it is measured over {layers:.0f} layers, after as many: it takes {LAYERS_TO_SETTLE}, and"
            f" depths from {2 * LAYERS_TO_SETTLE}"
        )
    return None


def _of_the_limit(name: str, statement: str, observable: str, expected: Expected, **more: Any) -> Claim:
    """Of the linear SDE. `Expected`: three half-widths of 1024 networks."""
    return Claim(
        id="sde.correlation" + name,
        source=PELUCHETTI,
        statement=statement,
        kind="derived",
        observable=observable,
        expected=expected,
        random=True,
        verdicts=SMOKE_IS_TOO_SMALL,
        **{"outside": mild, **more},
    )


def _control(
    name: str,
    statement: str,
    observable: str,
    expected: Expected,
    where: Mapping[str, Any],
    pins: Mapping[str, Any],
    **more: Any,
) -> Claim:
    return Claim(
        id=f"sde.correlation.{name}",
        statement=statement,
        kind="control",
        observable=observable,
        expected=expected,
        where=where,
        pins=pins,
        random=True,
        **{"source": YANG_RESIDUAL, **more},
    )


GROUP = Group(
    name="correlation",
    title="Do deep networks keep two inputs apart, by as much as their limit does?",
    seconds=15,
    least=least_of_one,
    uncompiled="feed-forward networks",
    claims=(
        _of_the_limit(
            "",
            "The correlation of two inputs at depth L is that of the SDE, lambda_T/q_T",
            "correlation_error",
            Expected("value", 0.0, 0.028),
            rival=Rival("layers of duration T/L^2 in place of T/L", "SR1-step-divided-twice", -0.08683),
        ),
        _of_the_limit(
            ".norm",
            "E|x_L|^2/D is that of the SDE, (q_0 + c) e^{sigma_w^2 T} - c, c = sigma_b^2/sigma_w^2",
            "norm_error",
            Expected("value", 0.0, 0.06, scale=RELATIVE),
            rival=Rival("layers of duration T/L^2 in place of T/L", "SR1-step-divided-twice", -0.3545),
        ),
        _of_the_limit(
            ".overlap",
            "E<x_L, y_L>/D of two inputs is that of the SDE, (lambda_0 + c) e^{sigma_w^2 T} - c",
            "overlap_error",
            Expected("value", 0.0, 0.055, scale=RELATIVE),
            rival=Rival("layers of duration T/L^2 in place of T/L", "SR1-step-divided-twice", -0.2659),
        ),
        _of_the_limit(
            ".below_one",
            "Two inputs at a cosine of 0.9 stay apart: 1 - correlation is that of the SDE",
            "correlation_gap",
            Expected("value", 1.0, 0.07, scale=RELATIVE),
            outside=no_closed_correlation,
            rival=Rival("layers of duration T/L^2 in place of T/L", "SR1-step-divided-twice", 1.211),
        ),
        _of_the_limit(
            ".inputs",
            "Correlations of pairs of inputs at cosines 0.9 and -0.5 differ by as much as in the SDE",
            "correlation_difference",
            Expected("value", 1.0, 0.035, scale=RELATIVE),
            rival=Rival("layers of duration T/L^2 in place of T/L", "SR1-step-divided-twice", 1.216),
        ),
        _control(
            "plain",
            "Feed-forward tanh networks with a bias forget their inputs: correlations tend to 1",
            "correlation",
            # near the edge of chaos 1 - correlation falls slowly: to some 0.03 at L=64
            Expected("at_least", 1.0, 0.08),
            {"scheme": "feed-forward", "pair": "-0.5"},
            PLAIN_CRITICAL,
            rival=Rival("networks that have skip connections", "SR2-feed-forward-skips", -0.1304),
            source=SCHOENHOLZ,
        ),
        _control(
            "unscaled",
            "Without the factor sqrt(h), correlations of inputs in tanh networks fall at order 1 - 2/pi",
            "decorrelation",
            # asin(r) = r + r^3/6: what is left is smaller by r^2, of the square of the order
            Expected("order", EXPONENT_OF_DECORRELATION, 0.12, correction=2 * EXPONENT_OF_DECORRELATION),
            {"scheme": "unscaled-tanh-wide"},
            PINS_OF_WIDE_TANH,
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("networks that have the factor sqrt(h)", "SR3-unscaled-are-scaled", -0.004699),
        ),
        _control(
            "unscaled.prefactor",
            "Without the factor sqrt(h), correlations from a cosine of 0.9 in tanh networks are 1.71 L^{-(1 - 2/pi)}",
            "decorrelation_prefactor",
            # of infinite width at L=512, by its recursion; 1.65 at L=64
            Expected("value", 1.71, 0.15),
            {"scheme": "unscaled-tanh-wide"},
            PINS_OF_WIDE_TANH,
            rival=Rival("networks that have the factor sqrt(h)", "SR3-unscaled-are-scaled", 3.561),
        ),
        _control(
            "unscaled.norm",
            "Without the factor sqrt(h), the norm of tanh networks grows linearly: E|x_L|^2 is D L",
            "norm_growth",
            Expected("value", 1.0, 0.15, scale=RELATIVE),
            {"scheme": "unscaled-tanh"},
            UNSCALED_TANH,
            outside=too_narrow_unscaled,
            rival=Rival("networks that have the factor sqrt(h)", "SR3-unscaled-are-scaled", 0.5373),
        ),
        _control(
            "explosion",
            "Without the factor sqrt(h), swish networks explode: log |x_k|^2 grows by 0.397 a layer",
            "growth_rate",
            # 1/D takes 0.002; weights that are 5 % too large give 0.417
            Expected("value", SWISH_RATE, 0.006, scale="per layer"),
            {"scheme": "unscaled-swish-wide"},
            PINS_OF_WIDE_SWISH,
            source=PELUCHETTI,
            unmet=few_layers_for_rate,
            rival=Rival("weights 5 % too large", "SR4-weights-5%", 0.4155),
        ),
    ),
    memory=("width",),
    observables={
        "correlation": "E <x, y> / sqrt(E |x|^2 E |y|^2) of two inputs, expectations over replicas, at the output and,"
        " of pair inputs, before layer k; pair inputs: the first two; pairs 0.9 and -0.5: the first and one at this"
        " cosine; schemes scaled, feed-forward, unscaled-tanh and unscaled-swish; reference: the exact limit where it"
        " has a closed form",
        "decorrelation": "the correlation of pair 0.9 in tanh networks of width 256 without the factor, at the output",
        "decorrelation_prefactor": "decorrelation times L^(1 - 2/pi)",
        "correlation_error": "its difference from the exact limit, scaled network, output; here and below the interval"
        " counts the error of that depth at infinite width",
        "norm_error": "E |x_L|^2 of the first input over that of the limit, less 1",
        "overlap_error": "E <x_L, y_L> of the first two inputs less that of the limit, relative to the limit's"
        " (E |x|^2 E |y|^2)^1/2",
        "correlation_gap": "1 - correlation of a pair at cosine 0.9, relative to the limit's",
        "correlation_difference": "correlations of pairs at cosines 0.9 and -0.5, their difference relative to that"
        " of the limit",
        "norm_growth": "E |x_L|^2 / (D L) of the first input",
        "growth_rate": "growth of log |x|^2 a layer over the second half of min(L, 128) layers, swish networks of width"
        " 256 without the factor, mean over replicas",
        "growth_layers": "layers over which the rate is taken",
    },
    arrays={
        f"correlation.{scheme}": "layer k, and correlations before it of the first input with one at cosine 0.9, with"
        f" the second, and with one at cosine -0.5, at most 64 layers and the output, (4, layers): {words}"
        for scheme, words in WORDS_OF_SCHEMES.items()
    },
)
