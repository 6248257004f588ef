"""`exponents.frontier.*`: the map of regularity and beta, a preset of its own. Free of torch.

The map is figure 7 of Marion, Fermanian, Biau & Vert (2022); where its level lies at a finite depth is derived
(`limits/first_order.py`).
"""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Rival
from ....papers import MARION_SCALING
from ...group import Group
from ..room import least_of_one_network
from ..theory import outside_of_search

LEVEL_OF_FRONTIER = 0.25
"""The relative change at which the level is measured: terms of second order move it by 0.002 there."""


GROUP = Group(
    name="frontier",
    title="Where do networks freeze, and where do they explode?",
    by_name=True,
    seconds=2,
    memory=("width", "depth"),
    least=least_of_one_network,
    grows={"depth": 1.0, "exponents.networks": 1.0},
    claims=(
        Claim(
            id="exponents.frontier",
            source=MARION_SCALING,
            statement="Networks change their input by a quarter at the beta that a first-order sum says",
            kind="derived",
            observable="frontier_error",
            expected=Expected("value", 0.0, 0.03),
            outside=outside_of_search,
            random=True,
            rival=Rival("beta off by 0.1", "EX7-search-beta-0.1", -0.09399),
        ),
    ),
    observables={
        "frontier_change": "log10 of |h_L - h_0|/|h_0|, mean over networks, by beta",
        "frontier_error": "beta at which |h_L - h_0|/|h_0| is 1/4, less that of the first-order sum",
    },
    arrays={
        "frontier.betas": "exponents beta",
        "frontier.changes": "log10 of |h_L - h_0|/|h_0| by beta, mean over networks; infinite where one exploded",
        "frontier.index": "Hurst index of the weights",
        "frontier.critical": "the critical exponent of the law, the block and the activation",
    },
)
