"""`sde.explosion.*`: swish networks beyond their explosion time. Free of torch.

The moments of infinitely wide networks are Peluchetti & Favaro's (2020); when they explode, and how late networks do,
is derived from them (`limits/explosion.py`, `measure.py`).

The horizon is the group's own, some explosion times of infinitely wide networks: shallow networks cross late, by O(h)
where the drift of a layer is still quadratic at the threshold, `h sigma_w^2 q` small, and by
`sqrt(2 pi h)/sigma_w log(sigma_w sqrt(h q))`, and more, where it is linear long before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import PELUCHETTI, PELUCHETTI_DIFFUSIONS
from ...group import Group
from ..outside import explosion_time
from ..room import least_of_one
from ..settings import Sde

HORIZON_IN_EXPLOSION_TIMES, NARROW_HORIZON_IN_EXPLOSION_TIMES = 3, 8
"""The group's horizons, in explosion times: of wide networks, and of narrow ones, some of which are slow by chance."""
PINS_OF_LOW_THRESHOLD = {"sde.threshold": 10.0}
"""A threshold at which the layers of deep networks still have a quadratic drift."""
WIDTH_OF_EXPLOSION = 512
"""Width of the networks that are held against infinite width; their number is `replicas / 4`."""
MAX_VARIANCE_AT_THRESHOLD = 2.0
"""Variance of pre-activations at the low threshold up to which order 1 is seen."""
MIN_DEPTH_OF_NARROW_TIMES = 32
"""Depth from which the times of narrow networks are compared: a layer takes a quarter of the explosion time."""
MIN_THRESHOLD_OF_CLOSED_FORM = 1e4
"""Thresholds from which the closed form of the lateness holds, in units of the inputs' mean square."""
PINS_OF_SWISH = {"activation": "swish", "activation_inside": "identity"}


def never(settings: Sde) -> str | None:
    """Why nothing explodes, or None."""
    if settings.init.sizes().sigma_w == 0:
        return "init.sigma_w=0: the drift is constant, nothing explodes"
    if explosion_time("swish", inside_identity(settings)) == float("inf"):
        return "the moments of infinitely wide networks stay finite at this setting"
    return None


def inside_identity(settings: Sde) -> Sde:
    """The setting with `activation_inside=identity`, which the group pins."""
    return replace(settings, activation_inside=PINS_OF_SWISH["activation_inside"])


def coarse(records: Any) -> str | None:
    """For `Claim.unmet`: where steps at the low threshold are too long for its order to be seen, or None."""
    rows = records[records["observable"] == "crossing_step"]
    if len(rows) and (size := rows[rows["depth"] == rows["depth"].max()]["value"].mean()) > MAX_VARIANCE_AT_THRESHOLD:
        what = f"at L={int(rows['depth'].max())} h sigma_w^2 |x|^2/D is {size:.2g} at the threshold"
        return f"{what}: the drift is no longer quadratic; deeper networks would tell"
    return None


def steps_too_long(records: Any) -> str | None:
    """For `Claim.unmet`: where steps are too long for the leading order of the lateness at finite width, or None."""
    rows = records[records["observable"] == "crossing_time_difference"]
    if len(rows) and (depth := int(rows["depth"].max())) < MIN_DEPTH_OF_NARROW_TIMES:
        return (
            f"at L={depth} a layer takes {NARROW_HORIZON_IN_EXPLOSION_TIMES / depth:.2g} explosion times: it"
            f" takes L={MIN_DEPTH_OF_NARROW_TIMES}"
        )
    return None


def high(settings: Sde) -> str | None:
    """Why inputs lie too near the low threshold, or nothing explodes; None where neither is so."""
    if settings.sde.norm > PINS_OF_LOW_THRESHOLD["sde.threshold"] / 5:
        return (
            f"sde.norm={settings.sde.norm:g}: too near the threshold"
            f" {PINS_OF_LOW_THRESHOLD['sde.threshold']:g} of this claim"
        )
    return never(settings)


def low(settings: Sde) -> str | None:
    """Why the threshold is not far beyond the quadratic drift, or nothing explodes; None where neither is so."""
    if settings.sde.threshold < MIN_THRESHOLD_OF_CLOSED_FORM * settings.sde.norm:
        return (
            f"sde.threshold={settings.sde.threshold:g}: it takes {MIN_THRESHOLD_OF_CLOSED_FORM:g} times"
            f" sde.norm, far beyond the inputs"
        )
    return never(settings)


