"""`ode.forward.*`, `ode.frozen.*`: the output of networks with given weights, against the flow of their weight path.

An order says little of constants: a block that reads theta(t_{k+1}) has order 1 too. `ode.forward.leading` knows them.

Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable

from ....claims.claim import Claim, Expected, Rival
from ....papers import HAIRER, SANDER
from ...group import Group
from ...least import bytes_of_points
from ..outside import reads_a_continuous_path, smooth_field, states_move
from ..room import least_of_states, least_of_weights
from ..settings import Ode

WORDS_OF_STEPS = {"euler": "Euler", "heun": "Heun", "rk4": "RK4"}
PINS_OF_LEADING_TERM = {"horizon": 0.7}
"""A horizon other than 1, so that a factor 1/L in place of T/L is seen."""


def _order(scheme: str, order: float, tolerance: float, outside: Callable[[Ode], str | None], rival: float) -> Claim:
    return Claim(
        id=f"ode.forward.{scheme}",
        source=SANDER if scheme == "euler" else HAIRER,
        statement=f"The output of {WORDS_OF_STEPS[scheme]} blocks converges to the flow of the weight path at"
        f" order {order}",
        kind="theorem",
        observable="forward_error",
        expected=Expected("order", order, tolerance),
        where={"scheme": scheme},
        outside=outside,
        rival=Rival("the limit reads its weights from the end of the horizon", "O17-path-backwards", rival),
    )


def _frozen_is_other(settings: Ode) -> str | None:
    if (reason := states_move(settings)) is None and settings.init.is_constant():
        return f"init={settings.init.name}: frozen weights are the weights"
    return reason or smooth_field(settings)


def _frozen(scheme: str) -> Claim:
    return Claim(
        id=f"ode.frozen.{scheme}",
        source=HAIRER,
        statement=f"{WORDS_OF_STEPS[scheme]} blocks that read their weights at t_k alone fall back to order 1",
        kind="control",
        observable="forward_error",
        expected=Expected("order", 1, 0.1),
        where={"scheme": f"{scheme}-start"},
        outside=_frozen_is_other,
        rival=Rival("the weights are frozen at the midpoints: order 2", "O18-frozen-midpoint", 1.999),
    )


def least_of_forward(settings: Ode) -> float:
    if reads_a_continuous_path(settings):
        return 0.0
    return bytes_of_points(settings) + least_of_weights(settings) + least_of_states(settings)


GROUP = Group(
    name="forward",
    title="Do networks with given weights converge to an ODE, at the order of their scheme?",
    seconds=0.4,
    least=least_of_forward,
    memory=("ode.paths", "width", "ode.inputs", "depth"),
    uncompiled="steps of Heun and RK4",
    claims=(
        _order("euler", 1, 0.1, states_move, -0.005125),
        _order("heun", 2, 0.1, smooth_field, -0.0005667),
        _order("rk4", 4, 0.2, smooth_field, -9.237e-8),
        _frozen("heun"),
        _frozen("rk4"),
        Claim(
            id="ode.forward.leading",
            source=HAIRER,
            statement="The error of Euler blocks is h e(T) up to O(h^2), where e solves the variational equation",
            kind="theorem",
            observable="leading_remainder",
            expected=Expected("order", 2, 0.2),
            pins=PINS_OF_LEADING_TERM,
            where=PINS_OF_LEADING_TERM,
            outside=smooth_field,
            rival=Rival("blocks read the weights of the next layer, theta(t_{k+1})", "O14-euler-time", 1.0),
        ),
    ),
    observables={
        "forward_error": "|x_L - x(T)|, root mean square of coordinates, geometric mean of paths and inputs; by scheme",
        "leading_remainder": "root mean square of x_L - x(T) - h e(T) for Euler blocks, e of the variational equation",
    },
)
