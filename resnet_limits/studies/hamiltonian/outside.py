"""What lies outside the theorem, what says that a minimiser or a shooting was not reached. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...claims.claim import RELATIVE, Expected
from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from .. import outside, reached
from .settings import Hamiltonian

RELATIVE_ROUNDING_OF_STATES = 1e-13
"""Relative rounding of states and values."""
EXPECTED_PLATEAU = Expected("at_most", 0, 5e-4, scale=RELATIVE)
"""Of a plateau, relative to the limit: a distance to a limit that is off by a thousandth is refuted."""

SMALL_AGAINST_WEIGHTS = 0.1
"""Of a relative gap of value or path energy, by what weights are off by: below it its first term nearly cancels."""
SLOPE_STILL_OFF = 0.25
"""From order 1, of the slope between the two deepest depths: there a term of order 2 is no correction yet."""


def kinked_velocity(settings: Hamiltonian) -> str | None:
    """Why the velocity field has no continuous derivatives, or None."""
    kernel = OperatorKernel.options[settings.hamiltonian.kernel]
    if kernel.of_activation:
        return outside.kinked(settings, "a feature map")
    how = "does not declare whether it is smooth" if kernel.smooth is None else "is not smooth"
    return None if kernel.smooth else f"hamiltonian.kernel={kernel.name}: the kernel {how}, as the theorem needs"


def blocks_of_order_2(settings: Hamiltonian) -> str | None:
    """Why what is said of Euler blocks, `q + w f(q)`, is not about these, or None."""
    if settings.hamiltonian.scheme == "euler":
        return None
    return f"hamiltonian.scheme={settings.hamiltonian.scheme}: blocks of order 2, of which hamiltonian.heun speaks"


def of_euler_blocks(settings: Hamiltonian) -> str | None:
    """Why a rate of Euler blocks is not expected, or None."""
    return kinked_velocity(settings) or blocks_of_order_2(settings)


def matrix_valued_kernel(settings: Hamiltonian) -> str | None:
    """Why there is no kernel regression with one number for each pair of points, or None."""
    kernel = OperatorKernel.options[settings.hamiltonian.kernel]
    if kernel.scalar:
        return None
    return f"hamiltonian.kernel={kernel.name}: it is no multiple of the identity, and regression treats scores alike"


def several_solutions(of: str) -> Callable[[Any], str | None]:
    """For `Claim.note`: that several starts lead to several minima of this problem, or None."""
    return reached.branches_differ({"of": of})


def solution_not_reached(of: str, *, shooting: bool = True, one_branch: bool = True) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: at which depth the minimiser, or the shooting, was not reached, and how far it got."""
    unreached = reached.not_reached({"of": of}, "hamiltonian.nu", one_branch=one_branch)

    def unmet(records: Any) -> str | None:
        if (reason := unreached(records)) is not None or not shooting or "of" not in records:
            return reason
        rows = records[records["of"] == of]
        missed = rows[(rows["observable"] == "shooting_reached") & (rows["value"] < 1)]
        if len(missed):
            there = rows[rows["depth"] == missed["depth"].min()]
            residual, energy = (
                float(there[there["observable"] == name]["value"].mean())
                for name in ("shooting_residual", "shooting_energy")
            )
            return (
                f"the geodesic shooting did not converge: relative residual {residual:.1e}, energy {energy:.3g} of its"
                " path; more hamiltonian.steps, or a larger hamiltonian.nu"
            )
        return None

    return unmet


def order_1_nearly_cancels(gap: str, of: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: that this gap, one number with a sign, is small against what weights are off by, and not yet
    of order 1 at the deepest depths, or None. What weights are off by can be nearly orthogonal to them, on some data.
    """

    def unmet(records: Any) -> str | None:
        if "of" not in records:
            return None
        rows = records[records["of"] == of]
        gaps, weights = (
            rows[rows["observable"] == name].groupby("depth")["value"].mean() for name in (gap, "weight_distance")
        )
        if len(gaps) < 2 or len(weights) < 2 or not (gaps.iloc[-2:] > 0).all():
            return None
        (before, last), (first, depth) = gaps.iloc[-2:], gaps.index[-2:]
        slope, share = math.log(before / last) / math.log(depth / first), last / weights.iloc[-1]
        if not (share < SMALL_AGAINST_WEIGHTS and abs(slope - 1) > SLOPE_STILL_OFF):
            return None
        return (
            f"the term of order 1 nearly cancels on these points: at L={depth} the gap is {share:.1g} of what weights"
            f" are off by, and from L={first} on it falls at the order {slope:.2f}; deeper networks would tell"
        )

    return unmet
