"""Whether errors are small enough for their order to mean something. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LARGEST = 0.1
"""Largest relative error at the deepest depth from which an order is read."""


def asymptotic(observable: str, scheme: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: why an order cannot be read from these relative errors, or None."""

    def unmet(records: Any) -> str | None:
        if "scheme" not in records:
            return None
        its = records[(records["observable"] == observable) & (records["scheme"] == scheme)]
        deepest = its[its["depth"] == its["depth"].max()]["value"].mean()
        if deepest > LARGEST:
            depth = int(its["depth"].max())
            what = f"the relative error at L={depth} is {deepest:.2g}"
            return f"{what}: no order can be read above {LARGEST}; deeper networks would tell"
        return None

    return unmet
