"""`kernel.diagram.*`: width and depth, each finite or infinite. Free of torch.

The four sides of the diagram: in width at a finite depth (network) and at infinite depth (sde), in depth at a finite
width (commute) and at infinite width (`kernel.moments`). Derived are the laws of width D, from Ito's formula for the
Gram matrix (`limits/gram_moments.py`), and the order 1/2 in D: overlaps are means over D
coordinates, nearly independent ones.
"""

from __future__ import annotations

from collections.abc import Callable

from ....claims.claim import RELATIVE, VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....networks.activations import activation_named
from ....papers import LEE_GAUSSIAN, PELUCHETTI, Paper
from ...group import Group
from ...least import bytes_of_points, bytes_of_samples
from ..outside import EXPECTED_IN_WIDTH, either, limitless, moving, narrow, sizes_of_law
from ..settings import Kernel

CORNER_FINITE, CORNER_WIDE = "finite depth, finite width", "finite depth, infinite width"
CORNER_SDE, CORNER_LIMIT = "infinite depth, finite width", "infinite depth, infinite width"
CORNERS = {
    CORNER_FINITE: "networks of depth L and the width of the settings, mean over them",
    CORNER_WIDE: "the exact recursion",
    CORNER_SDE: "the SDE, mean over draws; its time step's error at infinite width is taken off",
    CORNER_LIMIT: "the limit ODE",
}
WORDS_OF_CORNER_MOMENTS = {"q": "mean square q", "lambda": "overlap lambda of two inputs"}
Outside = Callable[[Kernel], str | None]
STEPS_OF_SDE_SCHEME = 128
"""Steps of the Euler-Maruyama scheme that stands for infinite depth."""


SHALLOW_DEPTH = 2
"""Layers of the networks that are held against infinite width: the limit in depth is far off there."""
DIAGRAM_NETWORKS_A_REPLICA = 8
"""There are as many times more of them: they are cheap, and few layers see less of the sizes of the weights. What is
left at width D is of order 1/D, some 0.004 at 128."""
DIVISOR_OF_NARROW_WIDTH = 8
"""Where exact laws of width D are tested, D is the settings' width over this."""
DEPTHS_EXTRAPOLATED = (64, 128)
"""Depths of the networks whose distance to their SDE is extrapolated."""
PINS_OF_TANH_DIAGRAM = {"activation": "tanh"}


RIVAL_ROOT_OF_WIDTH = "overlaps divided by sqrt(D) in place of D"


def _difference(
    name: str, source: Paper, statement: str, tolerance: float, rivals: dict[str, Rival], outside: Outside = limitless
) -> tuple[Claim, ...]:
    return tuple(
        Claim(
            id=f"kernel.diagram.{name}.{of}",
            source=source,
            statement=statement.format(words),
            kind="theorem",
            observable="corner_difference",
            expected=Expected("value", 0, tolerance, scale=RELATIVE),
            where={"scheme": name, "of": of},
            outside=outside,
            random=True,
            verdicts=VERDICTS_WITH_LARGE,
            rival=rivals[of],
        )
        for of, words in WORDS_OF_CORNER_MOMENTS.items()
    )


def grown_between_depths(settings: Kernel) -> str | None:
    """Why the depths of `DEPTHS_EXTRAPOLATED` are too small to extrapolate from, or moments too large to sample, or
    None."""
    if (growth := sizes_of_law(settings).sigma_w ** 2 * settings.horizon) > 2:
        return f"sigma_w^2 T = {growth:.3g}: above 2 depths of {DEPTHS_EXTRAPOLATED} are not asymptotic"
    return None


def _curved(settings: Kernel) -> str | None:
    """Why the moments of the Gram matrix do not close, or None."""
    if activation_named(settings.activation).curvature_at_0:
        return f"activation={settings.activation}: with phi''(0) not 0 the moments of the Gram matrix do not close"
    return None


def least_of_networks(settings: Kernel) -> float:
    return bytes_of_points(settings) + bytes_of_samples(settings, vectors=2)


