"""`sde.convolutional.*`: overlaps of positions of real images. Free of torch.

The equations are Peluchetti & Favaro's (2020), who derive them for infinite width; for tanh they hold at any width, and
those of gradients are their transpose (`measure.py`). Whatever the data, the inputs are images: with `data=gaussian`,
and other data that are none, scikit-learn's 8x8 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import PELUCHETTI
from ...group import Group
from ...least import bytes_of_number
from ...outside import still
from ..asymptotic import MAX_RELATIVE_ERROR_OF_ORDER, asymptotic
from ..outside import explodes_with
from ..settings import Sde

CHANNELS_BY_ACTIVATION = {"tanh": 8, "swish": 256}
"""Of tanh networks with all their filters, whose overlaps obey a linear equation at any width; of wide ones with swish,
`replicas / 32` of them."""
PIXELS_A_SIDE, TAPS_A_SIDE, PADDING = 4, 3, "zero"
LATTICE = {"positions": f"{PIXELS_A_SIDE}x{PIXELS_A_SIDE}", "taps": f"{TAPS_A_SIDE}x{TAPS_A_SIDE}", "padding": PADDING}
PINS_BY_ACTIVATION: Mapping[str, Mapping[str, Any]] = {
    phi: {"activation": phi, "activation_inside": "identity", "width": channels}
    for phi, channels in CHANNELS_BY_ACTIVATION.items()
}
WORDS_OF_CONVOLUTIONAL_LIMIT = {"tanh": "the limit's matrix exponential", "swish": "the limit's ODE with Ito drift"}


def weightless_filters(settings: Sde) -> str | None:
    if settings.init.sizes().sigma_w == 0:
        return "init.sigma_w=0: positions do not see each other"
    return None


def _outside(phi: str, settings: Sde) -> str | None:
    return still(settings) or (explodes_with(phi, settings) if phi == "swish" else None)


def _moving(phi: str) -> Callable[[Sde], str | None]:
    return lambda settings: _outside(phi, settings)


def _seeing(phi: str) -> Callable[[Sde], str | None]:
    return lambda settings: weightless_filters(settings) or _outside(phi, settings)


def _deep(phi: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: why layers are too long for what is measured to be near its limit, or None."""

    def unmet(records: Any) -> str | None:
        rows = records[records["observable"] == "convolution_error"]
        rows = rows[rows["scheme"] == phi]
        if (
            len(rows)
            and (error := rows[rows["depth"] == rows["depth"].max()]["value"].mean()) > MAX_RELATIVE_ERROR_OF_ORDER
        ):
            depth = int(rows["depth"].max())
            return f"infinitely wide networks of L={depth} are off by {error:.2g} of the limit; deeper ones would tell"
        return None

    return unmet


def _claim(phi: str, name: str, statement: str, observable: str, expected: Expected, **more: Any) -> Claim:
    return Claim(
        id=f"sde.convolutional.{phi}{name}",
        source=PELUCHETTI,
        statement=statement,
        observable=observable,
        expected=expected,
        where={"scheme": phi},
        pins=PINS_BY_ACTIVATION[phi],
        **{"kind": "derived", "outside": _moving(phi), "random": True, "unmet": _deep(phi), **more},
    )


def _of_both(phi: str, overlap: float, pattern: float, rivals: tuple[Rival, Rival, Rival]) -> tuple[Claim, ...]:
    """The tolerances are three half-widths, of so many networks."""
    return (
        _claim(
            phi,
            "",
            f"In {phi} networks on images, overlaps of positions grow by {WORDS_OF_CONVOLUTIONAL_LIMIT[phi]}",
            "convolution_overlap",
            Expected("value", 1, overlap, scale=RELATIVE),
            rival=rivals[0],
        ),
        _claim(
            phi,
            ".pattern",
            f"In {phi} networks on images, overlaps vary over pairs of positions as in"
            f" {WORDS_OF_CONVOLUTIONAL_LIMIT[phi]}",
            "convolution_pattern",
            Expected("value", 1, pattern, scale=RELATIVE),
            outside=_seeing(phi),
            rival=rivals[1],
        ),
        _claim(
            phi,
            ".depth",
            f"In infinitely wide {phi} networks, overlaps of positions converge to"
            f" {WORDS_OF_CONVOLUTIONAL_LIMIT[phi]} at order 1",
            "convolution_error",
            Expected("order", 1, 0.1),
            kind="observation",
            random=False,
            unmet=asymptotic("convolution_error", phi),
            rival=rivals[2],
        ),
    )


