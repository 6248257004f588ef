"""`hamiltonian.geodesic.landmarks`: landmark matching in the plane. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected, Kind
from ....papers import OWHADI
from ...group import Depths, Group
from ...least import little
from ...reached import FALLS, FIRST_ORDER
from ..outside import not_reached, several

DEEPEST = 32
"""Depth up to which landmarks are matched by training every layer."""
LANDMARKS: dict[str, Any] = {
    "hamiltonian.kernel": "gaussian",
    "hamiltonian.length": 1.0,
    "hamiltonian.readout": "fixed",
    "hamiltonian.nu": 0.02,
}


def _claim(suffix: str, rate: str, kind: Kind, expected: Expected) -> Claim:
    return Claim(
        id=f"hamiltonian.geodesic.landmarks{suffix}",
        source=OWHADI,
        statement="landmarks in the plane, Gaussian kernel: the path energy of a flow trained in every layer"
        f" approaches that of shooting from zero{rate} (depths up to {DEEPEST})",
        kind=kind,
        observable="energy_gap",
        expected=expected,
        where={"of": "landmarks"},
        pins=LANDMARKS,
        unmet=not_reached("landmarks"),
        note=several("landmarks"),
    )


GROUP = Group(
    name="landmarks",
    title="Do flows trained in every layer match landmarks along the geodesic that shooting finds?",
    seconds=2.7,
    least=little,
    depths=Depths(high=DEEPEST),
    claims=(
        _claim("", "", "theorem", FALLS),
        _claim(".observed", ", order 1", "observation", FIRST_ORDER),
    ),
    memory=("depth",),
    on_cpu=True,
    observables={},
    arrays={
        "landmarks.momentum": "P_0 of the shooting (12, 2)",
        "landmarks.states": "landmarks of a closer match (length 0.5, nu = 0.001), as the figure shows it, at"
        " t = 0, 1/4, .., 1 (5, 12, 2)",
        "landmarks.momenta": "their momenta (5, 12, 2)",
        "landmarks.targets": "where they are to go (12, 2)",
        "landmarks.grid": "a grid of 21 x 21 points that the flow carries along, at the same times (5, 441, 2)",
    },
)
