"""`sde.correlation.*`: two inputs layer by layer, in networks with and without the factor sqrt(h). Free of torch."""

from __future__ import annotations

import math

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import PELUCHETTI, SCHOENHOLZ, YANG_RESIDUAL
from ...group import Group
from ..outside import heavy, linear, mild, sizes
from ..room import least_of_one
from ..settings import Sde
from ..unscaled_keys import PLAIN_CRITICAL, UNSCALED_SWISH, UNSCALED_TANH, narrow

COSINES = (0.9, -0.5)
"""Two inputs of the norm of the first at these cosines to it, beside the second."""
PAIRS = ("0.9", "inputs", "-0.5")
"""Names of the pairs: the first input with one at cosine 0.9, with the second, and with one at cosine -0.5."""

DECORRELATED = 256
"""Width of the networks whose decorrelation is measured: that of infinite width up to 1/D."""
WIDE_TANH = {**UNSCALED_TANH, "width": DECORRELATED}
SLOWLY = 1 - 2 / math.pi
"""Exponent of decorrelation: with saturated units `d lambda = 2/pi asin(lambda/q)` and `dq = 1` a layer."""

SCHEMES = {
    "scaled": "the network of the settings",
    "limit": "its limit, where it has a closed form",
    "feed-forward": "tanh networks without skip connections",
    "unscaled-tanh": "tanh networks without the factor sqrt(h)",
    "unscaled-swish": "swish networks without it, of min(L, 128) layers",
}


def moving(settings: Sde) -> str | None:
    """Why nothing is left of 1 - correlation in the end, or there is no closed law; None where it applies."""
    if (reason := linear(settings)) is not None:
        return reason
    if sizes(settings).sigma_w == 0:
        return "init.sigma_w=0: with noise alone 1 - correlation falls to 0 with the horizon"
    return heavy(settings)


