"""`gamma.value`, `.least`, `.weights`, `.tl2`, `.h1`, `.recovery`, `.boundary`: minimisers and their limit. Free of
torch.

The paper proves convergence and gives no rate: that a distance tends to 0 is the theorem, judged by its plateau
(`claims/plateau.py`), and order 1 is the observation. Uniform convergence is derived: the penalty bounds
`|K_n(t) - K_n(s)|^2 <= C (|t - s| + 1/n)`, so that minimisers that are compact in TL2 are so uniformly
(Arzela and Ascoli). That second differences are bounded, and limits in H2, is derived too: a minimiser meets
`n^2 (K_{k+1} - 2 K_k + K_{k-1}) = n dLoss/dK_k / (2 a1)` exactly, and `n dLoss/dK_k` is bounded by states and adjoints.

The theorem speaks of the least value. Of the networks that is the least over the branches of minima that many starts
lead to, at each depth; of the limit the lowest extremal that many starts of its own lead to (`lowest.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ....claims.claim import RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....claims.plateau import FEWEST_DEPTHS
from ....papers import THORPE
from ... import reached
from ...group import Group
from ..outside import minimiser_not_reached, no_equations, several_minima
from ..room import least_of_small
from ..settings import LOSS_OF_GAMMA

PLATEAU_AND_SCALE = {
    "least_gap": ("value_plateau", "least_gap"),
    "weights_sup": ("weights_plateau", "weights_sup"),
    "tl2": ("tl2_plateau", "weights_sup"),
    "recovery_gap": ("recovery_plateau", "value_gap"),
}
"""The plateau of each distance, and the record whose reference is the size that it is relative to."""
STATEMENTS_OF_PLATEAUS = {
    "value": ("value_plateau", "The least value of E_n tends to that of the limit problem"),
    "weights": ("weights_plateau", "Minimisers of E_n tend uniformly to a minimiser of the limit problem"),
    "tl2": ("tl2_plateau", "Minimisers of E_n tend in TL2 to a minimiser of the limit problem"),
    "recovery": ("recovery_plateau", "E_n of the limit's weights, read at k/n, tends to the limit's least value"),
}
PLATEAU_TOLERANCES = {"value": 2e-4, "weights": 2e-3, "tl2": 2e-3, "recovery": 5e-4}
EXPECTED_LEAST = Expected("at_most", 0, 1e-5, scale=RELATIVE)
"""Of the difference of two solutions with relative residuals of 1e-7; the least two extremals of a seed were seen as
near as 3e-3."""
EXPECTED_PLATEAUS = {name: Expected("at_most", 0, left, scale=RELATIVE) for name, left in PLATEAU_TOLERANCES.items()}
"""Of a plateau, relative to the size of the limit. The extrapolation leaves terms of order L^-2, which for weights are
larger than for the value: a minimum is flat."""
PROBLEM_PREFIXES = {"regression": "", "classification": "classes.", "unequal": "unequal."}
"""Problems of the records, and what the claims' names have for them."""
PROBLEM_PHRASES = {"regression": "", "classification": ", in classification", "unequal": ", with unequal penalties"}
"""Problems at the end of a statement."""
PINS_OF_UNEQUAL_PENALTIES: dict[str, Any] = {
    **{"gamma.alpha": 0.03, "gamma.alpha_b": 0.06, "gamma.alpha_w": 0.04, "gamma.alpha_c": 0.02},
    **{"gamma.tau": 2.0, "gamma.tau_b": 0.5},
}
"""Regression with another size of each penalty: where all are equal, and tau is 1, a wrong one hides. With half of
these the minimum of the full size, seed 0, is so flat that collocation finds no limit near it."""


