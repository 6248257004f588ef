"""`gamma.value`, `.weights`, `.tl2`, `.h1`, `.recovery`, `.boundary`: minimisers and their limit. Free of torch.

The paper proves convergence and gives no rate: that a distance falls is the theorem, order 1 the observation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import THORPE
from ... import reached
from ...group import Group
from ..outside import kinked, not_reached, several
from ..room import least_of_small

STATEMENTS = {
    "value": ("value_gap", "the least value of E_n converges to that of the limit"),
    "weights": ("weights_sup", "minimisers converge uniformly: sup_k |K_k - K(k/n)|, |b_k - b(k/n)|"),
    "tl2": ("tl2", "minimisers converge in TL2, as the theorem has it"),
    "recovery": ("recovery_gap", "the limit's weights, read at k/n, recover its value: E_n[K(k/n)] -> E[K]"),
}
PROBLEMS = {"regression": "", "classification": "classes."}
"""Problems of the records, and what the claims' names have for them."""


def _no_limit(problem: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: no minimiser, or no limit to compare it with."""
    unreached = not_reached(problem)

    def unmet(records: Any) -> str | None:
        if (reason := unreached(records)) is not None or "problem" not in records:
            return reason
        limits = records[(records["problem"] == problem) & (records["observable"] == "limit_found")]
        if len(limits) and not limits["value"].min() > 0:
            return (
                "no limit was found: the boundary value problem has no solution near the minimiser's that collocation"
                " reaches; a larger gamma.alpha, or fewer gamma.points, may do"
            )
        return None

    return unmet


def _falls(name: str, problem: str) -> Claim:
    observable, statement = STATEMENTS[name]
    return Claim(
        id=f"gamma.{PROBLEMS[problem]}{name}",
        source=THORPE,
        statement=f"{statement} ({problem})",
        kind="theorem",
        observable=observable,
        expected=reached.FALLS,
        where={"problem": problem},
        outside=kinked,
        unmet=_no_limit(problem),
        note=several(problem),
    )


TOO_SMALL_AT_SMOKE = frozenset({"gamma.recovery.observed"})


def _observed(name: str, observable: str, statement: str, problem: str = "regression", tolerance: float = 0.1) -> Claim:
    claim = Claim(
        id=f"gamma.{PROBLEMS[problem]}{name}",
        source=THORPE,
        statement=f"{statement} ({problem})",
        kind="observation",
        observable=observable,
        expected=Expected("order", 1, tolerance),
        where={"problem": problem},
        outside=kinked,
        unmet=_no_limit(problem),
        note=several(problem),
    )
    return replace(claim, verdicts=SMOKE_IS_TOO_SMALL) if claim.id in TOO_SMALL_AT_SMOKE else claim


GROUP = Group(
    name="limit",
    title="Do minimisers converge to a minimiser of the limit problem?",
    seconds=1.1,
    least=least_of_small,
    claims=(
        _falls("value", "regression"),
        _observed("value.observed", "value_gap", "the least value converges at order 1"),
        _falls("weights", "regression"),
        _observed("weights.observed", "weights_sup", "minimisers converge uniformly at order 1", tolerance=0.15),
        _falls("tl2", "regression"),
        _observed("tl2.observed", "tl2", "minimisers converge in TL2 at order 1, like the limit read at k/n"),
        _observed("h1", "h1", "minimisers converge in the discrete H1 norm, at order 1"),
        _falls("recovery", "regression"),
        _observed(
            "recovery.observed", "recovery_gap", "the value of the limit's weights at depth n converges at order 1"
        ),
        _observed(
            "boundary.start", "boundary_start", "K'(0) = t1 K(0), b'(0) = t2 b(0) in the limit, missed at order 1"
        ),
        _observed(
            "boundary.end", "boundary_end", "K'(1) = 0, b'(1) = 0 in the limit, missed at order 1", tolerance=0.15
        ),
        Claim(
            id="gamma.boundary.exact",
            source=THORPE,
            statement="at depth n: n (K_1 - K_0) = t1 K_0 + dLoss/dK_0 / 2 a1, n (K_{n-1} - K_{n-2}) ="
            " -dLoss/dK_{n-1} / 2 a1, to the minimiser's tolerance",
            kind="theorem",
            observable="boundary_missed",
            expected=Expected("at_most", 0, 1e-7),
            where={"problem": "regression"},
            unmet=not_reached("regression"),
            note=several("regression"),
        ),
        _falls("value", "classification"),
        _observed("value.observed", "value_gap", "the least value converges at order 1", "classification"),
        _falls("weights", "classification"),
        _observed("weights.observed", "weights_sup", "minimisers converge uniformly at order 1", "classification"),
    ),
    observables={
        "value_gap": "|min E_n - min E|; by problem; of the data against the Richardson limit",
        "weights_sup": "largest |(K_k, b_k) - (K, b)(k/n)| over layers; of the data against the Richardson limit",
        "tl2": "distance of the weights, constant in each block, to the limit by the monotone coupling: bounds TL2"
        "; of the data to the Richardson limit",
        "tl2_floor": "the same distance of the limit's own weights, read at k/n: no network's is of higher order",
        "h1": "(n sum_k |(K_k - K_{k-1}) - (K(k/n) - K((k-1)/n))|^2 + t1 |K_0 - K(0)|^2)^1/2, K and b together;"
        " of the data against the Richardson limit",
        "recovery_gap": "|E_n[K(k/n), b(k/n)] - E|",
        "recovery_excess": "E_n[K(k/n), b(k/n)] - min E_n; order 2",
        "readout_error": "|(W_n, c_n) - (W, c)|",
        "boundary_start": "|n (K_1 - K_0) - t1 K_0|, K and b together; by problem",
        "boundary_end": "|n (K_{n-1} - K_{n-2})|, K and b together; by problem",
        "boundary_missed": "how far the exact conditions at both ends at depth n are missed, relative to t1 |K_0|",
        "limit_found": "1 where the limit's boundary value problem was solved; by problem",
        **reached.OBSERVABLES,
    },
    memory=("gamma.points", "gamma.dimension", "depth"),
    on_cpu=True,
    arrays={
        f"{problem}.{name}": f"{words} of the {problem} problem (depth, d^2 + d): K row by row, then b"
        for problem in PROBLEMS
        for name, words in (("path", "minimiser"), ("limit", "limit at k/n"))
    },
)