CLAIMS_WITH_SWISH = _of_both(
    "swish",
    0.015,
    0.05,
    (
        Rival("half the Ito drift in the limit", "SC2-drift-halved", 1.061),
        Rival("phi'(0) = 1 in the limit", "S19-swish-slope", 0.1967),
        Rival("one of the two cross terms lost", "SC3-cross-term", -0.01458),
    ),
)


CLAIMS_WITH_TANH = (
    *_of_both(
        "tanh",
        0.05,
        0.12,
        (
            Rival("a mean over 3 taps in place of 9", "S8-taps-K", 0.8334),
            Rival("a mean over 3 taps in place of 9", "S8-taps-K", 0.2733),
            Rival("the covariance of a pair divided by the wrong standard deviation", "SC5-other-deviation", 0.03937),
        ),
    ),
    _claim(
        "tanh",
        ".noise",
        "The quadratic covariation of two positions is int v_pq dt, with v_pq a sum over their filter taps",
        "convolution_noise",
        Expected("value", 1, 0.03, scale=RELATIVE),
        rival=Rival("weights 5 % too large in the covariances", "P6-conv-sigma5%", 0.9044),
        outside=_seeing("tanh"),
    ),
    _claim(
        "tanh",
        ".backward",
        "Overlaps of gradients at two positions grow backward by the transposed matrix exponential",
        "convolution_costate",
        Expected("value", 1, 0.06, scale=RELATIVE),
        rival=Rival("a mean over 3 taps in place of 9", "S8-taps-K", 0.284),
        outside=_seeing("tanh"),
    ),
)


PIXELS_OF_AN_IMAGE = 16
"""Pixels of the images of `convolutional`."""


def least_of_convolutional(settings: Sde) -> float:
    """Covariances of all positions and inputs, of every network."""
    return bytes_of_number(settings) * max(settings.replicas // 32, 2) * (PIXELS_OF_AN_IMAGE * settings.sde.inputs) ** 2


GROUP = Group(
    name="convolutional",
    title="In convolutional networks, do overlaps of image positions grow as in the limit?",
    seconds=24,
    least=least_of_convolutional,
    claims=(*CLAIMS_WITH_TANH, *CLAIMS_WITH_SWISH),
    observables={
        "convolution_overlap": "movements' overlaps <x_p - x_p0, x_q - x_q0>/D of positions p, q of all inputs,"
        " regressed on those of the limit, without intercept: the slope; its interval counts the error of infinitely"
        " wide networks of that depth, by those of half of it; scheme tanh: networks of 8 channels with all their"
        " filters (conv2d), swish: of 256 channels, sampled on the covariances of positions",
        "convolution_pattern": "slope of the same regression with an intercept, which takes up what all pairs of"
        " positions"
        " have in common, as the bias",
        "convolution_noise": "sum over layers of <dx_p, dx_q>/D of networks with all their filters, regressed on the"
        " covariance h v_pq of the limit at the same states, with the term h^2 of that depth: slope with an intercept",
        "convolution_costate": "overlaps <p_p - p_pL, p_q - p_qL>/D at the input, p = dJ/dx by autograd through the"
        " filters, J the sum of all channels at one position, regressed on those of the limit: the slope",
        "convolution_error": "largest error of the overlaps of infinitely wide networks against their ODE, relative"
        " to the largest overlap",
    },
    memory=("sde.inputs", "replicas"),
)
