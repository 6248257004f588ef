"""`sde.explosion.*`: swish networks beyond their explosion time. Free of torch.

The horizon is the group's own, some explosion times of infinitely wide networks: shallow networks cross late, by how
much is derived in `measure.py`: by O(h) where the drift of a layer is still quadratic at the threshold,
`h sigma_w^2 q` small, and by `sqrt(2 pi h)/sigma_w log(sigma_w sqrt(h q))`, and more, where it is linear long before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import PELUCHETTI
from ...group import Group
from ..outside import explosion_time
from ..room import least_of_one
from ..settings import Sde

HORIZONS, NARROW_HORIZONS = 3, 8
"""The group's horizons, in explosion times: of wide networks, and of narrow ones, some of which are slow by chance."""
LOW = {"sde.threshold": 10.0}
"""A threshold at which the layers of deep networks still have a quadratic drift."""
WIDE = 512
"""Width of the networks that are held against infinite width; their number is `replicas / 4`."""
LONGEST = 2.0
"""Variance of pre-activations at the low threshold up to which order 1 is seen."""
FAR = 1e4
"""Thresholds from which the closed form of the lateness holds, in units of the inputs' mean square."""
EARLY = 1.9
"""Explosion times within which infinitely wide networks must have crossed for others to be expected at 2."""
SWISH = {"activation": "swish", "activation_inside": "identity"}


def never(settings: Sde) -> str | None:
    """Why nothing explodes, or None."""
    if settings.init.sizes().sigma_w == 0:
        return "init.sigma_w=0: the drift is constant, nothing explodes"
    if explosion_time("swish", inside_identity(settings)) == float("inf"):
        return "the moments of infinitely wide networks stay finite at this setting"
    return None


def inside_identity(settings: Sde) -> Sde:
    """The setting with `activation_inside=identity`, which the group pins."""
    return replace(settings, activation_inside=SWISH["activation_inside"])


def late(records: Any) -> str | None:
    """For `Claim.unmet`: where even infinitely wide networks of this depth cross late, or None."""
    if "scheme" not in records:
        return None
    its = records[(records["observable"] == "crossing_time") & (records["scheme"] == "infinitely wide")]
    time = its[its["depth"] == its["depth"].max()]["value"].mean()
    if time > EARLY:
        depth = int(its["depth"].max())
        what = f"at L={depth} even infinitely wide networks cross as late as {time:.3g} explosion times"
        return f"{what}; deeper ones are faster"
    return None


def coarse(records: Any) -> str | None:
    """For `Claim.unmet`: where steps at the low threshold are too long for its order to be seen, or None."""
    its = records[records["observable"] == "crossing_step"]
    if len(its) and (size := its[its["depth"] == its["depth"].max()]["value"].mean()) > LONGEST:
        what = f"at L={int(its['depth'].max())} h sigma_w^2 |x|^2/D is {size:.2g} at the threshold"
        return f"{what}: the drift is no longer quadratic; deeper networks would tell"
    return None


def high(settings: Sde) -> str | None:
    """Why inputs lie too near the low threshold, or nothing explodes; None where neither is so."""
    if settings.sde.norm > LOW["sde.threshold"] / 5:
        return f"sde.norm={settings.sde.norm:g}: too near the threshold {LOW['sde.threshold']:g} of this claim"
    return never(settings)


def low(settings: Sde) -> str | None:
    """Why the threshold is not far beyond the quadratic drift, or nothing explodes; None where neither is so."""
    if settings.sde.threshold < FAR * settings.sde.norm:
        return f"sde.threshold={settings.sde.threshold:g}: it takes {FAR:g} times sde.norm, far beyond the inputs"
    return never(settings)


LATE = "it takes infinitely wide networks of this depth that cross before 2.7 explosion times: greater depths"
NARROW = "the difference is taken where at least 99 % of the networks cross before 8 explosion times: greater depths"

