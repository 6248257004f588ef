"""`hamiltonian.meanfield`: minimisers on N points of a population. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected
from ....papers import OWHADI
from ...group import Group
from .settings import kinked, not_reached

COUNTS = (64, 256, 1024, 4096)
DEPTH = 16
PINS: dict[str, Any] = {"hamiltonian.kernel": "features", "hamiltonian.readout": "fixed", "hamiltonian.nu": 0.2}

GROUP = Group(
    claims=(
        Claim(
            id="hamiltonian.meanfield",
            source=OWHADI,
            statement="weights on N points approach those of the population at order 1/2 in N, loss a mean over points",
            kind="theorem",
            observable="data_order",
            expected=Expected("value", 0.5, 0.15),
            where={"of": "mean field"},
            pins=PINS,
            outside=kinked,
            unmet=not_reached("mean field", shooting=False),
            random=True,
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    observables={
        "meanfield_distance": "root mean square over draws of the distance of the weights of N points (coordinate N) to"
        " those of the population, relative; at depth 16",
        "data_order": "p in meanfield_distance ~ N^-p, from N = 64 to 4096",
    },
)
