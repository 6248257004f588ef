"""`flow.inverse`: the blocks run backwards with -h against the inverse of the map. Free of torch.

Sander, Ablin & Peyre bound the error by order 1 (Euler) and 2 (Heun). Heun's order 3 is derived: of an even order p the
leading local errors `c h^(p+1)` there and `c (-h)^(p+1)` back cancel, at states and weights that differ by O(h).
"""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Rival
from ....papers import SANDER
from ...group import Group
from ..outside import PINS_OF_SHARED_WEIGHTS, flow_moves, same_weights_at_every_depth, smooth, smooth_field_of_flow
from ..room import least_of_driven


def _inverse(scheme: str, order: int, *, shared: bool, with_h: float) -> Claim:
    if scheme == "euler":
        outside = flow_moves if shared else same_weights_at_every_depth
    else:
        outside = smooth_field_of_flow if shared else smooth
    if shared:
        statement = f"{scheme.title()} blocks of the field -v invert those of a stationary field v at order {order}"
    else:
        statement = f"{scheme.title()} blocks in reverse order with step -h invert a time-varying flow at order {order}"
    return Claim(
        id=f"flow.inverse.{scheme}" + (".shared" if shared else ""),
        source=SANDER,
        statement=statement,
        kind="theorem" if scheme == "euler" else "derived",
        observable="inverse_error",
        expected=Expected("order", order, 0.1 if order == 1 else 0.2),
        where={"scheme": scheme, "weights": "shared" if shared else "free"},
        pins=PINS_OF_SHARED_WEIGHTS if shared else {},
        outside=outside,
        rival=Rival("backward steps of h in place of -h", "F31-reverse-sign", with_h),
    )


GROUP = Group(
    name="inverse",
    title="Do the blocks of a network, run backwards, invert its map, and at which order?",
    seconds=0.4,
    least=least_of_driven,
    claims=(
        _inverse("euler", 1, shared=False, with_h=-1.407e-05),
        _inverse("euler", 1, shared=True, with_h=-6.545e-06),
        _inverse("heun", 3, shared=False, with_h=0.0001002),
        _inverse("heun", 3, shared=True, with_h=1.477e-05),
    ),
    memory=("flow.paths", "flow.inputs", "width", "depth"),
    observables={"inverse_error": "root mean square of phi_{-v}(phi_v(x)) - x, over fields and points"},
)