GROUP = Group(
    name="explosion",
    title="Do swish networks explode when their limit does?",
    seconds=0.9,
    least=least_of_one,
    memory=("replicas", "width", "sde.inputs"),
    claims=(
        Claim(
            id="sde.explosion",
            source=PELUCHETTI,
            statement="infinitely wide swish networks (an exact recursion, nothing is sampled) cross the threshold"
            " |x|^2/D = 10 later than the limit by O(h): order 1",
            kind="observation",
            observable="crossing_time_error",
            expected=Expected("order", 1.0, 0.1),
            where={"scheme": "infinitely wide, low"},
            pins={**SWISH, **LOW},
            outside=high,
            unmet=coarse,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.explosion.sampled",
            source=PELUCHETTI,
            statement="the time at which sampled wide swish networks cross the threshold tends to that of the limit,"
            " order at least 1/2 (width 512)",
            kind="theorem",
            observable="crossing_time_excess",
            # late by sqrt(h) F(sigma_w sqrt(h q)), and powers of sqrt(h)
            expected=Expected("order_at_least", 0.5, 0.1, correction=0.5),
            where={"scheme": "wide"},
            pins={**SWISH, "width": WIDE},
            outside=low,
            random=True,
            needs=LATE,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.explosion.late",
            source=PELUCHETTI,
            statement="a threshold far beyond is crossed later than by the limit by (sqrt(h)/sigma_w) F(sigma_w sqrt(h"
            " q)), F(Y) = int_0^Y (1/E swish(y G) - 4/y^2) dy, to leading order in sqrt(h) (width 512, relative)",
            kind="observation",
            observable="crossing_lateness",
            expected=Expected("value", 1.0, 0.1),
            where={"scheme": "wide"},
            pins={**SWISH, "width": WIDE},
            outside=low,
            random=True,
            needs=LATE,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.explosion.narrow",
            source=PELUCHETTI,
            statement="at finite width, on one noise, swish networks of depth L and 2L cross the threshold at times"
            " that approach each other, order at least 1/2",
            kind="observation",
            observable="crossing_time_difference",
            expected=Expected("order_at_least", 0.5, 0.1),
            where={"scheme": "narrow"},
            pins=SWISH,
            outside=never,
            random=True,
            needs=NARROW,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.explosion.crossed",
            source=PELUCHETTI,
            statement="by twice the explosion time of the limit wide swish networks have crossed the threshold, if"
            " deep enough (width 512)",
            kind="theorem",
            observable="fraction_crossed",
            expected=Expected("at_least", 0.95, 0.05),
            where={"scheme": "wide"},
            pins={**SWISH, "width": WIDE},
            outside=never,
            unmet=late,
            random=True,
        ),
        Claim(
            id="sde.explosion.wide",
            source=PELUCHETTI,
            statement="wide swish networks cross the threshold when the infinitely wide network of their depth does"
            " (width 512)",
            kind="theorem",
            observable="crossing_time_ratio",
            expected=Expected("value", 1, 0.02),
            where={"scheme": "wide"},
            pins={**SWISH, "width": WIDE},
            outside=never,
            random=True,
            needs=LATE,
        ),
    ),
    observables={
        "crossing_time": "mean over networks of the first time at which |x|^2/D reaches sde.threshold (at most the"
        " horizon, 3 explosion times, of narrow ones 8), relative to the explosion time of infinitely wide networks",
        "crossing_time_excess": "mean crossing time of wide networks less that of the limit, relative to the explosion"
        " time",
        "crossing_time_ratio": "mean crossing time of wide networks over that of the infinitely wide one of their"
        " depth",
        "crossing_time_error": "time at which the infinitely wide network of this depth crosses |x|^2/D = 10, less that"
        " of the limit, relative to the explosion time",
        "crossing_step": "h sigma_w^2 |x|^2/D there: variance of pre-activations in a layer",
        "crossing_lateness": "mean crossing time of wide networks less that of the limit, relative to"
        " (sqrt(h)/sigma_w) F(sigma_w sqrt(h q))",
        "crossing_time_difference": "mean of the crossing time at depth L less that at 2L, relative to the"
        " explosion time",
        "fraction_crossed": "networks, wide and narrow ones, that crossed by twice the explosion time:"
        " (crossed + 1)/(networks + 2)",
    },
)
