"""`hamiltonian.geodesic.landmarks`: landmark matching in the plane. Free of torch.

The problem is Joshi & Miller's. That networks tend to its geodesic is derived: Owhadi's theorem (arXiv 2008.03920) with
the Gaussian kernel in place of features; the order is observed.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected, Kind, Rival
from ....papers import JOSHI
from ...group import Depths, Group
from ...least import little
from ...reached import EXPECTED_FIRST_ORDER
from ..outside import EXPECTED_PLATEAU, several_solutions, solution_not_reached
from ..settings import LOSS_OF_HAMILTONIAN

MAX_DEPTH_OF_LANDMARKS = 32
"""Depth up to which landmarks are matched by training every layer."""
PINS_OF_LANDMARKS: dict[str, Any] = {
    "hamiltonian.kernel": "gaussian",
    "hamiltonian.length": 0.7,
    "hamiltonian.readout": "fixed",
    "hamiltonian.nu": 0.02,
}
"""Another length than 1, of which powers would hide."""
COORDINATE_OF_LANDMARKS = {"of": "landmarks"}
PLATEAU_OF_ENERGY_GAP = {"energy_gap": "energy_plateau"}
PREFIX_OF_LANDMARK_ARRAYS = "landmarks.off."


def _claim(suffix: str, approach: str, kind: Kind, observable: str, expected: Expected, rival: float) -> Claim:
    return Claim(
        id=f"hamiltonian.geodesic.landmarks{suffix}",
        source=JOSHI,
        statement=f"Path energies of landmark matchings trained in every layer {approach}",
        kind=kind,
        observable=observable,
        expected=expected,
        where=COORDINATE_OF_LANDMARKS,
        pins=PINS_OF_LANDMARKS,
        unmet=solution_not_reached("landmarks"),
        note=several_solutions("landmarks"),
        rival=Rival("another factor 1/2 on the energy in the shooting", "H43-landmarks-nu", rival),
    )


GROUP = Group(
    name="landmarks",
    title="Does training every layer find the geodesic that matches given landmarks?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=2.9,
    shared=2.8,
    grows={"depth": 1.0},
    least=little,
    depths=Depths(high=MAX_DEPTH_OF_LANDMARKS),
    claims=(
        _claim(
            "",
            "tend to 2 H of the geodesic that shooting finds",
            "derived",
            PLATEAU_OF_ENERGY_GAP["energy_gap"],
            EXPECTED_PLATEAU,
            0.3002,
        ),
        _claim(
            ".observed",
            "converge to that of shooting at order 1",
            "observation",
            "energy_gap",
            EXPECTED_FIRST_ORDER,
            4.923e-4,
        ),
    ),
    memory=("depth",),
    on_cpu=True,
    compared=("hamiltonian.geodesic.landmarks",),
    observables={},
    arrays={
        f"{PREFIX_OF_LANDMARK_ARRAYS}energy_gap": "(1/L sum p^T K p - 2 H) / 2 H (1, 1)",
        "landmarks.momentum": "P_0 of the shooting (12, 2)",
        "landmarks.states": "landmarks of a closer match (length 0.5, nu = 0.001), as the figure shows it, at"
        " t = 0, 1/4, .., 1 (5, 12, 2)",
        "landmarks.momenta": "their momenta (5, 12, 2)",
        "landmarks.targets": "where they are to go (12, 2)",
        "landmarks.grid": "a grid of 21 x 21 points that the flow carries along, at the same times (5, 441, 2)",
    },
)
