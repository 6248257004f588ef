"""The study `gamma`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .claims import GROUPS
from .request import check
from .room import LEAST
from .settings import Gamma

STUDY = Study(
    name="gamma",
    title="minimisers of depth-regularised networks, and the variational problem that they approach",
    equation="X_{k+1} = X_k + (1/n) sigma(K_k X_k + b_k), min (1/N) sum_s loss(W X_n + c, y_s)"
    " + a1 (n sum_k |K_k - K_{k-1}|^2 + t1 |K_0|^2) + a2 (the same of b) + a3 |W|^2 + a4 |c|^2"
    "   ->   X' = sigma(K X + b), min ... + a1 (int |K'|^2 dt + t1 |K(0)|^2) + ...",
    settings=Gamma,
    claims=tuple(claim for group in GROUPS.values() for claim in group.claims),
    check=check,
    figures=("minimisers",),
    parts={part: tuple(claim.id for claim in group.claims) for part, group in GROUPS.items()},
    least=LEAST,
    memory={part: group.memory for part, group in GROUPS.items()},
    on_cpu=frozenset(part for part, group in GROUPS.items() if group.on_cpu),
    comparisons={part: ids for group in GROUPS.values() for part, ids in group.comparisons.items()},
    observables={name: words for group in GROUPS.values() for name, words in group.observables.items()},
    arrays={name: words for group in GROUPS.values() for name, words in group.arrays.items()},
)
