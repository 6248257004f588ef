"""`exponents.critical.*`: at which beta the limit is not trivial. Free of torch.

That 1/2 is critical for independent layers and 1 for smooth ones is Marion, Fermanian, Biau & Vert's (2022), who
observe `max(1/2, H)` for fractional ones; the exponents of the other blocks are derived (`theory.py`), as is the
crossing of two finite depths (`limits/first_order.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....claims.claim import Claim, Expected, Rival
from ....networks.blocks.block import Block
from ....networks.blocks.outside import OutsideBlock
from ....networks.blocks.two import TwoBlock
from ....papers import MARION_SCALING
from ....paths.laws.fractional import FractionalLaw
from ....paths.laws.law import Init
from ....paths.laws.smooth import SmoothLaw
from ...chosen import meant
from ...group import Depths, Group
from ..room import least_of_one_network
from ..settings import Exponents
from ..theory import exponent, exponent_of, formula_of, outside_of_search

LEAST_DEPTH_OF_SEARCH = 256
TOLERANCE_OF_EXPONENT = 0.1
"""The bias that is left, .03, is part of every interval, and of no third of this."""
TOLERANCE_OF_CROSSING = 0.03
NETWORK_OF_SETTING = "of the setting"


def _times_sqrt(value: float) -> Rival:
    return Rival("a factor L^(1/2 - beta)", "EX6-blocks-times-sqrt-L", value)


def _off(value: float) -> Rival:
    return Rival("beta off by 0.1", "EX7-search-beta-0.1", value)


RIVALS_OF_EXPONENT = {
    "setting": _times_sqrt(1.008),
    "smooth": Rival("weights of size L^-1/2 beside the factor", "EX11-blocks-over-sqrt-L", 0.4962),
    "relu.rough": _times_sqrt(0.9973),
    "tanh.rough": _times_sqrt(0.9829),
    "relu.brownian": _times_sqrt(1.002),
    "tanh.brownian": _times_sqrt(0.9948),
    "outside.brownian": _times_sqrt(0.9889),
    "relu.persistent": _times_sqrt(1.272),
    "tanh.persistent": _times_sqrt(1.096),
    "outside.persistent": _times_sqrt(1.288),
}
RIVALS_OF_CROSSING = {
    "setting": _off(-0.09131),
    "relu.persistent": Rival("weights of a Hurst index off by 0.1", "EX8-hurst-0.1", 0.1003),
    "tanh.persistent": _off(-0.09989),
    "outside.persistent": _off(-0.09784),
}
WORDS_OF_INDEX = {0.2: "rough", 0.5: "brownian", 0.8: "persistent"}


@dataclass(frozen=True)
class Network:
    """What is searched: a law, a block and an activation. `key` names its claim, and its arrays."""

    key: str
    name: str
    init: Init
    block: Block
    activation: str

    @property
    def blocks(self) -> str:
        """`V relu(W h)`"""
        return formula_of(self.block, self.activation)

    @property
    def weights(self) -> str:
        """Of the law, in words."""
        if isinstance(self.init, FractionalLaw):
            return f"fractional weights of index {self.init.hurst:g}"
        return f"{self.init.name} weights"

    @property
    def family(self) -> str:
        """Networks of one family share their weights."""
        return self.key if self.key == "setting" else f"pinned {self.init}"


def _of_setting(settings: Exponents) -> Network:
    return Network("setting", NETWORK_OF_SETTING, settings.init, settings.block, settings.activation)


def _pinned(width: int) -> list[Network]:
    """The networks of the claims, of this width."""
    two, outside = TwoBlock(hidden=width), OutsideBlock()
    kinds: list[tuple[str, Block, str]] = [("relu", two, "relu"), ("tanh", two, "tanh"), ("outside", outside, "relu")]
    networks = [_network("smooth", SmoothLaw(sigma_b=0.0), two, "relu")]
    for hurst, word in WORDS_OF_INDEX.items():
        law = FractionalLaw(sigma_b=0.0, hurst=hurst)
        networks += [
            _network(f"{name}.{word}", law, block, activation)
            for name, block, activation in kinds
            if name != "outside" or hurst >= 0.5
        ]
    return networks


def _network(key: str, init: Init, block: Block, activation: str) -> Network:
    law = f"H = {init.hurst:g}" if isinstance(init, FractionalLaw) else init.name
    return Network(key, f"{formula_of(block, activation)}, {law}", init, block, activation)


def searched_networks(settings: Exponents) -> list[Network]:
    """Those that the claims asked for are about."""
    ids = [claim.id for claim in GROUP.claims]
    chosen = ids if settings.claims is None else [one for name in settings.claims for one in meant(name, ids)]
    asked = {claim.where["network"] for claim in GROUP.claims if claim.id in chosen}
    networks = [_of_setting(settings), *_pinned(settings.width)]
    return [network for network in networks if network.name in asked]


def stable_factor(records: Any) -> str | None:
    """For `Claim.note`: the factor that keeps the setting's network stable, or None where none was found."""
    rows = records[(records["observable"] == "critical_beta") & records["value"].notna()]
    rows = rows[rows["network"] == NETWORK_OF_SETTING] if len(rows) else rows
    if not len(rows):
        return None
    row = rows[rows["depth"] == rows["depth"].max()].iloc[0]
    beta, half = row["value"], 2 * row["stderr"] + row["reference_error"]
    return (
        f"{row['blocks']} with {row['weights']} stays stable at any depth with a factor L^-{beta:.2f} on every block"
        f" (the exponent lies between {beta - half:.2f} and {beta + half:.2f})"
    )


