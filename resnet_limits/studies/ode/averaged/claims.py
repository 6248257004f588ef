"""`ode.averaged.*`: independent weights with factor 1/L, against the averaged flow. Free of torch.

Derived (`ode.averaged.size`): a layer adds `h (f - E f)`, independent of its state, of variance `h^2 s(x)` in each
coordinate; the sum over layers is Gaussian of covariance `h Sigma(T)`, `Sigma' = A Sigma + Sigma A^T + s(x) 1` with `A`
the derivative of `E f`. What is left out is O(h) of it.
"""

from __future__ import annotations

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import CHIZAT
from ...group import Group
from ...least import bytes_of_number, bytes_of_points
from ..settings import Ode

PINS_OF_AVERAGED = {"block": "one", "activation": "swish", "init": "iid"}
AVERAGED_REPLICAS_A_PIECE = 64
"""Replicas run at a time, also where fewer are left: the draws do not depend on it, but rounding does."""

RIVAL_SHARED_DRAW = "all layers share one draw"


def least_of_averaged(settings: Ode) -> float:
    replicas = min(settings.replicas, AVERAGED_REPLICAS_A_PIECE)
    return bytes_of_points(settings) + bytes_of_number(settings) * replicas * settings.depth * settings.width * (
        settings.width + 1
    )


GROUP = Group(
    name="averaged",
    title="Do networks with independent weights and factor 1/L converge to an averaged ODE?",
    seconds=3.2,
    least=least_of_averaged,
    memory=("replicas", "width", "ode.inputs", "depth"),
    claims=(
        Claim(
            id="ode.averaged.rms",
            source=CHIZAT,
            statement="With i.i.d. weights and factor 1/L, the output converges to the averaged ODE at order 1/2",
            kind="theorem",
            observable="averaged_rms_error",
            expected=Expected("order", 0.5, 0.1),
            pins=PINS_OF_AVERAGED,
            random=True,
            rival=Rival(RIVAL_SHARED_DRAW, "O19-layers-share", -0.0006749),
        ),
        Claim(
            id="ode.averaged.size",
            source=CHIZAT,
            statement="With i.i.d. weights and factor 1/L, the error has the size that the central limit theorem"
            " predicts",
            kind="derived",
            observable="averaged_ratio",
            expected=Expected("value", 1, 0.06, scale=RELATIVE),
            pins=PINS_OF_AVERAGED,
            random=True,
            rival=Rival("the variance v(x) is a sum over coordinates, not a mean", "O5-averaged-1/D", 5.0),
        ),
        Claim(
            id="ode.averaged.mean",
            source=CHIZAT,
            statement="With i.i.d. weights and factor 1/L, the mean output converges to the averaged ODE at order 1",
            kind="theorem",
            observable="averaged_mean_error",
            expected=Expected("order", 1, 0.2),
            pins=PINS_OF_AVERAGED,
            random=True,
            rival=Rival(RIVAL_SHARED_DRAW, "O19-layers-share", 0.0003725),
        ),
    ),
    conditional=(
        "averaged_mean_error",
        "averaged_rms_error",
    ),
    observables={
        "averaged_ratio": "averaged_rms_error over the size that the covariance of the fluctuations gives at step h",
        "averaged_rms_error": "root mean square of x_L - x(T) over draws, x(T) of the averaged flow",
        "averaged_mean_error": "root mean square over inputs and coordinates of E x_L - x(T)",
    },
)
