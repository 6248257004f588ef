"""`sde.convolutional.*`: overlaps of positions of real images. Free of torch.

Whatever the data, the inputs are images: with `data=gaussian`, and other data that are none, scikit-learn's 8x8 digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import PELUCHETTI
from ...group import Group
from ...least import number
from ...outside import still
from ..asymptotic import asymptotic
from ..outside import explodes_with
from ..settings import Sde

WIDE = 256
"""Channels; the number of networks is `replicas / 32`."""
SIDE, TAPS, PADDING = 4, 3, "zero"
LATTICE = {"positions": f"{SIDE}x{SIDE}", "taps": f"{TAPS}x{TAPS}", "padding": PADDING}
PINS: Mapping[str, Mapping[str, Any]] = {
    phi: {"activation": phi, "activation_inside": "identity", "width": WIDE} for phi in ("tanh", "swish")
}
LIMIT = {"tanh": "the matrix exponential (tanh)", "swish": "the closed ODE with its drift (swish)"}
LAYERS = "(4x4 positions, 3x3 taps, zero padding)"


def weightless(settings: Sde) -> str | None:
    if settings.init.sizes().sigma_w == 0:
        return "init.sigma_w=0: positions do not see each other"
    return None


def _outside(phi: str, settings: Sde) -> str | None:
    return still(settings) or (explodes_with(phi, settings) if phi == "swish" else None)


def _claims(phi: str) -> tuple[Claim, ...]:
    def claim(name: str, statement: str, observable: str, expected: Expected, **more: Any) -> Claim:
        return Claim(
            id=f"sde.convolutional.{phi}{name}",
            source=PELUCHETTI,
            statement=statement,
            observable=observable,
            expected=expected,
            where={"scheme": phi},
            pins=PINS[phi],
            **{"kind": "theorem", **more},
        )

    def moving(settings: Sde) -> str | None:
        return _outside(phi, settings)

    def seeing(settings: Sde) -> str | None:
        return weightless(settings) or moving(settings)

    return (
        claim(
            "",
            f"on images, the overlaps of positions grow as by {LIMIT[phi]}, width 256 {LAYERS}",
            "convolution_overlap",
            Expected("value", 1, 0.03),
            outside=moving,
            random=True,
        ),
        claim(
            ".pattern",
            f"on images, the pattern of overlaps over pairs of positions is that of {LIMIT[phi]}, width 256 {LAYERS}",
            "convolution_pattern",
            Expected("value", 1, 0.05),
            outside=seeing,
            random=True,
            **({"verdicts": SMOKE_IS_TOO_SMALL} if phi == "tanh" else {}),
        ),
        claim(
            ".depth",
            f"infinitely wide networks of finite depth (an exact recursion, nothing is sampled) approach {LIMIT[phi]}"
            f" at order 1 {LAYERS}",
            "convolution_error",
            Expected("order", 1, 0.1),
            kind="observation",
            outside=moving,
            unmet=asymptotic("convolution_error", phi),
        ),
    )


POSITIONS = 16
"""Pixels of the images of `convolutional`."""


def least_of_convolutional(settings: Sde) -> float:
    """Covariances of all positions and inputs, of every network."""
    return number(settings) * max(settings.replicas // 32, 2) * (POSITIONS * settings.sde.inputs) ** 2


GROUP = Group(
    name="convolutional",
    title="On images, do overlaps of positions grow as those of the limit?",
    seconds=16,
    least=least_of_convolutional,
    claims=(*_claims("tanh"), *_claims("swish")),
    observables={
        "convolution_overlap": "movements' overlaps <x_p - x_p0, x_q - x_q0>/D of positions p, q of all inputs,"
        " regressed"
        " on those of the limit, without intercept: the slope; its interval counts the error of infinitely wide"
        " networks of that depth, by those of half of it",
        "convolution_pattern": "the same with an intercept: what all pairs have in common, as the bias, has no say",
        "convolution_error": "largest error of the overlaps of infinitely wide networks against their ODE, relative"
        " to the"
        " largest overlap",
    },
    memory=("sde.inputs", "replicas"),
)
