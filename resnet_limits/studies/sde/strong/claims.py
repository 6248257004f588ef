"""`sde.strong.*`: networks of depth L and 2L, their SDE and the exact solution on one noise. Free of torch.

The orders are those of Euler-Maruyama schemes (Kloeden & Platen 1992, theorem 10.2.2; order 1 with additive noise). A
layer of the network is a step of it up to `phi''(0)/2 (z^2 - E z^2)`, of size h, and odd powers of z from the third on,
of size `h^(3/2)`, all of mean 0 given the state up to O(h^2): by Gronwall's inequality neither changes the order.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import AS_STATED, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import KLOEDEN
from ...group import Group
from ...least import BYTES_OF_DOUBLE, bytes_of_samples
from ...outside import still
from ..outside import explodes, explodes_with, smooth_and_moving
from ..room import least_of_inputs
from ..settings import Sde

PINS_OF_ADDITIVE_NOISE: dict[str, Any] = {"init.sigma_w": 0.0, "activation": "tanh"}
PINS_OF_STRONG_SWISH: dict[str, Any] = {"activation": "swish", "width": 2}
PINS_OF_EXACT_PATHS: dict[str, Any] = {
    "activation": "tanh",
    "activation_inside": "identity",
    "init.sigma_b": 0.0,
    "width": 1,
}


def _swish(settings: Sde) -> str | None:
    return still(settings) or explodes_with(PINS_OF_STRONG_SWISH["activation"], settings)


def _exact(settings: Sde) -> str | None:
    if settings.init.sizes().sigma_w == 0:
        return "init.sigma_w=0: without a bias nothing moves"
    return settings.init.unless("isotropic", "the exact solution is that of independent entries, init=iid")


def least_of_strong(settings: Sde) -> float:
    return (
        least_of_inputs(settings)
        + bytes_of_samples(settings, vectors=2 * settings.sde.inputs)
        + BYTES_OF_DOUBLE * settings.replicas
    )


def _claim(name: str, statement: str, scheme: str, expected: Expected, **more: Any) -> Claim:
    return Claim(
        id=name,
        source=KLOEDEN,
        statement=statement,
        observable="strong_error",
        expected=expected,
        where={"scheme": scheme},
        random=True,
        **{"kind": "derived", "verdicts": SMOKE_IS_TOO_SMALL, **more},
    )


GROUP = Group(
    name="strong",
    title="At which order do networks converge to their SDE on the same noise?",
    any_law=True,
    seconds=15,
    least=least_of_strong,
    uncompiled="walks of a sum of two schemes",
    claims=(
        _claim(
            "sde.strong",
            "Networks of depth L and 2L on the same noise approach each other at strong order 1/2",
            "network",
            Expected("order", 0.5, 0.1),
            outside=lambda s: smooth_and_moving(s) or explodes(s),
            rival=Rival(
                "the coarse network gets the last of the increments, not their sum", "S6-coarse-noise", 0.07099
            ),
        ),
        _claim(
            "sde.strong.additive",
            "With additive noise and phi''(0) = 0, networks of depth L and 2L approach each other at strong order 1",
            "network-additive",
            Expected("order", 1, 0.1),
            pins=PINS_OF_ADDITIVE_NOISE,
            outside=lambda s: "init.sigma_b=0: nothing moves" if s.init.sizes().sigma_b == 0 else None,
            rival=Rival(
                "the coarse network gets the last of the increments, not their sum", "S6-coarse-noise", 0.09208
            ),
        ),
        _claim(
            "sde.strong.sde",
            "Networks converge to their SDE on the same noise at strong order 1/2",
            "sde",
            Expected("order", 0.5, 0.12, bend=0.1),
            pins=PINS_OF_STRONG_SWISH,
            outside=_swish,
            verdicts=AS_STATED,
            rival=Rival("half the Ito drift: the distance stays", "S2-drift-halved", 0.1372),
        ),
        _claim(
            "sde.strong.exact",
            "In one dimension, log(x_L/x_0) converges to sigma_w W_T - sigma_w^2 T/2 at strong order 1/2",
            "exact",
            Expected("order", 0.5, 0.1, bend=0.1),
            pins=PINS_OF_EXACT_PATHS,
            outside=_exact,
            verdicts=AS_STATED,
            rival=Rival(
                "twice the Ito correction in the exact solution: the distance stays", "S21-ito-correction", 0.007897
            ),
        ),
        _claim(
            "sde.strong.no_drift",
            "Networks stay a constant distance away from an Euler-Maruyama scheme without the Ito drift",
            "sde-without-drift",
            # a distance that stays, up to h^(1/2): a third of the way to one that falls like that
            Expected("order", 0, 0.16, bend=0.12),
            kind="control",
            pins=PINS_OF_STRONG_SWISH,
            outside=_swish,
            verdicts=AS_STATED,
            rival=Rival("a scheme with the Ito drift", "S20-drift-kept", 0.5075),
        ),
    ),
    memory=("width", "sde.inputs"),
    observables={
        "strong_error": "root mean square over replicas, inputs and coordinates of the difference of final states on"
        " the same noise: networks of depth L and 2L; scheme sde: network and Euler-Maruyama scheme of 64 L layers,"
        " sde-without-drift: one of L layers without the Ito drift; exact: logarithms of network and exact solution",
    },
)
