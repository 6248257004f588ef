"""`hamiltonian.scaling`: decay proportional to depth against constant decay. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected
from ....papers import OWHADI
from ...group import Group
from .settings import kinked, not_reached

CONSTANT: dict[str, Any] = {
    "hamiltonian.points": 4,
    "hamiltonian.loss": "square",
    "hamiltonian.readout": "fixed",
    "hamiltonian.nu": 0.05,
}
"""Few points, that the scores can fit exactly: the value then falls like the decay."""

GROUP = Group(
    claims=(
        Claim(
            id="hamiltonian.scaling",
            source=OWHADI,
            statement="with decay proportional to L the minima at depths L and 2L approach each other, order 1",
            kind="theorem",
            observable="value_difference",
            expected=Expected("order", 1, 0.1),
            where={"of": "own"},
            outside=kinked,
            unmet=not_reached("own", shooting=False),
            needs="pairs of depths L and 2L",
        ),
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
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    comparisons={"depths": ("hamiltonian.scaling",)},
    observables={
        "scaled_value": "J at the minimiser, decay proportional to L",
        "value_difference": "|J_L - J_2L|/J_2L, decay proportional to L",
        "loss": "loss at the minimiser with constant decay",
    },
)