NEEDS_WIDE_CROSSING = "depths at which infinitely wide networks cross before 2.7 explosion times"
NEEDS_NARROW_CROSSING = "depths at which at least 99 % of the networks cross before 8 explosion times"

GROUP = Group(
    name="explosion",
    title="Do swish networks explode when their limit does?",
    seconds=1,
    least=least_of_one,
    memory=("replicas", "width", "sde.inputs"),
    uncompiled="walks that stop at a threshold",
    claims=(
        Claim(
            id="sde.explosion",
            source=PELUCHETTI,
            statement="Infinitely wide swish networks cross a low threshold of |x|^2/D later than the limit, at"
            " order 1",
            kind="observation",
            observable="crossing_time_error",
            expected=Expected("order", 1.0, 0.1),
            where={"scheme": "infinitely wide, low"},
            pins={**PINS_OF_SWISH, **PINS_OF_LOW_THRESHOLD},
            outside=high,
            unmet=coarse,
            rival=Rival("a limit that explodes at twice the rate", "SE1-explosion-rate", 0.08321),
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.explosion.late",
            source=PELUCHETTI,
            statement="Wide swish networks cross a high threshold later than the limit, by a known term of order"
            " sqrt(h)",
            kind="derived",
            observable="crossing_lateness",
            expected=Expected("value", 1.0, 0.1, scale=RELATIVE),
            rival=Rival("half the known term", "SE3-lateness", 0.005308),
            where={"scheme": "wide"},
            pins={**PINS_OF_SWISH, "width": WIDTH_OF_EXPLOSION},
            outside=low,
            random=True,
            needs=NEEDS_WIDE_CROSSING,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.explosion.narrow",
            source=PELUCHETTI_DIFFUSIONS,
            statement="On the same noise, crossing times of narrow swish networks at L and 2L differ by a known term"
            " in sqrt(h)",
            kind="observation",
            observable="crossing_time_difference",
            # corrections of relative order sqrt(h), and of 1/D: below 0.1 from L=64 on
            expected=Expected("value", 1.0, 0.2, scale=RELATIVE),
            where={"scheme": "narrow"},
            pins=PINS_OF_SWISH,
            outside=never,
            unmet=steps_too_long,
            random=True,
            needs=NEEDS_NARROW_CROSSING,
            rival=Rival("layers of the finest network for those of the coarse one", "SE4-layers-of-the-finest", 6.794),
        ),
        Claim(
            id="sde.explosion.wide",
            source=PELUCHETTI,
            statement="Wide swish networks cross the threshold when the infinitely wide network of their depth does",
            kind="derived",
            observable="crossing_time_ratio",
            expected=Expected("value", 1, 0.018, scale=RELATIVE),
            rival=Rival("weights 5 % too large", "SR4-weights-5%", 0.9426),
            where={"scheme": "wide"},
            pins={**PINS_OF_SWISH, "width": WIDTH_OF_EXPLOSION},
            outside=never,
            random=True,
            needs=NEEDS_WIDE_CROSSING,
        ),
    ),
    observables={
        "crossing_time": "mean over networks of the first time at which |x|^2/D reaches sde.threshold (at most the"
        " horizon, 3 explosion times, of narrow ones 8), relative to the explosion time of infinitely wide networks",
        "crossing_time_ratio": "mean crossing time of wide networks over that of the infinitely wide one of their"
        " depth",
        "crossing_time_error": "time at which the infinitely wide network of this depth crosses |x|^2/D = 10, less that"
        " of the limit, relative to the explosion time",
        "crossing_step": "h sigma_w^2 |x|^2/D there: variance of pre-activations in a layer",
        "crossing_lateness": "mean crossing time of wide networks less that of the limit, relative to"
        " (sqrt(h)/sigma_w) F(sigma_w sqrt(h q)), F(Y) = int_0^Y (1/E swish(y G) - 4/y^2) dy",
        "crossing_time_difference": "mean of the crossing time of narrow networks at depth L less that at 2L, relative"
        " to the difference of that term at both depths, which is derived at infinite width",
    },
)
