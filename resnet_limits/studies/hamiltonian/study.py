"""The study `hamiltonian`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .claims import GROUPS
from .request import check
from .room import LEAST
from .settings import Hamiltonian

STUDY = Study(
    name="hamiltonian",
    title="trained networks whose decay grows with depth, and geodesics found by shooting",
    equation="q_{s+1} = q_s + W_s a(q_s) + b_s minimising nu/2 L sum_s (|W_s|^2 + |b_s|^2) + loss(q_L)"
    "   ->   q' = dH/dP, P' = -dH/dq, H = 1/2 P^T Gamma(q, q) P, P(1) = -(1/nu) dloss/dq",
    settings=Hamiltonian,
    claims=tuple(claim for group in GROUPS.values() for claim in group.claims),
    check=check,
    figures=("deformed_points",),
    parts={part: tuple(claim.id for claim in group.claims) for part, group in GROUPS.items()},
    least=LEAST,
    memory={part: group.memory for part, group in GROUPS.items()},
    on_cpu=frozenset(part for part, group in GROUPS.items() if group.on_cpu),
    comparisons={part: ids for group in GROUPS.values() for part, ids in group.comparisons.items()},
    observables={name: words for group in GROUPS.values() for name, words in group.observables.items()},
    arrays={name: words for group in GROUPS.values() for name, words in group.arrays.items()},
)
