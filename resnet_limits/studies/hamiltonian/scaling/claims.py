"""`hamiltonian.scaling`: decay proportional to depth against constant decay. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected, Kind
from ....papers import OWHADI
from ...group import Group
from ...reached import FALLS, FIRST_ORDER
from ..outside import kinked, not_reached, several
from ..room import least_of_minimiser

CONSTANT: dict[str, Any] = {
    "hamiltonian.points": 4,
    "hamiltonian.loss": "square",
    "hamiltonian.readout": "fixed",
    "hamiltonian.nu": 0.05,
}
"""Few points, that the scores can fit exactly: the value then falls like the decay."""

SCALED = {"of": "scaled decay"}
"""The coordinate of the settings' own problem in this group."""


def _claim(suffix: str, rate: str, kind: Kind, expected: Expected) -> Claim:
    return Claim(
        id=f"hamiltonian.scaling{suffix}",
        source=OWHADI,
        statement=f"with decay proportional to L the minima at depths L and 2L approach each other{rate}",
        kind=kind,
        observable="value_difference",
        expected=expected,
        where=SCALED,
        outside=kinked,
        unmet=not_reached("scaled decay", shooting=False),
        note=several("scaled decay"),
        needs="pairs of depths L and 2L",
    )


GROUP = Group(
    name="scaling",
    title="Does it take decay proportional to depth for minimisers to have a limit?",
    seconds=4.1,
    least=least_of_minimiser,
    claims=(
        _claim("", "", "theorem", FALLS),
        _claim(".observed", ", order 1", "observation", FIRST_ORDER),
        Claim(
            id="hamiltonian.scaling.constant",
            source=OWHADI,
            statement="with constant decay there is no limit: the value keeps falling, like 1/L where points can be"
            " fitted",
            kind="control",
            observable="value",
            expected=Expected("order", 1, 0.1),
            where={"of": "constant decay"},
            pins=CONSTANT,
            unmet=not_reached("constant decay", shooting=False),
            note=several("constant decay"),
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    compared=("hamiltonian.scaling", "hamiltonian.scaling.observed"),
    observables={
        "value": "J at the minimiser, decay constant",
        "scaled_value": "J at the minimiser, decay proportional to L",
        "value_difference": "|J_L - J_2L|/J_2L, decay proportional to L",
        "loss": "loss at the minimiser with constant decay",
    },
)