def no_limit(problem: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: no minimiser, or no limit to compare it with."""
    unreached = minimiser_not_reached(problem)

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


VALUE_AT_ORDER_1 = "The least value of E_n converges to that of the limit problem at order 1"
WEIGHTS_AT_ORDER_1 = "Minimisers of E_n converge uniformly to one of the limit problem at order 1"
DEFECT_AT_START = "The defect of the limit's condition K'(0) = t1 K(0), b'(0) = t2 b(0) falls at order 1"

RIVAL_N_SQUARED = "n^2 in place of n in the penalty", "G2-n-squared"
RIVAL_CURVATURE = "the limit's equation has a1 K'' in place of 2 a1 K''", "G13-curvature-twice"
RIVAL_BIAS_ENERGY = "the limit's value lacks the penalty on the biases", "G6-bias-energy"
RIVAL_START_ENERGY = "the limit's value lacks t1 |K(0)|^2", "G16-start-energy"
RIVAL_TAU = "the networks' penalty lacks t1 and t2", "G3-tau-ignored"


def _vanishes(name: str, problem: str, rival: Rival) -> Claim:
    observable, statement = STATEMENTS_OF_PLATEAUS[name]
    return Claim(
        id=f"gamma.{PROBLEM_PREFIXES[problem]}{name}",
        source=THORPE,
        statement=statement + PROBLEM_PHRASES[problem],
        kind="derived" if name == "weights" else "theorem",
        observable=observable,
        expected=EXPECTED_PLATEAUS[name],
        where={"problem": problem},
        pins=PINS_OF_UNEQUAL_PENALTIES if problem == "unequal" else {},
        outside=no_equations,
        needs=f"{FEWEST_DEPTHS} depths that double",
        rival=rival,
        unmet=no_limit(problem),
        note=several_minima(problem),
    )


LIMIT_CLAIMS_OPEN_AT_SMOKE = frozenset({"gamma.recovery.observed"})


def _observed(
    name: str, observable: str, statement: str, rival: Rival, *, problem: str = "regression", tolerance: float = 0.1
) -> Claim:
    claim = Claim(
        id=f"gamma.{PROBLEM_PREFIXES[problem]}{name}",
        source=THORPE,
        statement=statement + PROBLEM_PHRASES[problem],
        kind="observation",
        observable=observable,
        expected=replace(reached.EXPECTED_FIRST_ORDER, tolerance=tolerance),
        where={"problem": problem},
        pins=PINS_OF_UNEQUAL_PENALTIES if problem == "unequal" else {},
        outside=no_equations,
        unmet=no_limit(problem),
        note=several_minima(problem),
        rival=rival,
    )
    return replace(claim, verdicts=SMOKE_IS_TOO_SMALL) if claim.id in LIMIT_CLAIMS_OPEN_AT_SMOKE else claim


GROUP = Group(
    name="limit",
    title="Do weights that are penalised for varying in depth converge to a function of depth?",
    loss=LOSS_OF_GAMMA,
    seconds=13,
    shared=13,
    least=least_of_small,
    claims=(
        _vanishes("value", "regression", Rival(*RIVAL_CURVATURE, 0.007038)),
        _observed("value.observed", "value_gap", VALUE_AT_ORDER_1, Rival(*RIVAL_N_SQUARED, -0.01063)),
        Claim(
            id="gamma.least",
            source=THORPE,
            statement="The branch of networks that is judged tends to the lowest extremal of the limit problem",
            kind="observation",
            observable="least_missed",
            expected=EXPECTED_LEAST,
            where={"problem": "regression"},
            outside=no_equations,
            unmet=no_limit("regression"),
            note=several_minima("regression"),
            rival=Rival("networks start from zero alone", "G37-one-start", 0.08648),
        ),
        _vanishes("weights", "regression", Rival(*RIVAL_CURVATURE, 0.1517)),
        _observed(
            "weights.observed",
            "weights_sup",
            WEIGHTS_AT_ORDER_1,
            Rival(*RIVAL_CURVATURE, 0.001346),
            tolerance=0.15,
        ),
        _vanishes("tl2", "regression", Rival(*RIVAL_CURVATURE, 0.148)),
        _observed(
            "tl2.observed",
            "tl2",
            "Minimisers of E_n converge in TL2 to one of the limit problem at order 1",
            Rival(*RIVAL_CURVATURE, -0.07179),
        ),
        _observed(
            "h1",
            "h1",
            "Minimisers of E_n converge in the discrete H1 norm to one of the limit problem at order 1",
            Rival(*RIVAL_CURVATURE, -0.01053),
        ),
        _vanishes("recovery", "regression", Rival(*RIVAL_N_SQUARED, 0.8319)),
        _observed(
            "recovery.observed",
            "recovery_gap",
            "E_n of the limit's weights, read at k/n, converges to the limit's least value at order 1",
            Rival(*RIVAL_N_SQUARED, -1.024),
        ),
        replace(
            _observed(
                "recovery.excess",
                "recovery_excess",
                "E_n of the limit's weights, read at k/n, exceeds the least value at order 2",
                Rival(*RIVAL_N_SQUARED, -1.015),
            ),
            expected=Expected("order", 2, 0.15),
        ),
        replace(
            _observed(
                "regularity",
                "second_difference",
                "The largest second difference n^2 |K_{k+1} - 2 K_k + K_{k-1}| of minimisers stays bounded",
                Rival(*RIVAL_N_SQUARED, 1.004),
            ),
            kind="derived",
            expected=Expected("order", 0, 0.15),
        ),
        _observed(
            "boundary.start",
            "boundary_start",
            DEFECT_AT_START,
            Rival(*RIVAL_N_SQUARED, -0.005775),
        ),
        _observed(
            "boundary.end",
            "boundary_end",
            "The defect of the limit's condition K'(1) = 0, b'(1) = 0 falls at order 1",
            Rival(*RIVAL_N_SQUARED, 1.997),
            tolerance=0.15,
        ),
        Claim(
            id="gamma.boundary.exact",
            source=THORPE,
            statement="Minimisers of E_n meet the exact boundary conditions of depth n in the first and last layer",
            kind="identity",
            observable="boundary_missed",
            expected=Expected("at_most", 0, 1e-7, scale=RELATIVE),
            where={"problem": "regression"},
            unmet=minimiser_not_reached("regression"),
            note=several_minima("regression"),
            rival=Rival("dLoss/dK / a1 in place of dLoss/dK / (2 a1)", "G25-force"),
        ),
        _vanishes("value", "classification", Rival(*RIVAL_BIAS_ENERGY, 0.0006852)),
        _observed(
            "value.observed",
            "value_gap",
            VALUE_AT_ORDER_1,
            Rival(*RIVAL_N_SQUARED, 0.005244),
            problem="classification",
        ),
        _vanishes("weights", "classification", Rival(*RIVAL_CURVATURE, 0.192)),
        _observed(
            "weights.observed",
            "weights_sup",
            WEIGHTS_AT_ORDER_1,
            Rival(*RIVAL_CURVATURE, -0.002765),
            problem="classification",
        ),
        _vanishes("value", "unequal", Rival(*RIVAL_START_ENERGY, 0.02468)),
        _vanishes("weights", "unequal", Rival(*RIVAL_TAU, 0.2351)),
        _observed(
            "boundary.start",
            "boundary_start",
            DEFECT_AT_START,
            Rival(*RIVAL_TAU, 0.00808),
            problem="unequal",
        ),
    ),
    observables={
        "value_gap": "|E_n - E| at the minima of the branch that is judged and at their limit; by problem; of the"
        " data against the Richardson limit",
        "least_gap": "|min E_n - min E|, over the branches of all starts, and over the limit's extremals; by problem",
        "lowest_extremal": "least value of the limit's extremals from starts of its own; by problem",
        "lowest_ends": "how many of these starts ended near the lowest extremal; by problem",
        "collocated": "how many random paths, part of the way down, collocation led to an extremal from; its reference:"
        " of how many; by problem",
        "collocated_lowest": "how many of these are the lowest extremal; by problem",
        "least_missed": "|E of the limit of the branch that is judged - lowest extremal|, relative to it; by problem",
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
        "boundary_missed": "defect of n (K_1 - K_0) = t1 K_0 + dLoss/dK_0 / 2 a1 and of n (K_{n-1} - K_{n-2}) ="
        " -dLoss/dK_{n-1} / 2 a1, relative to t1 |K_0|",
        "second_difference": "largest n^2 |K_{k+1} - 2 K_k + K_{k-1}| over the layers within, K and b together; by"
        " problem",
        "value_plateau": "limit of least_gap at infinite depth, extrapolated, relative to min E; by problem",
        "weights_plateau": "limit of weights_sup at infinite depth, relative to the largest weights; by problem",
        "tl2_plateau": "limit of tl2 at infinite depth, relative to the largest weights; by problem",
        "recovery_plateau": "limit of recovery_gap at infinite depth, relative to the value; by problem",
        "limit_found": "1 where the limit's boundary value problem was solved; by problem",
        **reached.OBSERVABLES_OF_CERTIFICATE,
    },
    memory=("gamma.points", "gamma.dimension", "depth"),
    on_cpu=True,
    arrays={
        f"{problem}.{name}": f"{words} of the {problem} problem (depth, d^2 + d): K row by row, then b"
        for problem in PROBLEM_PREFIXES
        for name, words in (("path", "minimiser"), ("limit", "limit at k/n"))
    },
    compared=tuple(f"gamma.{name}" for name in ("value", "weights", "tl2", "recovery"))
    + tuple(f"gamma.{problem}.{name}" for problem in ("classes", "unequal") for name in ("value", "weights")),
)
