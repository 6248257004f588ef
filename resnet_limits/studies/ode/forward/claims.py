"""TODO"""

from __future__ import annotations

from collections.abc import Callable

from ....claims.claim import Claim, Expected
from ....papers import HAIRER, SANDER
from ..outside import smooth_field
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
