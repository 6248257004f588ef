"""`gamma.relu`: an activation with a kink, outside the theorem. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import THORPE
from ...group import Group

RELU = {"activation": "relu", "gamma.dimension": 1, "gamma.points": 8}

GROUP = Group(
    claims=(
        Claim(
            id="gamma.relu",
            source=THORPE,
            statement="with relu, outside the theorem, the least values at depths n and 2n still approach each other",
            kind="observation",
            observable="value_difference",
            expected=Expected("order_at_least", 0.5, 0.3),
            where={"problem": "relu"},
            pins=RELU,
        ),
    ),
    observables={
        "value_difference": "|min E_n - min E_2n| with relu; where a minimum lies on a kink, as far as reached"
    },
    memory=("gamma.points", "gamma.dimension", "depth"),
)
