"""`ode.averaged.*`: independent weights with factor 1/L, against the averaged flow. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import CHIZAT
from ...group import Group
from ...least import number, points
from ..settings import Ode

AVERAGED = {"block": "one", "activation": "swish", "init": "iid"}
BLOCK = 64
"""Replicas run at a time, also where fewer are left: the draws do not depend on it, but rounding does."""


def least_of_averaged(settings: Ode) -> float:
    its = min(settings.replicas, BLOCK)
    return points(settings) + number(settings) * its * settings.depth * settings.width * (settings.width + 1)


GROUP = Group(
    name="averaged",
    title="Do networks of independent weights with factor 1/L approach the averaged flow?",
    seconds=3.2,
    least=least_of_averaged,
    memory=("replicas", "width", "ode.inputs", "depth"),
    claims=(
        Claim(
            id="ode.averaged.rms",
            source=CHIZAT,
            statement="i.i.d. weights with factor 1/L: one draw is at distance L^-1/2 of the averaged flow",
            kind="theorem",
            observable="averaged_rms_error",
            expected=Expected("order", 0.5, 0.15),
            pins=AVERAGED,
            random=True,
        ),
        Claim(
            id="ode.averaged.mean",
            source=CHIZAT,
            statement="i.i.d. weights with factor 1/L: the mean over draws is at distance 1/L of the averaged flow",
            kind="theorem",
            observable="averaged_mean_error",
            expected=Expected("order", 1, 0.2),
            pins=AVERAGED,
            random=True,
        ),
    ),
    observables={
        "averaged_rms_error": "root mean square of x_L - x(T) over draws, x(T) of the averaged flow",
        "averaged_mean_error": "root mean square over inputs and coordinates of E x_L - x(T)",
    },
)
