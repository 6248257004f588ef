"""`flow.map`: the map of a network against the exact flow. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Rival
from ....papers import ARSIGNY, HAIRER
from ...group import Group
from ..outside import PINS_OF_SHARED_WEIGHTS, flow_moves, smooth, smooth_field_of_flow, smooth_weights
from ..room import least_of_driven
from ..settings import Flow

PINS_OF_MAPS = {**PINS_OF_SHARED_WEIGHTS, "blocks": 32, "width": 2}
"""The flow on a grid: a stationary field of the plane, five squarings, twice as many cells a side as the depth."""
CELLS_OVER_DEPTH = 2
PINS_OF_SQUARING = {**PINS_OF_SHARED_WEIGHTS, "width": 2}
"""As many squarings as a network of L blocks needs, on a grid so fine that the error is that of the step."""
CELLS_OVER_SQUARED_DEPTH = 4
DEEPEST_SQUARED = 128
"""The depth beyond which the grids grow large."""


def _map(scheme: str, order: int, *, shared: bool, with_longer: float) -> Claim:
    # Euler needs a Lipschitz field only, which relu has too.
    outside = (
        (flow_moves if scheme == "euler" else smooth_field_of_flow)
        if shared
        else (smooth_weights if scheme == "euler" else smooth)
    )
    return Claim(
        id=f"flow.map.{scheme}" + (".shared" if shared else ""),
        source=HAIRER,
        statement=f"The map of {scheme.title()} blocks "
        + ("with shared weights converges to exp(v)" if shared else "converges to the flow of its time-varying field")
        + f" at order {order}",
        kind="theorem",
        observable="map_error",
        expected=Expected("order", order, 0.1),
        where={"scheme": scheme, "weights": "shared" if shared else "free"},
        pins=PINS_OF_SHARED_WEIGHTS if shared else {},
        outside=outside,
        rival=Rival("a horizon of the network 5 % longer", "F18-horizon", with_longer),
    )


def least_of_maps(settings: Flow) -> float:
    return least_of_driven(settings, free=smooth_weights(settings) is None)


GROUP = Group(
    name="maps",
    title="Does the map that a network computes converge to the flow of a vector field?",
    seconds=7.3,
    least=least_of_maps,
    uncompiled="steps of Heun",
    claims=(
        _map("euler", 1, shared=False, with_longer=-0.02937),
        _map("euler", 1, shared=True, with_longer=-0.003365),
        _map("heun", 2, shared=False, with_longer=0.00308),
        _map("heun", 2, shared=True, with_longer=0.0004757),
        Claim(
            id="flow.map.grid",
            source=ARSIGNY,
            statement="Scaling and squaring on an interpolated grid adds an error of order 2 in the grid spacing",
            kind="observation",
            observable="grid_error",
            expected=Expected("order", 2, 0.2),
            pins=PINS_OF_MAPS,
            outside=smooth_field_of_flow,
            rival=Rival("the nearest node in place of the bilinear interpolation", "F38-nearest", 1.075),
        ),
        Claim(
            id="flow.map.squaring",
            source=ARSIGNY,
            statement="Squaring a step v/L log2(L) times on a grid converges to exp(v) at order 1, as L blocks do",
            kind="observation",
            observable="squaring_error",
            expected=Expected("order", 1, 0.15),
            pins=PINS_OF_SQUARING,
            outside=smooth_field_of_flow,
            needs=f"four depths up to {DEEPEST_SQUARED} that are powers of two",
            rival=Rival("a squaring too few on the grid", "F39-squarings", -0.0002929),
        ),
    ),
    memory=("flow.paths", "flow.inputs", "width", "depth"),
    observables={
        "map_error": "root mean square difference of the map phi(x) and the exact flow, over fields and points",
        "grid_error": "root mean square difference of the map on an interpolated grid, 2 L cells a side, and the map by"
        " composition of the same blocks, over fields and points",
        "squaring_error": "root mean square difference of the map by log2(L) squarings of an Euler step of T/L on an"
        " interpolated grid, 4 L cells a side, and the exact flow, over fields and points",
    },
)
