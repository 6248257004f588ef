"""`hamiltonian.composed.*`: blocks of layers with an affine map of features between them. Free of torch.

That minimisers converge is the theorem (Owhadi's idea formation). What the limit is, block by block, is derived in
`limits/hamiltonian/composed.py`, and so is that energies are conserved in each block: for the points that arrive there,
a block is a trained network whose loss is the least value of all that is behind it.

The control's path energy grows by a derived law: a constant decay acts like `lambda = nu/L`, the least value is concave
in lambda, and half the path energy is its derivative.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Kind, Rival
from ....papers import OWHADI
from ...group import Depths, Group
from ...reached import EXPECTED_FIRST_ORDER
from ..outside import EXPECTED_PLATEAU, kinked_velocity, of_euler_blocks, several_solutions, solution_not_reached
from ..room import least_of_solution
from ..settings import LOSS_OF_HAMILTONIAN

PINS_OF_COMPOSED: dict[str, Any] = {"hamiltonian.kernel": "features", "hamiltonian.points": 20}
PINS_OF_CONSTANT_BLOCK: dict[str, Any] = {
    **PINS_OF_COMPOSED,
    "hamiltonian.loss": "square",
    "hamiltonian.readout": "fixed",
    "hamiltonian.nu": 0.5,
}
"""A decay at which points are not fitted at any depth: then the energy of a fit is no bound of the block's."""
COORDINATE_OF_COMPOSED = {"of": "composed"}
COORDINATE_OF_CONSTANT_BLOCK = {"of": "composed, constant decay"}
DEPTHS_OF_COMPOSED = Depths(16, 256)
PLATEAU_OF_VALUE_GAP = {"value_gap": "value_plateau"}
PREFIX_OF_COMPOSED_ARRAYS = "composed.off."
DEPTH_OF_LEAST_ENERGY = 8
"""Depth from which the growth of the control's energy is taken."""
MAX_DEPTH_OF_GROWTH = 64
"""Depth up to which it is."""


def _not_reached(records: Any) -> str | None:
    """For `Claim.unmet`: that a minimiser was not reached, or that the shooting did not hit."""
    if (reason := solution_not_reached("composed", shooting=False)(records)) is not None or "of" not in records:
        return reason
    rows = records[(records["of"] == "composed") & (records["observable"] == "composed_residual")]
    missed = rows[~(rows["value"] <= rows["reference"])]
    if not len(missed):
        return None
    worst = float(missed["value"].max())
    return f"the shooting of all blocks did not converge: relative residual {worst:.1e}; a larger hamiltonian.nu may do"


def _claim(
    suffix: str,
    statement: str,
    kind: Kind,
    observable: str,
    expected: Expected,
    rival: Rival,
    **more: Any,
) -> Claim:
    return Claim(
        id=f"hamiltonian.composed{suffix}",
        source=OWHADI,
        statement=statement,
        kind=kind,
        observable=observable,
        expected=expected,
        note=several_solutions(more.get("where", COORDINATE_OF_COMPOSED)["of"]),
        rival=rival,
        **{
            "where": COORDINATE_OF_COMPOSED,
            "pins": PINS_OF_COMPOSED,
            "outside": kinked_velocity,
            "unmet": _not_reached,
            **more,
        },
    )


GROUP = Group(
    name="composed",
    title="Do trained blocks of layers, with affine maps between them, follow a geodesic each?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=3.2,
    shared=2.4,
    grows={"depth": 1.0},
    least=least_of_solution,
    depths=DEPTHS_OF_COMPOSED,
    claims=(
        _claim(
            "",
            "Least values of composed networks tend to that of geodesics, one a block, joined by affine maps",
            "theorem",
            "value_plateau",
            EXPECTED_PLATEAU,
            Rival("path energies 2 H in place of H", "H59-path-energies", 0.1924),
            needs="depths L, 2L, 4L, 8L, multiples of 4",
        ),
        _claim(
            ".observed",
            "Least values of composed networks converge to that of geodesics, one a block, at order 1",
            "observation",
            "value_gap",
            EXPECTED_FIRST_ORDER,
            Rival("path energies 2 H in place of H", "H59-path-energies", -7.17e-5),
            outside=of_euler_blocks,
        ),
        _claim(
            ".energy",
            "Each block of a composed network conserves its own energy H(q_s, P_s) up to O(1/L)",
            "derived",
            "block_energy_drift",
            Expected("order_at_least", 1, 0.1),
            Rival("momenta handed on without the slope of the features", "H56-affine-slope", -7.831e-5),
            unmet=solution_not_reached("composed", shooting=False),
        ),
        _claim(
            ".differ",
            "The energies nu_b^2 H_b of the blocks differ, which without affine maps, of other decays alone, are equal",
            "observation",
            "energy_difference",
            Expected("at_least", 0.2, 0.05, scale=RELATIVE),
            Rival("the energy of one block twice", "H57-one-block", 0.0),
            unmet=solution_not_reached("composed", shooting=False),
        ),
        _claim(
            ".constant",
            "With constant decay in the first block, its path energy L sum |w_s|^2 grows with depth",
            "control",
            "energy_growth",
            Expected("at_least", 0.4, 0.1),
            Rival("a decay that grows", "H58-block-scaled", 0.005541),
            where=COORDINATE_OF_CONSTANT_BLOCK,
            pins=PINS_OF_CONSTANT_BLOCK,
            unmet=solution_not_reached("composed, constant decay", shooting=False, one_branch=False),
            needs=f"depths up to {MAX_DEPTH_OF_GROWTH}",
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    compared=("hamiltonian.composed",),
    observables={
        "composed_residual": "what momenta at the ends of the blocks are off by in the shooting, relative to momenta",
        "block_energy_drift": "max_s |H_s - H_0|/H_0 of the block where it is largest",
        "energy_difference": "largest less smallest of nu_b^2 L_b sum_s |w_{b,s}|^2 over the blocks b, divided by their"
        " sum",
        "energy_growth": "log2 of the path energy L sum_s |w_s|^2 of the first block at this depth over that at depth"
        f" {DEPTH_OF_LEAST_ENERGY}, divided by the doublings between them; its decay constant",
    },
    arrays={f"{PREFIX_OF_COMPOSED_ARRAYS}value_gap": "(J_L - J)/|J| of composed networks (1, 1)"},
)
