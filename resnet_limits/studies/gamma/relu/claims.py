"""`gamma.relu`: an activation with a kink. The theorem has it; its limit has no equations. Free of torch.

What Gamma-convergence takes of the activation is its Lipschitz bound: states of a network and of the limit with nearby
weights are near (Gronwall), the penalty is lower semicontinuous whatever the activation, and `K(k/n)` recovers. So
least values tend to that of the limit, and minimisers uniformly (the penalty bounds `|K_n(t) - K_n(s)|^2 <=
C (|t - s| + 1/n)`), at no rate that is known. The limit is sought over polynomials, which needs no derivative either.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Kind, Rival
from ....claims.plateau import FEWEST_DEPTHS
from ....papers import THORPE
from ...group import Group
from ...reached import OBSERVABLES_OF_SEVERAL
from ..outside import several_minima
from ..room import least_of_small
from ..settings import LOSS_OF_GAMMA

MAX_RELATIVE_GRADIENT = 0.3
"""Relative gradient norm above which the descents ended on the way, kinks or not."""
PLATEAUS_OF_RELU = {
    "least_gap": ("value_plateau", "least_gap"),
    "weights_sup": ("weights_plateau", "weights_sup"),
    "recovery_gap": ("recovery_plateau", "recovery_gap"),
}
"""The plateau of each distance, and the record whose reference is the size that it is relative to."""
PINS_OF_RELU = {"activation": "relu", "gamma.dimension": 1, "gamma.points": 8}


RIVAL_SLOPES = "the limit's int |K'|^2 is of an interval twice as long", "G38-ritz-slopes"


def _on_the_way(records: Any) -> str | None:
    """For `Claim.unmet`: at which depth the value is that of no minimum, or None."""
    rows = records[records["observable"] == "relu_gradient_norm"]
    for depth, norm in zip(rows["depth"], rows["value"], strict=True):
        if not norm <= MAX_RELATIVE_GRADIENT:
            return (
                f"with relu the descents at L={depth} ended far from a minimum: relative gradient norm {norm:.1e}; a"
                " larger gamma.starts may do"
            )
    return None


def _vanishes(name: str, statement: str, tolerance: float, kind: Kind, rival: Rival) -> Claim:
    return Claim(
        id=f"gamma.relu.{name}",
        source=THORPE,
        statement=statement,
        kind=kind,
        observable=f"{name}_plateau",
        expected=Expected("at_most", 0, tolerance, scale=RELATIVE),
        where={"problem": "relu"},
        pins=PINS_OF_RELU,
        unmet=_on_the_way,
        note=several_minima("relu"),
        needs=f"{FEWEST_DEPTHS} depths that double",
        rival=rival,
    )


GROUP = Group(
    name="relu",
    title="Do least values and minimisers converge with ReLU, too, which has a kink?",
    loss=LOSS_OF_GAMMA,
    seconds=6.1,
    shared=5.9,
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
            note=several_minima("relu"),
            rival=Rival("values compared with that of depth 8", "G30-deeper", -0.6643),
        ),
        _vanishes(
            "value",
            "With ReLU, the least value of E_n tends to that of the limit problem",
            5e-4,
            "theorem",
            Rival(*RIVAL_SLOPES, 0.003212),
        ),
        _vanishes(
            "weights",
            "With ReLU, minimisers of E_n tend uniformly to a minimiser of the limit problem",
            2e-2,
            "derived",
            Rival(*RIVAL_SLOPES, 0.1238),
        ),
        _vanishes(
            "recovery",
            "With ReLU, E_n of the limit's weights, read at k/n, tends to the limit's least value",
            2e-3,
            "theorem",
            Rival("n^2 in place of n in the penalty", "G2-n-squared", 0.3805),
        ),
    ),
    observables={
        "value_difference": "|min E_n - min E_2n| with ReLU; a minimum on a kink counts as far as the descent"
        " reached it",
        "relu_gradient_norm": "relative gradient norm where the descents with ReLU ended, of the branch that is judged;"
        " on a kink it does not vanish",
        **OBSERVABLES_OF_SEVERAL,
    },
    memory=("gamma.points", "gamma.dimension", "depth"),
    on_cpu=True,
    compared=("gamma.relu.value", "gamma.relu.weights", "gamma.relu.recovery"),
)
