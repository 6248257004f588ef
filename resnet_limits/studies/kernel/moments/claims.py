"""`kernel.moments.*`: infinitely wide networks of finite depth against the limit in depth. Free of torch.

The limit is Peluchetti & Favaro's, the order is derived: a layer adds what a step of Euler's scheme for the limit's ODE
does, but for terms of size h^2. What these add up to is known for tanh, `limits/depth_constant.py`.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....papers import PELUCHETTI
from ...group import Group
from ...least import bytes_of_points
from ..outside import VERDICTS_OF_DEPTH_ORDERS, either, moments_explode_with, moving, sizes_of_law, without_order
from ..settings import Kernel

POINTS_OF_OVERLAPS = 6
"""Training points whose overlaps with the first one are judged together."""
PINS_OF_SWISH_MOMENTS, PINS_OF_TANH_MOMENTS = {"activation": "swish"}, {"activation": "tanh"}
SCHEME_PHRASES = {"own": "", "swish": " with swish"}
"""Schemes in a statement."""
DEPTHS_OF_CONSTANT = (64, 128, 256, 512)
"""Depths from which the 1/L constant is extrapolated."""
TOLERANCE_OF_ORDER = 0.15
"""Of an order. Where one of the two inputs is four times as large as usual, the order reads .98 +- .11 at the default
depths: the error bends more, its terms of size 1/L^2 growing like the square of the inputs."""
MAX_DEEPEST_ERROR, MAX_RATIO_OF_FALLING_ERRORS = 0.1, 0.9
"""No order is read where the deepest error is above the first and still falls, below the second times the one before;
one that does not fall is no limit."""
WORDS_OF_MOMENTS = {
    "q": "the mean square q of the coordinates",
    "lambda": "the overlap lambda of two inputs",
    "m": "the mean m of the coordinates",
    "ntk": "the tangent kernel of two inputs",
}

SHORT_WORDS_OF_MOMENTS = {"q": "the mean square q", "lambda": "the overlap lambda", "ntk": "the tangent kernel"}
"""Moments of which the 1/L constant is known, `limits/depth_constant.py`."""
MAX_GROWTH_OF_CONSTANT = 2.0
"""The largest `sigma_w^2 T` at which the constant is seen at these depths."""


def grown_for_constant(settings: Kernel) -> str | None:
    """Why depths of `DEPTHS_OF_CONSTANT` are too small to extrapolate from, or None."""
    if (growth := sizes_of_law(settings).sigma_w ** 2 * settings.horizon) > MAX_GROWTH_OF_CONSTANT:
        return (
            f"sigma_w^2 T = {growth:.3g}: above {MAX_GROWTH_OF_CONSTANT:g} the constant is not seen at"
            f" depths of {DEPTHS_OF_CONSTANT}"
        )
    return None


def _swish(settings: Kernel) -> str | None:
    return moments_explode_with("swish", settings) or moving(settings)


def _too_large(scheme: str, of: str) -> Any:
    """For `Claim.unmet`: why there are no errors, or no order can be read from them, or None."""

    def unmet(records: Any) -> str | None:
        if "scheme" not in records:
            return None
        rows = records[(records["observable"] == f"{of}_error") & (records["scheme"] == scheme)]
        if not len(rows):
            is_measured = ((records["observable"] == of) & (records["scheme"] == scheme)).any()
            return "the moments of the two inputs blow up before the horizon, see blow_up_time" if is_measured else None
        by_depth = rows.groupby("depth")["value"].mean().sort_index()
        depth, deepest = int(by_depth.index[-1]), float(by_depth.iloc[-1])
        falls = len(by_depth) > 1 and deepest < MAX_RATIO_OF_FALLING_ERRORS * by_depth.iloc[-2]
        if deepest > MAX_DEEPEST_ERROR and falls:
            return (
                f"the relative error at L={depth} is {deepest:.2g}: no order can be read above"
                f" {MAX_DEEPEST_ERROR}; near the"
                " blow-up time it takes much deeper networks"
            )
        return None

    return unmet


def _order(scheme: str, of: str, rival: Rival) -> Claim:
    name = "" if scheme == "own" else ".swish"
    return Claim(
        id=f"kernel.moments{name}.{of}",
        source=PELUCHETTI,
        statement=f"At infinite width{SCHEME_PHRASES[scheme]}, {WORDS_OF_MOMENTS[of]} converges to the limit"
        f" ODE's at order 1",
        kind="derived",
        observable=f"{of}_error",
        expected=Expected("order", 1, TOLERANCE_OF_ORDER),
        where={"scheme": scheme},
        pins={} if scheme == "own" else PINS_OF_SWISH_MOMENTS,
        outside=without_order if scheme == "own" else _swish,
        unmet=_too_large(scheme, of),
        verdicts=VERDICTS_OF_DEPTH_ORDERS,
        rival=rival,
    )


def _limit(scheme: str, rival: Rival) -> Claim:
    return Claim(
        id=f"kernel.moments.limit.{scheme}",
        source=PELUCHETTI,
        statement=f"At infinite width{SCHEME_PHRASES[scheme]}, moments extrapolated in depth are those of the"
        f" limit ODE",
        kind="theorem",
        observable="extrapolated_distance",
        expected=Expected("at_most", 0, 3e-3, scale=RELATIVE),
        where={"scheme": scheme},
        pins={} if scheme == "own" else PINS_OF_SWISH_MOMENTS,
        outside=either(without_order, grown_for_constant) if scheme == "own" else either(_swish, grown_for_constant),
        needs="moments that do not blow up before the horizon",
        verdicts=VERDICTS_WITH_LARGE,
        rival=rival,
    )


def _constant(of: str, rival: Rival) -> Claim:
    return Claim(
        id=f"kernel.moments.constant.{of}",
        source=PELUCHETTI,
        statement=f"At infinite width, L times the error of {SHORT_WORDS_OF_MOMENTS[of]} at depth L tends to"
        f" its known constant",
        kind="derived",
        observable="constant_ratio",
        expected=Expected("value", 1, 0.01, scale=RELATIVE),
        where={"of": of},
        pins=PINS_OF_TANH_MOMENTS,
        outside=either(moving, grown_for_constant),
        verdicts=VERDICTS_WITH_LARGE,
        rival=rival,
    )


RIVAL_WITHOUT_BIAS = "the limit's moments without the bias's variance: a distance that stays"
RIVAL_CONSTANT_BIAS = "a limit in which the bias's contribution does not grow: a distance that stays"
RIVAL_WITHOUT_READ_IN = "a tangent kernel without the read-in's term: a distance that stays"
RIVAL_ERROR_TWICE = "Euler's own error counted twice in the constant"


GROUP = Group(
    name="moments",
    title="Do the moments of infinitely wide networks converge to an ODE as depth grows?",
    seconds=3,
    least=bytes_of_points,
    claims=(
        _order("own", "q", Rival(RIVAL_WITHOUT_BIAS, "K5-bias-moments", -0.003126)),
        _order("own", "lambda", Rival(RIVAL_CONSTANT_BIAS, "K6-bias-kernel", -0.2968)),
        _order("own", "ntk", Rival(RIVAL_WITHOUT_READ_IN, "K1-read-in", -0.003738)),
        _order("swish", "q", Rival(RIVAL_WITHOUT_BIAS, "K5-bias-moments", 0.0004196)),
        _order("swish", "lambda", Rival(RIVAL_CONSTANT_BIAS, "K6-bias-kernel", 0.03346)),
        _order("swish", "m", Rival(RIVAL_WITHOUT_BIAS, "K5-bias-moments", -3.575e-05)),
        _order("swish", "ntk", Rival(RIVAL_WITHOUT_READ_IN, "K1-read-in", 0.0002019)),
        _limit("own", Rival(RIVAL_WITHOUT_BIAS, "K5-bias-moments", 0.3672)),
        _limit("swish", Rival(RIVAL_WITHOUT_BIAS, "K5-bias-moments", 2.026)),
        _constant("q", Rival(RIVAL_ERROR_TWICE, "K13-slope-constant", 0.8839)),
        _constant("lambda", Rival(RIVAL_ERROR_TWICE, "K13-slope-constant", 0.8886)),
        _constant("ntk", Rival(RIVAL_ERROR_TWICE, "K13-slope-constant", 0.9537)),
    ),
    memory=("data.train_size",),
    on_cpu=True,
    observables={
        **{
            of: f"{words}, at depth L and infinite width, by the exact recursion; of the first training point"
            f"{' and the one that overlaps it most' if of in ('lambda', 'ntk') else ''}; scheme own: the activation of"
            " the settings, swish: swish; reference: the limit in depth"
            for of, words in WORDS_OF_MOMENTS.items()
        },
        **{
            f"{of}_error": f"relative distance of {of} to the limit in depth"
            for of in WORDS_OF_MOMENTS
            if of != "lambda"
        },
        "lambda_error": f"root mean square distance to the limit in depth of the first input's overlaps with"
        f" {POINTS_OF_OVERLAPS}"
        " others, relative to theirs",
        "depth_constant": "L times the relative distance of a moment (coordinate `of`) to its limit, with its sign",
        "extrapolated_distance": "largest relative distance, over the moments, of their extrapolation from depths of"
        " 32 to 256 to the limit; error of the reference: of the extrapolation",
        "constant_ratio": "L times the distance of a moment (coordinate `of`) of tanh networks to its limit, relative"
        " to its known constant; extrapolated from depths of 32 to 256, with the error of the extrapolation",
        "blow_up_time": "when the moments of the limit explode (where they do): of these two inputs;"
        " scheme all points: of all training and test points",
    },
)
