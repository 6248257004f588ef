"""The study `sde`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .claims import GROUPS
from .request import check, warnings
from .room import LEAST
from .settings import Sde

STUDY = Study(
    name="sde",
    title="networks with random weights of size sqrt(T/L), and the diffusions that they approach",
    equation="x_{k+1} = x_k + phi(W_k psi(x_k) + b_k), W_k ~ N(0, sigma_w^2 h/D), b_k ~ N(0, sigma_b^2 h), h = T/L"
    "   ->   dx = phi''(0)/2 v(x) dt + phi'(0) (dW psi(x) + db), v = sigma_b^2 + sigma_w^2 |psi(x)|^2/D",
    settings=Sde,
    claims=tuple(claim for group in GROUPS.values() for claim in group.claims),
    check=check,
    figures=("function_draws", "correlation_by_layer"),
    warnings=warnings,
    parts={part: tuple(claim.id for claim in group.claims) for part, group in GROUPS.items()},
    least=LEAST,
    memory={part: group.memory for part, group in GROUPS.items()},
    on_cpu=frozenset(part for part, group in GROUPS.items() if group.on_cpu),
    comparisons={part: ids for group in GROUPS.values() for part, ids in group.comparisons.items()},
    observables={name: words for group in GROUPS.values() for name, words in group.observables.items()},
    arrays={name: words for group in GROUPS.values() for name, words in group.arrays.items()},
)