GROUP = Group(
    name="diagram",
    title="Do the limits of infinite width and infinite depth commute?",
    seconds=11,
    least=least_of_networks,
    claims=(
        *_difference(
            "network",
            LEE_GAUSSIAN,
            f"The expected {{}} of networks of {SHALLOW_DEPTH} layers and width D is that of infinitely wide ones",
            0.012,
            {
                "q": Rival("the moments of deep networks in place of shallow ones", "K14-shallow-recursion", -0.1078),
                "lambda": Rival(
                    "the moments of deep networks in place of shallow ones", "K14-shallow-recursion", -0.09933
                ),
            },
            outside=moving,
        ),
        *_difference(
            "sde",
            PELUCHETTI,
            "The expected {} of the SDE of width D is that of the doubly infinite network",
            0.03,
            {
                "q": Rival("a limit without the bias's variance", "K5-bias-moments", 0.3725),
                "lambda": Rival(RIVAL_ROOT_OF_WIDTH, "K18-overlap-root", 8.053),
            },
        ),
        *(
            Claim(
                id=f"kernel.diagram.commute.{of}",
                source=PELUCHETTI,
                statement=f"The expected {words} of tanh networks differs from their SDE's by c_D/L, with c_D known",
                kind="derived",
                observable="commuting_ratio",
                expected=Expected("value", 1, 0.15, scale=RELATIVE),
                where={"of": of},
                pins=PINS_OF_TANH_DIAGRAM,
                outside=either(moving, grown_between_depths),
                random=True,
                verdicts=VERDICTS_WITH_LARGE,
                rival=Rival(
                    "one variance in place of the sum of two in the constant of tanh", "K16-two-variances", value
                ),
            )
            for (of, words), value in zip(WORDS_OF_CORNER_MOMENTS.items(), (1.741, 1.764), strict=True)
        ),
        Claim(
            id="kernel.diagram.spread",
            source=PELUCHETTI,
            statement="Over draws of the SDE, the overlap of two inputs has the standard deviation that its moment"
            " equations give",
            kind="derived",
            observable="spread_ratio",
            expected=Expected("value", 1, 0.1, scale=RELATIVE),
            outside=either(moving, limitless, _curved, grown_between_depths),
            random=True,
            verdicts=VERDICTS_WITH_LARGE,
            rival=Rival(RIVAL_ROOT_OF_WIDTH, "K18-overlap-root", 3.976),
        ),
        *(
            Claim(
                id=f"kernel.diagram.width.{scheme}",
                source=PELUCHETTI,
                statement=f"The overlap of two inputs fluctuates over {words} at order 1/2 in the width D",
                kind="derived",
                observable="corner_spread",
                expected=EXPECTED_IN_WIDTH,
                where={"scheme": scheme},
                outside=outside,
                random=True,
                verdicts=VERDICTS_WITH_LARGE,
                rival=Rival(RIVAL_ROOT_OF_WIDTH, "K18-overlap-root", value),
            )
            for scheme, words, outside, value in (
                ("network", "networks of depth L", either(narrow, moving), 0.009714),
                ("sde", "draws of the SDE", either(narrow, moving, limitless), -0.008655),
            )
        ),
    ),
    memory=("width", "replicas"),
    arrays={
        "diagram.depth": "networks of depth L: width, mean and standard error of q, of lambda, standard deviation of"
        " lambda and its standard error, a column a width, the last infinite, (7, widths + 1)",
        "diagram.limit": "the rows of diagram.depth, of the SDE and, at infinite width, of the limit ODE",
    },
    conditional=(
        "corner",
        "corner_difference",
        "corner_spread",
        "spread_ratio",
    ),
    observables={
        "corner": "q or lambda (coordinate `of`) in a corner of the diagram: "
        + "; ".join(f"{name}: {words}" for name, words in CORNERS.items())
        + "; at finite width also of D/8, D/4, D/2 (column width)",
        "corner_deviation": "distance of a corner of finite width from that of its depth and infinite width, in"
        " standard errors (coordinate corner)",
        "corner_difference": "difference of two corners, relative to q of infinite width: finite less infinite width at"
        f" {SHALLOW_DEPTH} layers (scheme network), at infinite depth (sde)",
        "commuting_ratio": f"L times the distance of tanh networks of width D/{DIVISOR_OF_NARROW_WIDTH} and"
        f" depth L to their SDE in the"
        " mean (coordinate `of`), over the constant of that width; on one noise with Euler-Maruyama, whose mean is"
        f" known, extrapolated from depths of {' and '.join(map(str, DEPTHS_EXTRAPOLATED))}",
        "spread_ratio": f"standard deviation over draws of the SDE of width D/{DIVISOR_OF_NARROW_WIDTH} of <x,"
        f" y>/D of two inputs, over"
        " that of the closed moments of the Gram matrix",
        "corner_spread": "standard deviation over networks of <x, y>/D of two inputs (columns scheme, width)",
    },
)
