"""`hamiltonian.scaling`: decay proportional to depth against constant decay. Free of torch.

`hamiltonian.scaling.constant.rate` is derived. A constant decay acts like `lambda = nu/L`, and the least value is about
`V(lambda) = min lambda/2 E + loss`, E the path energy. The minimum is taken over paths, so `V' = E/2` (envelope
theorem), and `d log V / d log lambda = (lambda E/2)/V`: the order in L is the penalty's share of the value up to
O(1/L). `V` is the least of functions that are affine in lambda, one a path: it is concave, and continuous where minima
on two branches change places, so that both claims hold through such a depth. They are not about one branch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import Claim, Expected, Rival
from ....papers import OWHADI
from ...group import Group
from ...reached import EXPECTED_FIRST_ORDER
from ..outside import kinked_velocity, of_euler_blocks, several_solutions, solution_not_reached
from ..room import least_of_solution
from ..settings import LOSS_OF_HAMILTONIAN

PINS_OF_CONSTANT_DECAY: dict[str, Any] = {
    "hamiltonian.points": 4,
    "hamiltonian.loss": "square",
    "hamiltonian.readout": "fixed",
    "hamiltonian.nu": 0.05,
}
"""Few points, that the scores can fit exactly: the least loss is then 0."""

COORDINATE_OF_SCALED_DECAY = {"of": "scaled decay"}
"""The coordinate of the settings' own problem in this group."""
COORDINATE_OF_CONSTANT_DECAY = {"of": "constant decay"}
MAX_SHARE_OF_LOSS = 0.5
"""Share of the loss in the value above which points are not fitted."""

_NOT_REACHED = solution_not_reached("constant decay", shooting=False, one_branch=False)


def _not_fitted(records: Any) -> str | None:
    """For `Claim.unmet`: that no minimiser was reached, or that the loss still makes up most of the value; or None."""
    if (reason := _NOT_REACHED(records)) is not None:
        return reason
    rows = (
        records[(records["of"] == COORDINATE_OF_CONSTANT_DECAY["of"]) & records["step"].isna()]
        if "of" in records
        else records[:0]
    )
    rows = rows[rows["depth"] == rows["depth"].max()]
    value, loss = (rows[rows["observable"] == name]["value"].mean() for name in ("value", "loss"))
    if not loss > MAX_SHARE_OF_LOSS * value:
        return None
    return (
        f"the loss still is {loss / value:.0%} of the least value: the points are not fitted yet; more layers, if the"
        " points can be told apart"
    )


_WITH_A_LIMIT = Claim(
    id="hamiltonian.scaling",
    source=OWHADI,
    statement="With decay proportional to L, the difference of the least values at depths L and 2L tends to 0",
    kind="theorem",
    observable="difference_plateau",
    # no limit is held against it that could be off by a thousandth; four depths leave terms of order L^-3
    expected=Expected("at_most", 0, 2e-3),
    where=COORDINATE_OF_SCALED_DECAY,
    outside=kinked_velocity,
    unmet=solution_not_reached("scaled decay", shooting=False),
    note=several_solutions("scaled decay"),
    needs="depths from L to 16L",
    rival=Rival("a decay that does not grow", "H24-all-constant", 0.8097),
)
_WITHOUT = Claim(
    id="hamiltonian.scaling.constant",
    source=OWHADI,
    statement="With constant decay, the least value falls to the infimum of the loss at order at least 1/2",
    kind="control",
    observable="value",
    expected=Expected("order_at_least", 0.5, 0.15),
    where=COORDINATE_OF_CONSTANT_DECAY,
    pins=PINS_OF_CONSTANT_DECAY,
    unmet=_not_fitted,
    note=several_solutions("constant decay"),
    rival=Rival("a decay that grows", "H25-control-scaled", 2.972e-5),
)
"""Its order depends on the data: it is the penalty's share, above a half where points are fitted. That of a value with
a limit is 0."""

GROUP = Group(
    name="scaling",
    title="Must the weight decay grow with depth for trained networks to have a limit?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=5.1,
    shared=5.0,
    grows={"depth": 1.0},
    least=least_of_solution,
    claims=(
        _WITH_A_LIMIT,
        replace(
            _WITH_A_LIMIT,
            id="hamiltonian.scaling.observed",
            statement="With decay proportional to L, the least values at depths L and 2L approach each other at"
            " order 1",
            kind="observation",
            observable="value_difference",
            expected=EXPECTED_FIRST_ORDER,
            outside=of_euler_blocks,
            needs="pairs of depths L and 2L",
            rival=Rival("the order with a decay that does not grow", "H24-all-constant", 0.07793),
        ),
        _WITHOUT,
        replace(
            _WITHOUT,
            id="hamiltonian.scaling.constant.rate",
            statement="With constant decay, the least value falls at an order that is the penalty's share of that"
            " value",
            kind="derived",
            observable="rate_off",
            expected=Expected("value", 0, 0.1),
            unmet=_NOT_REACHED,
            needs="depths L, 2L, 4L",
            rival=Rival("a decay that grows like the root of depth", "H26-control-root", 0.4085),
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    compared=("hamiltonian.scaling", "hamiltonian.scaling.observed", "hamiltonian.scaling.constant.rate"),
    observables={
        "value": "J at the minimiser, decay constant",
        "scaled_value": "J at the minimiser, decay proportional to L",
        "value_difference": "|J_L - J_2L|/J_2L, decay proportional to L",
        "difference_plateau": "|d_inf|, value_difference with its sign being d_inf + a/L^p + b/L^(p+1)",
        "loss": "loss at the minimiser with constant decay",
        "rate_off": "log2(J_L/J_2L) less the share of the penalty in J, the mean of L and 2L; decay constant",
    },
)
