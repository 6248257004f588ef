"""`sde.functions`: the random functions x -> x_T that networks draw, and pictures of them. Free of torch."""

from __future__ import annotations

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import PELUCHETTI
from ...group import Group
from ..outside import linear
from ..room import least_of_one

DRAWN = {"own": "the network of the settings", "swish": "swish, sigma_w = sigma_b = T = 1"}

GROUP = Group(
    name="functions",
    title="Does the random function from input to output become affine?",
    seconds=4.1,
    least=least_of_one,
    claims=(
        Claim(
            id="sde.functions",
            source=PELUCHETTI,
            statement="the limit x -> x_T is affine where phi''(0) = 0 and psi = id: networks bend less and less,"
            " the second difference falls at order 1",
            kind="observation",
            observable="second_difference",
            expected=Expected("order", 1.0, 0.25),
            outside=linear,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
    ),
    memory=("width",),
    on_cpu=True,
    observables={
        "second_difference": "root mean square over replicas and coordinates of x_L(2u) - 2 x_L(0) + x_L(-2u) for a"
        " direction u, |u|^2 = D",
    },
    arrays={
        "functions.inputs": "inputs s in [-2, 2] along a direction, (points,)",
        "functions.grid": "the same in each of two directions, (points,)",
        **{
            f"functions.{name}.{shape}.{which}": f"first coordinate of x_T, {words}: {of} of {what}"
            for name, words in DRAWN.items()
            for shape, of in (("line", "draws (draws, points)"), ("plane", "a draw (points, points)"))
            for which, what in (("network", "the network"), ("sde", "the SDE, the same at every depth"))
        },
    },
)
