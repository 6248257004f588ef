"""`hamiltonian.tracking.*`: networks with a loss along their path, and horizons other than 1. Free of torch.

Derived (`limits/hamiltonian/tracking.py`). With `nu/2 |omega|^2 + |q - y|^2 / 2` the least value V of one point of the
line over an infinite horizon solves `V'^2 |f|^2 = nu (q - y)^2`, `|f|^2 = 1 + a^2`, and `q' = -|f|^2 V'/nu`: the rate
near y is `|f(y)|/sqrt(nu)`. Biases alone are a linear-quadratic problem. A horizon T is a change of the unit of time:
`omega' = T omega` makes `nu/2 int |omega|^2` on [0, T] the same with `nu/T` on [0, 1], layer by layer.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Kind, Rival
from ....papers import ESTEVE, OWHADI, Paper
from ...group import Depths, Group
from ...least import little
from ...pinned import pinned
from ...reached import EXPECTED_FIRST_ORDER
from ..exact.instances import LINE, POINT, Instance
from ..outside import kinked_velocity, solution_not_reached

RATES_OF_LONG_HORIZON = 10.0
"""The long horizon, in units of one over the rate: `exp(-20)` is what the end is from rest."""
HORIZON_OF_BIASES = 1.5
"""The horizon of biases alone, in units of `sqrt(nu)`: the path feels its end."""
MAX_DEPTH_OF_HORIZON = 32
"""Depth up to which two horizons are compared, layer by layer the same network."""
HORIZON_OF_UNIT = 2.5
"""The horizon that is compared with the horizon 1."""
DEPTHS_OF_TRACKING = Depths(low=8, high=128)
PLATEAU_OF_TRACKING = {"tracking_gap": "tracking_plateau"}
EXPECTED_PLATEAU_OF_TRACKING = Expected("at_most", 0, 5e-3, scale=RELATIVE)
"""The layers are long, up to 1.25 over the rate: five depths leave a thousandth."""
PREFIX_OF_TRACKING_ARRAYS = {"tracking": "tracking.path.off.", "biases": "tracking.biases.off."}
"""By the coordinate of the records."""
LOSS_OF_TRACKING = (
    "mean over the points of |q - y|^2 / 2, integrated along the path of the horizon T, without a loss at the end; in"
    " hamiltonian.tracking.horizon the same at the end alone; beside nu/2 times the path energy"
)
RIVALS_OF_TRACKING = {
    "path": Rival("the plateau of a feedback without a(q)", "H84-rate-without-features", 0.1761),
    "path.observed": Rival("the order with a feedback without a(q)", "H84-rate-without-features", -0.787),
    "rate": Rival("the rate without a(y)", "H84-rate-without-features", 1.388),
    "biases": Rival("the value of an infinite horizon", "H85-no-end-of-the-path", 0.08313),
    "biases.observed": Rival("the order with the value of an infinite horizon", "H85-no-end-of-the-path", 0.02839),
    "horizon": Rival("a penalty multiplied by T", "H86-horizon-in-the-penalty"),
}
"""By what follows `hamiltonian.tracking.`."""


def _claim(
    suffix: str,
    of: str,
    statement: str,
    kind: Kind,
    observable: str,
    expected: Expected,
    instance: Instance,
    needs: str = "",
) -> Claim:
    def outside(settings: Any) -> str | None:
        return instance.unfit(settings) or kinked_velocity(pinned(settings, instance.pins))

    source: Paper = OWHADI if of == "horizon" else ESTEVE
    return Claim(
        id=f"hamiltonian.tracking.{suffix}",
        source=source,
        statement=statement,
        kind=kind,
        observable=observable,
        expected=expected,
        where={"of": of},
        pins=instance.pins,
        outside=outside,
        unmet=solution_not_reached(of, shooting=False),
        needs=needs,
        rival=RIVALS_OF_TRACKING[suffix],
    )


def _approaches(suffix: str, of: str, statement: str, instance: Instance) -> tuple[Claim, Claim]:
    """That the closed form is the limit, which is derived, and at which order, which is observed."""
    observed, of_order_1 = f"{suffix}.observed", f"{statement} at order 1"
    return (
        _claim(suffix, of, statement, "derived", "tracking_plateau", EXPECTED_PLATEAU_OF_TRACKING, instance),
        _claim(observed, of, of_order_1, "observation", "tracking_gap", EXPECTED_FIRST_ORDER, instance),
    )


GROUP = Group(
    name="tracking",
    title="How do networks with a loss along their path approach the targets?",
    loss=LOSS_OF_TRACKING,
    seconds=2.0,
    grows={"depth": 0.5},
    least=little,
    depths=DEPTHS_OF_TRACKING,
    claims=(
        *_approaches(
            "path",
            "tracking",
            "With a loss along a long path, states and values of networks tend to q' = (y - q)|f(q)|/sqrt(nu)",
            POINT,
        ),
        _claim(
            "rate",
            "tracking",
            "In the middle of a long path, networks approach y at the rate sqrt((1 + a(y)^2)/nu)",
            "derived",
            "turnpike_rate",
            Expected("value", 1, 0.01, scale=RELATIVE),
            POINT,
        ),
        *_approaches(
            "biases",
            "biases",
            "With biases alone and a loss along the path, networks tend to q - y ~ cosh((T - t)/sqrt(nu))",
            LINE,
        ),
        _claim(
            "horizon",
            "horizon",
            "With a loss at the end alone, the least value of horizon T and weight nu is that of 1 and nu/T",
            "identity",
            "horizon_gap",
            Expected("at_most", 0, 1e-10, scale=RELATIVE),
            POINT,
            f"depths up to {MAX_DEPTH_OF_HORIZON}",
        ),
    ),
    memory=("depth",),
    on_cpu=True,
    compared=("hamiltonian.tracking.path", "hamiltonian.tracking.biases"),
    observables={
        "tracking_gap": "root of the summed squares of two relative gaps of a network to the closed form: of the least"
        " value, and of the states, largest over time, by the largest distance of a point to its target",
        "turnpike_rate": "rate at which |q_s - y| falls in the middle fifth of the layers, extrapolated to |q - y| = 0,"
        " by sqrt((1 + a(y)^2)/nu)",
        "horizon_gap": "difference of the two least values, relative",
        "tracking_plateau": "|d_inf|, the entries of tracking_gap with their signs being d_inf + a/L^p + b/L^(p+1)",
    },
    arrays={
        f"{prefix}tracking_gap": f"of={of}: relative gaps of the value (first row), and of the states at t = T/8, T/4,"
        " T/2, T (5, points)"
        for of, prefix in PREFIX_OF_TRACKING_ARRAYS.items()
    },
)