GROUP = Group(
    name="correlation",
    title="Do the norms and the correlation of two inputs tend to those of the limit, and inputs stay apart?",
    seconds=14,
    least=least_of_one,
    claims=(
        Claim(
            id="sde.correlation",
            source=PELUCHETTI,
            statement="the correlation of two inputs at depth L is that of the limit,"
            " lambda_T/q_T with lambda_t = (lambda_0 + c) e^{sigma_w^2 t} - c, c = sigma_b^2/sigma_w^2",
            kind="theorem",
            observable="correlation_error",
            expected=Expected("value", 0.0, 0.025),
            outside=mild,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.correlation.norm",
            source=PELUCHETTI,
            statement="norms at depth L are those of the limit: E |x_L|^2 / D is (q_0 + c) e^{sigma_w^2 T} - c"
            " (relative tolerance)",
            kind="theorem",
            observable="norm_error",
            expected=Expected("value", 0.0, 0.05),
            outside=mild,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.correlation.overlap",
            source=PELUCHETTI,
            statement="overlaps of two inputs at depth L are those of the limit: E <x_L, y_L> / D is"
            " (lambda_0 + c) e^{sigma_w^2 T} - c (tolerance relative to the norms)",
            kind="theorem",
            observable="overlap_error",
            expected=Expected("value", 0.0, 0.05),
            outside=mild,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.correlation.below_one",
            source=PELUCHETTI,
            statement="two inputs stay apart: 1 - correlation, from a cosine of 0.9, is what the limit leaves of it at"
            " time T, more than after an infinite one, (q_0 - lambda_0)/(q_0 + c) (relative tolerance)",
            kind="theorem",
            observable="correlation_gap",
            expected=Expected("value", 1.0, 0.06),
            outside=moving,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.correlation.inputs",
            source=PELUCHETTI,
            statement="the limit depends on the inputs: pairs at cosines 0.9 and -0.5 stay as far apart in"
            " correlation as the limit says",
            kind="theorem",
            observable="correlation_difference",
            expected=Expected("value", 1.0, 0.03),
            outside=mild,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.correlation.plain",
            source=SCHOENHOLZ,
            statement="feed-forward tanh networks with a bias lose their inputs: correlations go to 1, here from"
            " a cosine of -0.5 (sigma_w = 1.3, sigma_b = 0.196, |x_0|^2 = D)",
            kind="control",
            observable="correlation",
            expected=Expected("at_least", 1.0, 0.05),
            where={"scheme": "feed-forward", "pair": "-0.5"},
            pins=PLAIN_CRITICAL,
            random=True,
        ),
        Claim(
            id="sde.correlation.unscaled",
            source=YANG_RESIDUAL,
            statement="without the factor sqrt(h), wide tanh networks decorrelate: correlations fall as"
            " depth^-(1 - 2/pi) (width 256, sigma_w = 4, sigma_b = 0.5, |x_0|^2 = D)",
            kind="control",
            observable="decorrelation",
            # asin(r) = r + r^3/6: what is left is smaller by r^2, of the square of the order
            expected=Expected("order", SLOWLY, 0.12, correction=2 * SLOWLY),
            where={"scheme": "unscaled-tanh-wide"},
            pins=WIDE_TANH,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.correlation.unscaled.prefactor",
            source=YANG_RESIDUAL,
            statement="there correlations are 1.71 depth^-(1 - 2/pi) from a cosine of 0.9 (width 256, sigma_w = 4,"
            " sigma_b = 0.5, |x_0|^2 = D)",
            kind="control",
            observable="decorrelation_prefactor",
            # of infinite width at L=512, by its recursion; 1.65 at L=64
            expected=Expected("value", 1.71, 0.1),
            where={"scheme": "unscaled-tanh-wide"},
            pins=WIDE_TANH,
            random=True,
        ),
        Claim(
            id="sde.correlation.unscaled.norm",
            source=YANG_RESIDUAL,
            statement="without the factor sqrt(h), norms of tanh networks grow linearly: |x_L|^2 is D L (sigma_w = 4,"
            " sigma_b = 0.5, |x_0|^2 = D)",
            kind="control",
            observable="norm_growth",
            expected=Expected("value", 1.0, 0.15),
            where={"scheme": "unscaled-tanh"},
            pins=UNSCALED_TANH,
            outside=narrow,
            random=True,
        ),
        Claim(
            id="sde.correlation.explosion",
            source=PELUCHETTI,
            statement="without the factor sqrt(h), swish networks explode: log |x_k|^2 grows by at least 0.1 a layer"
            " (sigma_w = sigma_b = 0.5, |x_0|^2 = D)",
            kind="control",
            observable="growth_rate",
            expected=Expected("at_least", 0.1, 0.05),
            where={"scheme": "unscaled-swish"},
            pins=UNSCALED_SWISH,
            random=True,
        ),
    ),
    memory=("width",),
    observables={
        "correlation": "E <x, y> / sqrt(E |x|^2 E |y|^2) of two inputs, expectations over replicas, at the output and,"
        " of pair inputs, before layer k; pair inputs: the first two; pairs 0.9 and -0.5: the first and one at this"
        " cosine; schemes scaled, feed-forward, unscaled-tanh and unscaled-swish; reference: the exact limit where it"
        " has a closed form",
        "decorrelation": "the correlation of pair 0.9 in tanh networks of width 256 without the factor, at the output",
        "decorrelation_prefactor": "the same times L^(1 - 2/pi)",
        "correlation_error": "its difference from the exact limit, scaled network, output; here and below the interval"
        " counts the error of that depth at infinite width",
        "norm_error": "E |x_L|^2 of the first input relative to that of the limit, less 1",
        "overlap_error": "E <x_L, y_L> of the first two inputs less that of the limit, relative to the limit's"
        " (E |x|^2 E |y|^2)^1/2",
        "correlation_gap": "1 - correlation of a pair at cosine 0.9, relative to the limit's",
        "correlation_difference": "correlations of pairs at cosines 0.9 and -0.5, their difference relative to that"
        " of the limit",
        "norm_growth": "E |x_L|^2 / (D L) of the first input",
        "growth_rate": "log (|x_L|^2 / |x_0|^2) a layer of the first input, mean over replicas; of min(L, 128) layers",
    },
    arrays={
        f"correlation.{scheme}": "layer k, and correlations before it of the first input with one at cosine 0.9, with"
        f" the second, and with one at cosine -0.5, at most 64 layers and the output, (4, layers): {words}"
        for scheme, words in SCHEMES.items()
    },
)
