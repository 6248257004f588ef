"""TODO"""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import SANZ_SERNA
from ..outside import smooth_field


def _gradient(scheme: str, order: float) -> Claim:
    return Claim(
        id=f"ode.gradient.{scheme}",
        source=SANZ_SERNA,
        statement=f"gradients of {scheme} networks, by input and weight path, converge to the adjoint's, order {order}",
        kind="theorem",
        observable="gradient_error",
        expected=Expected("order", order, 0.1),
        where={"scheme": scheme},
        outside=smooth_field,
    )
