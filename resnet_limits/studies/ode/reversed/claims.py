"""TODO"""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import SANDER
from ..outside import smooth_field


def _reversed(suffix: str, scheme: str, expected: Expected, kind: str, statement: str) -> Claim:
    return Claim(
        id=f"ode.reversed.{suffix}",
        source=SANDER,
        statement=statement,
        kind="observation" if kind == "observation" else "theorem",
        observable="reversed_gradient_error",
        expected=expected,
        where={"scheme": scheme},
        outside=smooth_field,
    )
