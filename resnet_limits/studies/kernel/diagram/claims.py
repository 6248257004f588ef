"""`kernel.diagram.*`: width and depth, each finite or infinite. Free of torch."""

from __future__ import annotations

from collections.abc import Callable

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI
from ...group import Group
from ...least import points, sampled
from ..outside import AS_FULL, IN_WIDTH, either, limitless, moving, narrow
from ..settings import Kernel

CORNERS = {
    "finite depth, finite width": "networks of depth L and the width of the settings, mean over them",
    "finite depth, infinite width": "the exact recursion",
    "infinite depth, finite width": "the SDE, mean over draws; its time step's error at infinite width is taken off",
    "infinite depth, infinite width": "the limit ODE",
}
OF = {"q": "the mean square q", "lambda": "the overlap lambda of two inputs"}
Outside = Callable[[Kernel], str | None]
FINE = 128
"""Steps of the Euler-Maruyama scheme that stands for infinite depth."""


def _difference(name: str, statement: str, tolerance: float, outside: Outside = limitless) -> tuple[Claim, ...]:
    return tuple(
        Claim(
            id=f"kernel.diagram.{name}.{of}",
            source=PELUCHETTI,
            statement=statement.format(words),
            kind="theorem",
            observable="corner_difference",
            expected=Expected("value", 0, tolerance),
            where={"scheme": name, "of": of},
            outside=outside,
            random=True,
            verdicts=AS_FULL,
        )
        for of, words in OF.items()
    )


def least_of_networks(settings: Kernel) -> float:
    return points(settings) + sampled(settings, vectors=2)


GROUP = Group(
    name="diagram",
    title="Do the limits of infinite width and infinite depth commute?",
    seconds=4.5,
    least=least_of_networks,
    claims=(
        *_difference(
            "network",
            "{} of networks of depth L and width D is that of infinitely wide ones of this depth",
            0.04,
            outside=moving,
        ),
        *_difference("sde", "{} of the SDE of width D is that of the doubly infinite network", 0.04),
        *_difference(
            "commute",
            "{}: networks of width D are as far from their SDE as infinitely wide ones from the limit ODE, by a known"
            " bias of order 1/L",
            0.06,
        ),
        Claim(
            id="kernel.diagram.corners",
            source=PELUCHETTI,
            statement="the four corners agree within three standard errors, and a known bias of order 1/L: the largest"
            " of the differences above, in its standard errors",
            kind="theorem",
            observable="corner_deviation",
            expected=Expected("at_most", 3, 0.5),
            where={"scheme": "largest"},
            outside=either(moving, limitless),
            random=True,
            verdicts=AS_FULL,
        ),
        *(
            Claim(
                id=f"kernel.diagram.width.{scheme}",
                source=PELUCHETTI,
                statement=f"the overlap of two inputs fluctuates over {words} of width D at order 1/2 in D",
                kind="theorem",
                observable="corner_spread",
                expected=IN_WIDTH,
                where={"scheme": scheme},
                outside=outside,
                random=True,
                verdicts=AS_FULL,
            )
            for scheme, words, outside in (
                ("network", "networks of depth L", either(narrow, moving)),
                ("sde", "draws of the SDE", either(narrow, moving, limitless)),
            )
        ),
    ),
    memory=("width", "replicas"),
    arrays={
        "diagram.depth": "networks of depth L: width, mean and standard error of q, of lambda, standard deviation of"
        " lambda and its standard error, a column a width, the last infinite, (7, widths + 1)",
        "diagram.limit": "the same of the SDE and, at infinite width, the limit ODE",
    },
    observables={
        "corner": "q or lambda (coordinate `of`) in a corner of the diagram: "
        + "; ".join(f"{name}: {words}" for name, words in CORNERS.items())
        + "; at finite width also of D/8, D/4, D/2 (column width)",
        "corner_deviation": "distance of a corner of finite width from that of its depth and infinite width, in"
        " standard errors (coordinate corner); scheme largest: the largest corner_difference, in its standard errors",
        "corner_difference": "of two corners, relative to q of infinite width: finite less infinite width at depth L"
        " (scheme network), at infinite depth (sde); depth_difference less its reference (commute)",
        "depth_difference": "networks of depth L less the SDE, both of width D, relative to q of both infinite;"
        " reference: the bias of order 1/L, the recursion less the limit ODE",
        "corner_spread": "standard deviation over networks of <x, y>/D of two inputs (columns scheme, width)",
    },
)
