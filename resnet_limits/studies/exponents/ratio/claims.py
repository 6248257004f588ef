"""`exponents.ratio.*`: how far random networks move their input, for several beta. Free of torch.

That networks with beta above 1/2 approach the identity, and explode below, is Marion, Fermanian, Biau & Vert's (2022),
as is beta = 1 for weights that are smooth in depth. The moments of `V relu(W h)` follow from the law of a layer.
"""

from __future__ import annotations

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import MARION_SCALING
from ...group import Group
from ..outside import biased, unless_two_matrices, without_exact_growth
from ..room import least_of_tape
from ..settings import Exponents

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the observables over replicas."""
BETA_CRITICAL, BETA_ABOVE, BETA_BELOW = 0.5, 1.0, 0.25
"""For independent layers: at, above and below the critical exponent, as in the figures of the paper."""
BETAS_OF_SMOOTH = [2.0]
"""Above the critical exponent 1 of smooth weights."""
NETWORKS_OF_SMOOTH = 64
NEEDS_BETA = "scaling.beta with {:g}"


def smooth_outside(settings: Exponents) -> str | None:
    return unless_two_matrices(settings) or biased(settings)


GROUP = Group(
    name="ratio",
    title="What does the factor L^-beta do to a random network?",
    seconds=8,
    memory=("replicas", "width", "depth"),
    least=least_of_tape,
    claims=(
        Claim(
            id="exponents.ratio.forward",
            source=MARION_SCALING,
            statement="At the critical factor L^-1/2, E|h_L|^2/|h_0|^2 is (1 + c/L)^L exactly, c = sigma_w^4/2",
            kind="derived",
            observable="norm_ratio_to_exact",
            expected=Expected("value", 1.0, 0.05, scale=RELATIVE),
            where={"beta": BETA_CRITICAL},
            rival=Rival("beta off by 0.1", "EX1-factor-beta-0.1", 0.7161),
            outside=without_exact_growth,
            random=True,
            needs=NEEDS_BETA.format(BETA_CRITICAL),
        ),
        Claim(
            id="exponents.ratio.backward",
            source=MARION_SCALING,
            statement="Squared gradients at the input grow as states do: E|g_0|^2/|g_L|^2 is (1 + c/L)^L",
            kind="derived",
            observable="gradient_norm_ratio_to_exact",
            expected=Expected("value", 1.0, 0.05, scale=RELATIVE),
            where={"beta": BETA_CRITICAL},
            rival=Rival("the gradient at the middle layer", "EX2-gradient-of-the-middle-layer", 0.7815),
            outside=without_exact_growth,
            random=True,
            needs=NEEDS_BETA.format(BETA_CRITICAL),
        ),
        Claim(
            id="exponents.ratio.identity",
            source=MARION_SCALING,
            statement="Networks of independent layers with factor 1/L approach the identity at order 1/2",
            kind="derived",
            observable="relative_change",
            expected=Expected("order", BETA_ABOVE - BETA_CRITICAL, 0.05),
            where={"beta": BETA_ABOVE, "statistic": "mean"},
            rival=Rival("all layers have the same noise", "EX3-layers-repeat", -0.01029),
            outside=without_exact_growth,
            random=True,
            needs=NEEDS_BETA.format(BETA_ABOVE),
        ),
        Claim(
            id="exponents.ratio.identity.smooth",
            source=MARION_SCALING,
            statement="Networks with weights smooth in depth and factor L^-2 approach the identity at order 1",
            kind="derived",
            observable="smooth_relative_change",
            expected=Expected("order", 1.0, 0.05),
            where={"beta": BETAS_OF_SMOOTH[0]},
            pins={"init": "smooth", "scaling.beta": BETAS_OF_SMOOTH},
            rival=Rival("smooth weights drawn anew in every layer", "EX4-smooth-is-independent", 1.53),
            outside=smooth_outside,
        ),
        Claim(
            id="exponents.ratio.growth",
            source=MARION_SCALING,
            statement="With factor L^-1/4 networks explode: E log |h_L|^2/|h_0|^2 is 2 c (1/2 - 1/D) L^1/2 + O(1)",
            kind="derived",
            observable="log_growth_to_expected",
            expected=Expected("value", 1.0, 0.03, scale=RELATIVE),
            where={"beta": BETA_BELOW},
            rival=Rival("the logarithm of the mean", "EX5-growth-of-infinite-width", 0.8933),
            outside=without_exact_growth,
            random=True,
            needs=NEEDS_BETA.format(BETA_BELOW),
        ),
    ),
    observables={
        "relative_change": "|h_L - h_0|/|h_0|: mean and quantiles over networks",
        "gradient_relative_change": "|g_0 - g_L|/|g_L|, g_k = dJ/dh_k, of an output gradient g_L independent of the"
        " weights",
        "norm_ratio": "|h_L|^2/|h_0|^2",
        "gradient_norm_ratio": "|g_0|^2/|g_L|^2",
        "exploded": "fraction of networks whose states are beyond floating point",
        "norm_ratio_to_exact": "mean of |h_L|^2/|h_0|^2 over (1 + c L^(-2 beta))^L, c = sigma_w^4/2 (relu)",
        "gradient_norm_ratio_to_exact": "mean of |g_0|^2/|g_L|^2 over the same",
        "log_growth_to_expected": "mean of log |h_L|^2/|h_0|^2 over L times that of a layer, to the order L^(-4 beta)",
        "smooth_relative_change": "root mean square over paths of |h_L - h_0|/|h_0| where weights are smooth in depth",
    },
    arrays={
        "ratio.betas": "exponents beta",
        "ratio.expected_relative_change": "root mean square of |h_L - h_0|/|h_0| of each beta, exact or to first order",
        "ratio.expected_gradient_relative_change": "the same of |g_0 - g_L|/|g_L|",
        "ratio.log_law": "mean and variance of log |h_L|^2/|h_0|^2 to leading order, of each beta",
        **{
            f"ratio.{name}": f"{name.replace('_', ' ')} of each beta and network"
            for name in ("relative_change", "gradient_relative_change", "norm_ratio", "gradient_norm_ratio")
        },
    },
)