def _critical(network: Network) -> Claim:
    beta = exponent(network.init, network.block, network.activation)
    return Claim(
        id=f"exponents.critical.{network.key}",
        source=MARION_SCALING,
        statement=f"With {network.weights}, {network.blocks} neither freezes nor explodes under a factor L^-{beta:g}",
        kind="observation",
        observable="critical_beta",
        expected=Expected("value", beta, TOLERANCE_OF_EXPONENT),
        where={"network": network.name},
        pins={"init": network.init.name, "block": network.block.name, "activation": network.activation},
        random=True,
        rival=RIVALS_OF_EXPONENT[network.key],
    )


def _first_order(network: Network) -> Claim:
    return Claim(
        id=f"exponents.critical.first_order.{network.key}",
        source=MARION_SCALING,
        statement=f"With {network.weights}, two depths of {network.blocks} cross at the beta of a first-order sum",
        kind="derived",
        observable="crossing_error",
        expected=Expected("value", 0.0, TOLERANCE_OF_CROSSING),
        where={"network": network.name},
        pins={"init": network.init.name, "block": network.block.name, "activation": network.activation},
        random=True,
        rival=RIVALS_OF_CROSSING[network.key],
    )


_CLAIMED = _pinned(40)

GROUP = Group(
    name="critical",
    title="At which exponent is the limit not trivial?",
    seconds=25,
    depths=Depths(low=LEAST_DEPTH_OF_SEARCH),
    memory=("width", "depth"),
    least=least_of_one_network,
    grows={"depth": 1.0, "exponents.networks": 1.0},
    claims=(
        Claim(
            id="exponents.critical.setting",
            source=MARION_SCALING,
            statement="Networks neither freeze nor explode with the factor L^-beta of their regularity in depth",
            kind="derived",
            observable="critical_beta",
            expected=Expected("value", exponent_of, TOLERANCE_OF_EXPONENT),
            where={"network": NETWORK_OF_SETTING},
            outside=outside_of_search,
            note=stable_factor,
            random=True,
            rival=RIVALS_OF_EXPONENT["setting"],
        ),
        *map(_critical, _CLAIMED),
        Claim(
            id="exponents.critical.first_order.setting",
            source=MARION_SCALING,
            statement="Networks of two depths move their inputs equally far at the beta of the first-order sum",
            kind="derived",
            observable="crossing_error",
            expected=Expected("value", 0.0, TOLERANCE_OF_CROSSING),
            where={"network": NETWORK_OF_SETTING},
            outside=outside_of_search,
            random=True,
            rival=RIVALS_OF_CROSSING["setting"],
        ),
        *(_first_order(network) for network in _CLAIMED if network.key.endswith("persistent")),
    ),
    compared=(
        "exponents.critical.setting",
        *(f"exponents.critical.{network.key}" for network in _CLAIMED),
        "exponents.critical.first_order.setting",
        *(f"exponents.critical.first_order.{n.key}" for n in _CLAIMED if n.key.endswith("persistent")),
    ),
    observables={
        "critical_beta": "the exponent beta at which |h_L - h_0|/|h_0| neither falls nor grows with depth, extrapolated"
        " from two pairs of depths",
        "crossing_shallow": "the beta at which the depths L/64 and L/8 move their inputs equally far",
        "crossing_deep": "the same of L/8 and L",
        "first_order_crossing": "the same as the first-order sum has it",
        "crossing_error": "crossing of the deeper pair, less that of the first-order sum",
    },
    arrays={
        "critical.NETWORK.betas": "exponents beta",
        "critical.NETWORK.depths": "the three depths",
        "critical.NETWORK.changes": "log |h_L - h_0|/|h_0| by depth, beta and network",
    },
)
