"""The study `flow`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .claims import GROUPS
from .request import check
from .room import LEAST
from .settings import Flow

STUDY = Study(
    name="flow",
    title="residual networks as flows of diffeomorphisms: maps, inverses, folds, and what keeps from folding",
    equation="x_{k+1} = x_k + h v_k(x_k), h = T/L   ->   d phi/dt = v_t(phi); shared weights: phi = exp(v);"
    " Lip(h v) < 1: each block is a diffeomorphism, det D block >= (1 - Lip(h v))^D",
    settings=Flow,
    claims=tuple(claim for group in GROUPS.values() for claim in group.claims),
    check=check,
    figures=("folding", "deformed_grid"),
    parts={part: tuple(claim.id for claim in group.claims) for part, group in GROUPS.items()},
    least=LEAST,
    memory={part: group.memory for part, group in GROUPS.items()},
    observables={name: words for group in GROUPS.values() for name, words in group.observables.items()},
    arrays={name: words for group in GROUPS.values() for name, words in group.arrays.items()},
)
