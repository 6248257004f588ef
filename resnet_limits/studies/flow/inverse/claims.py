"""`flow.inverse`: the blocks run backwards with -h against the inverse of the map. Free of torch.

Sander, Ablin & Peyre bound the error by order 1 (Euler) and 2 (Heun). The orders 3 of Heun and 5 of RK4 are derived: of
an even order p the leading local errors `c h^(p+1)` there and `c (-h)^(p+1)` back cancel, at states and weights that
differ by O(h).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....claims.claim import Claim, Expected, Rival
from ....papers import SANDER
from ...group import Group
from ..outside import PINS_OF_SHARED_WEIGHTS, flow_moves, same_weights_at_every_depth, smooth, smooth_field_of_flow
from ..room import least_of_driven

SCHEMES_INVERTED = ("euler", "heun", "rk4")
PINS_OF_LONG_FLOW: Mapping[str, Any] = {"horizon": 2.0}
"""Errors of order 5 reach rounding soon, those of a stationary field first: over a longer horizon they are above it at
four depths."""
DEEPEST_OF_RK4 = 128
"""The depth beyond which what RK4 leaves is rounding."""
NAME_OF_SCHEME = {"euler": "Euler", "heun": "Heun", "rk4": "RK4"}


def pins_of_inverse(scheme: str, weights: str) -> Mapping[str, Any]:
    """The keys that the claims of a scheme pin besides the law of the weights."""
    return PINS_OF_LONG_FLOW if (scheme, weights) == ("rk4", "shared") else {}


def _inverse(scheme: str, order: int, *, shared: bool, with_h: float) -> Claim:
    name = NAME_OF_SCHEME[scheme]
    if scheme == "euler":
        outside = flow_moves if shared else same_weights_at_every_depth
    else:
        outside = smooth_field_of_flow if shared else smooth
    if shared:
        statement = f"{name} blocks of the field -v invert those of a stationary field v at order {order}"
    else:
        statement = f"{name} blocks in reverse order with step -h invert a time-varying flow at order {order}"
    return Claim(
        id=f"flow.inverse.{scheme}" + (".shared" if shared else ""),
        source=SANDER,
        statement=statement,
        kind="theorem" if scheme == "euler" else "derived",
        observable="inverse_error",
        expected=Expected("order", order, 0.1 if order == 1 else 0.2),
        where={"scheme": scheme, "weights": "shared" if shared else "free"},
        pins={**(PINS_OF_SHARED_WEIGHTS if shared else {}), **pins_of_inverse(scheme, "shared" if shared else "free")},
        outside=outside,
        needs=f"four depths up to {DEEPEST_OF_RK4}" if scheme == "rk4" else "",
        rival=Rival("backward steps of h in place of -h", "F31-reverse-sign", with_h),
    )


GROUP = Group(
    name="inverse",
    title="Do the blocks of a network, run backwards, invert its map, and at which order?",
    seconds=0.7,
    least=least_of_driven,
    uncompiled="steps of Heun and RK4",
    claims=(
        _inverse("euler", 1, shared=False, with_h=-1.407e-05),
        _inverse("euler", 1, shared=True, with_h=-6.545e-06),
        _inverse("heun", 3, shared=False, with_h=0.0001002),
        _inverse("heun", 3, shared=True, with_h=1.477e-05),
        _inverse("rk4", 5, shared=False, with_h=4.413e-07),
        _inverse("rk4", 5, shared=True, with_h=1.28e-07),
    ),
    memory=("flow.paths", "flow.inputs", "width", "depth"),
    observables={"inverse_error": "root mean square of phi_{-v}(phi_v(x)) - x, over fields and points"},
)
