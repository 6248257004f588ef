"""`ode.forward.*`, `ode.frozen.*`: the output of networks with given weights, against the flow of their weight path.

Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable

from ....claims.claim import Claim, Expected
from ....papers import HAIRER, SANDER
from ...group import Group
from ...least import points
from ..outside import moves, reads_a_continuous_path, smooth_field
from ..room import least_of_states, least_of_weights
from ..settings import Ode


def _order(scheme: str, order: float, tolerance: float, outside: Callable[[Ode], str | None]) -> Claim:
    return Claim(
        id=f"ode.forward.{scheme}",
        source=SANDER if scheme == "euler" else HAIRER,
        statement=f"the output of a network of {scheme} blocks converges to the flow of its weight path, order {order}",
        kind="theorem",
        observable="forward_error",
        expected=Expected("order", order, tolerance),
        where={"scheme": scheme},
        outside=outside,
    )


def _frozen(scheme: str) -> Claim:
    return Claim(
        id=f"ode.frozen.{scheme}",
        source=HAIRER,
        statement=f"{scheme} blocks that read their weights at t_k alone fall back to order 1",
        kind="control",
        observable="forward_error",
        expected=Expected("order", 1, 0.1),
        where={"scheme": f"{scheme}-start"},
        outside=lambda s: "init=tied: frozen weights are the weights" if s.init.name == "tied" else smooth_field(s),
    )


def least_of_forward(settings: Ode) -> float:
    if reads_a_continuous_path(settings):
        return 0.0
    return points(settings) + least_of_weights(settings) + least_of_states(settings)


GROUP = Group(
    name="forward",
    title="Do networks with given weights converge to the flow of their weight path, each scheme at its own order?",
    seconds=0.4,
    least=least_of_forward,
    memory=("ode.paths", "width", "ode.inputs", "depth"),
    claims=(
        _order("euler", 1, 0.1, moves),
        _order("heun", 2, 0.1, smooth_field),
        _order("rk4", 4, 0.2, smooth_field),
        _frozen("heun"),
        _frozen("rk4"),
    ),
    observables={
        "forward_error": "root mean square of x_L - x(T) over paths, inputs and coordinates; by scheme",
    },
)
