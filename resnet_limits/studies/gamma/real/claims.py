"""`gamma.real`: minimisers on a data set, against their Richardson limit. Free of torch."""

from __future__ import annotations

from ....claims.claim import AS_STATED, SMOKE_IS_TOO_SMALL, Claim, Rival
from ....data.sizes import training_points
from ....papers import THORPE
from ...group import Group
from ...least import bytes_of_points
from ...reached import EXPECTED_FIRST_ORDER
from ..outside import minimiser_not_reached, no_rate, which_minimum
from ..room import least_of_minimiser
from ..settings import LOSS_OF_GAMMA, PROBLEM_OF_DATA, Gamma

DISTANCES_COMPARED = ("weights_sup", "value_gap", "tl2", "h1")
"""What `compare.py` measures. The limit is extrapolated from the networks themselves: that they converge is no claim
here, for it would hold by construction; the order of the differences is."""
REAL_CLAIMS_OPEN_AT_SMOKE = ("weights.observed", "tl2.observed", "h1")


def _claim(name: str, statement: str, observable: str, rival: Rival) -> Claim:
    return Claim(
        id=f"gamma.real.{name}",
        source=THORPE,
        statement=statement,
        kind="observation",
        observable=observable,
        expected=EXPECTED_FIRST_ORDER,
        where={"problem": PROBLEM_OF_DATA},
        outside=no_rate,
        unmet=minimiser_not_reached(PROBLEM_OF_DATA),
        note=which_minimum(PROBLEM_OF_DATA),
        needs="depths that double, at least three" if observable in DISTANCES_COMPARED else "",
        verdicts=SMOKE_IS_TOO_SMALL if name in REAL_CLAIMS_OPEN_AT_SMOKE else AS_STATED,
        rival=rival,
    )


def least_of_real(settings: Gamma) -> float:
    count = min(settings.gamma.train_points, training_points(settings.data))
    return bytes_of_points(settings) + least_of_minimiser(settings.depth, settings.width, count)


GROUP = Group(
    name="real",
    title="Do trained weights converge with depth on a data set, too?",
    loss=LOSS_OF_GAMMA,
    seconds=9.9,
    shared=9.9,
    least=least_of_real,
    claims=(
        _claim(
            "value.observed",
            "On a data set, the least value of E_n converges to its Richardson limit at order 1",
            "value_gap",
            Rival("distance to the shallowest network in place of the limit", "G35-shallowest", 0.07967),
        ),
        _claim(
            "weights.observed",
            "On a data set, minimisers converge uniformly to their Richardson limit at order 1",
            "weights_sup",
            Rival("square of the distance", "G32-sup-squared", 2.008),
        ),
        _claim(
            "tl2.observed",
            "On a data set, minimisers converge in TL2 to their Richardson limit at order 1",
            "tl2",
            Rival("size of the weights in place of their distance", "G33-tl2-size", -0.001694),
        ),
        _claim(
            "h1",
            "On a data set, minimisers converge in the discrete H1 norm to their Richardson limit at order 1",
            "h1",
            Rival("square of the distance", "G34-h1-squared", 2.001),
        ),
        _claim(
            "boundary.start",
            "On a data set, the defect of K'(0) = t1 K(0), b'(0) = t2 b(0) falls at order 1",
            "boundary_start",
            Rival("n^2 in place of n in the penalty", "G2-n-squared", -0.006159),
        ),
        _claim(
            "boundary.end",
            "On a data set, the defect of K'(1) = 0, b'(1) = 0 falls at order 1",
            "boundary_end",
            Rival("n^2 in place of n in the penalty", "G2-n-squared", 1.997),
        ),
    ),
    observables={
        "train_loss": "loss of the training points, without the penalty",
        "train_accuracy": "fraction of the training points classified correctly",
        "test_accuracy": "fraction of the test points classified correctly",
    },
    memory=("gamma.train_points", "width", "depth"),
    on_cpu=True,
    arrays={
        "real.K": "minimiser on the data set, K (depth, width, width)",
        "real.b": "minimiser on the data set, b (depth, width)",
        "real.W": "minimiser on the data set, read-out W (outputs, width)",
        "real.c": "minimiser on the data set, read-out c (outputs,)",
    },
    compared=(
        "gamma.real.value.observed",
        "gamma.real.weights.observed",
        "gamma.real.tl2.observed",
        "gamma.real.h1",
    ),
)
