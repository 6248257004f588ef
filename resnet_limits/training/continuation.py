"""Minimisers at growing depth, each from the coarser ones: the same branch at every depth.

    4, 8, 16, ..., L        rungs; L itself last where it is no 4 times a power of two

The ladder does not depend on which depths are asked for, and each rung is a pure function of its own key: kept through
`shared` once a run, computed by whichever job comes first, found by the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from .minimiser import Minimum, minimise
from .objective import Objective

if TYPE_CHECKING:
    from ..measurement.job import SharedSolutions

LOWEST_DEPTH = 4


@dataclass(frozen=True)
class Rung:
    """The minimum found at a depth."""

    depth: int
    minimum: Minimum


def ladder(depth: int) -> tuple[int, ...]:
    """`4, 8, 16, ...` below the depth, then the depth."""
    rungs = []
    rung = LOWEST_DEPTH
    while rung < depth:
        rungs.append(rung)
        rung *= 2
    return (*rungs, depth)


def climb(
    depth: int,
    *,
    objective: Callable[[int], Objective | Callable[[Tensor], Tensor]],
    start: Callable[[int], Float[np.ndarray, " n"]],
    refine: Callable[[Sequence[Rung], int], Float[np.ndarray, " m"]],
    shared: SharedSolutions,
    purpose: str,
    key: Mapping[str, Any],
    tolerance: float = 1e-10,
    iterations: int = 200,
) -> list[Rung]:
    """The minima at every rung up to `depth`.

    `objective(L)` is the problem at depth L in scaled variables; `start(L)` where the lowest rung begins;
    `refine(rungs, L)` where the next one does, from the minima below it (one at least, by growing depth). `key` names
    all that the solutions depend on besides the depth; tolerance and iterations are added to it.
    """
    rungs: list[Rung] = []
    for rung in ladder(depth):

        def compute(rung: int = rung) -> dict[str, np.ndarray]:
            first = refine(rungs, rung) if rungs else start(rung)
            at_rung = objective(rung)
            return _arrays(minimise(at_rung, first, tolerance=tolerance, iterations=iterations, warm=bool(rungs)))

        its_key = {**key, "depth": rung, "tolerance": tolerance, "iterations": iterations}
        rungs.append(Rung(rung, _minimum(shared.solve(purpose, its_key, compute))))
    return rungs


_NUMBERS = [f.name for f in fields(Minimum) if f.name not in ("point", "why")]


def _arrays(minimum: Minimum) -> dict[str, np.ndarray]:
    numbers = np.array([float(getattr(minimum, name)) for name in _NUMBERS])
    return {"point": minimum.point, "numbers": numbers, "why": np.frombuffer(minimum.why.encode(), dtype=np.uint8)}


def _minimum(arrays: Mapping[str, np.ndarray]) -> Minimum:
    numbers = dict(zip(_NUMBERS, arrays["numbers"].tolist(), strict=True))
    for name in ("lbfgs_iterations", "newton_iterations", "hessian_products"):
        numbers[name] = int(numbers[name])
    numbers["converged"] = bool(numbers["converged"])
    return Minimum(point=arrays["point"], why=arrays["why"].tobytes().decode(), **numbers)


def ahead(before: int, last: int, depth: int, order: int = 1) -> float:
    """How far beyond the minima of two depths that of a third lies, in units of their distance, for errors of an order.

    1/2 where depths double and the order is 1.
    """
    return (last**-order - depth**-order) / (before**-order - last**-order)
