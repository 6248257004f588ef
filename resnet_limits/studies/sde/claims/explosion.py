"""`sde.explosion.*`: swish networks beyond their explosion time. Free of torch.

The horizon is the group's own, 8 explosion times of infinitely wide networks: shallow networks cross late. Near the
explosion steps are short beside the states only while `h sigma_w^2 q` is small; from there on a network grows by a
factor of about `1 + sqrt(h) sigma_w/2` a layer. With `s = h sigma_w^2 q` at the threshold q, a crossing is late by
about `sqrt(h) log s` for large s, of an effective order between 1/2 and 1, and by O(h) for small s: the order is at
least 1/2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI
from ....settings import Sde
from .group import SMOKE_IS_TOO_SMALL, Group
from .settings import explosion_time

HORIZONS = 8
"""The group's horizon, in explosion times."""
WIDE = 512
"""Width of the networks that are held against infinite width; their number is `replicas / 4`."""
EARLY = 1.9
"""Explosion times within which infinitely wide networks must have crossed for others to be expected at 2."""
SWISH = {"activation": "swish", "activation_inside": "identity"}


def never(settings: Sde) -> str | None:
    """Why nothing explodes, or None."""
    own = settings.init
    if getattr(own, "sigma_w", 1.0) == 0:
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


LATE = "the difference is taken where at least 99 % of the networks cross before 8 explosion times: greater depths"

GROUP = Group(
    claims=(
        Claim(
            id="sde.explosion",
            source=PELUCHETTI,
            statement="the time at which wide swish networks cross the threshold tends to that of the limit, order"
            " >= 1/2",
            kind="theorem",
            observable="crossing_time_error",
            expected=Expected("order_at_least", 0.5, 0.1),
            where={"scheme": "wide"},
            pins={**SWISH, "width": WIDE},
            outside=never,
            random=True,
            needs=LATE,
        ),
        Claim(
            id="sde.explosion.narrow",
            source=PELUCHETTI,
            statement="at finite width, on one noise, networks of depth L and 2L cross at times that approach each"
            " other,"
            " order >= 1/2",
            kind="theorem",
            observable="crossing_time_difference",
            expected=Expected("order_at_least", 0.5, 0.1),
            where={"scheme": "narrow"},
            pins=SWISH,
            outside=never,
            random=True,
            needs=LATE,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.explosion.crossed",
            source=PELUCHETTI,
            statement="by twice the explosion time of the limit wide networks have crossed the threshold, if deep"
            " enough",
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
            statement="wide swish networks cross the threshold when the infinitely wide network of their depth does",
            kind="theorem",
            observable="crossing_time_ratio",
            expected=Expected("value", 1, 0.05),
            where={"scheme": "wide"},
            pins={**SWISH, "width": WIDE},
            outside=never,
            random=True,
            needs=LATE,
        ),
    ),
    observables={
        "crossing_time": "mean over networks of the first time at which |x|^2/D reaches sde.threshold (at most the"
        " horizon of"
        " 8 explosion times), relative to the explosion time of infinitely wide networks",
        "crossing_time_ratio": "mean crossing time of wide networks over that of the infinitely wide one of their"
        " depth",
        "crossing_time_error": "mean crossing time of wide networks less that of the limit, relative to the"
        " explosion time",
        "crossing_time_difference": "mean of the crossing time at depth L less that at 2L, relative to the"
        " explosion time",
        "fraction_crossed": "networks that crossed by twice the explosion time: (crossed + 1)/(networks + 2)",
    },
)
