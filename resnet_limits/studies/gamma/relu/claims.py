"""`gamma.relu`: an activation with a kink. The theorem has it; its limit has no equations. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected, Rival
from ....papers import THORPE
from ...group import Group
from ..room import least_of_small
from ..settings import LOSS_OF_GAMMA

MAX_RELATIVE_GRADIENT = 0.3
"""Relative gradient norm above which the descents ended on the way, kinks or not."""
PINS_OF_RELU = {"activation": "relu", "gamma.dimension": 1, "gamma.points": 8}


def _on_the_way(records: Any) -> str | None:
    """For `Claim.unmet`: at which depth the value is that of no minimum, or None."""
    rows = records[records["observable"] == "relu_gradient_norm"]
    for depth, norm in zip(rows["depth"], rows["value"], strict=True):
        if not norm <= MAX_RELATIVE_GRADIENT:
            return (
                f"with relu the descents at L={depth} ended far from a minimum: relative gradient norm {norm:.1e}; a"
                " larger minimiser.iterations may do"
            )
    return None


GROUP = Group(
    name="relu",
    title="Do the least values of the objective converge with ReLU, which has a kink?",
    loss=LOSS_OF_GAMMA,
    seconds=0.4,
    least=least_of_small,
    claims=(
        Claim(
            id="gamma.relu",
            source=THORPE,
            statement="With ReLU, the least values of E_n and E_2n approach each other at order at least 1/2",
            kind="observation",
            observable="value_difference",
            expected=Expected("order_at_least", 0.5, 0.15),
            where={"problem": "relu"},
            pins=PINS_OF_RELU,
            unmet=_on_the_way,
            rival=Rival("values compared with that of depth 8", "G30-deeper", -0.6643),
        ),
    ),
    observables={
        "value_difference": "|min E_n - min E_2n| with ReLU; a minimum on a kink counts as far as the descent"
        " reached it",
        "relu_gradient_norm": "relative gradient norm where the descents with ReLU ended; on a kink it does not vanish",
    },
    memory=("gamma.points", "gamma.dimension", "depth"),
    on_cpu=True,
)
