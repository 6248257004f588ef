"""Settings that lie outside the theorems of the study, in words; and what they imply. Free of torch."""

from __future__ import annotations

import math
from typing import Any

from ...claims.claim import VERDICTS_WITH_LARGE, Expected, Verdict
from ...limits.explosion import Moments
from ...networks.activations import activation_named
from ...paths.laws.iid import IidLaw
from .settings import Kernel

VERDICTS_OF_DEPTH_ORDERS: dict[str, Verdict] = {**VERDICTS_WITH_LARGE, "large": "inconclusive"}
"""Of orders in depth: the preset `large` has one depth."""

TYPICAL_MEAN_SQUARE = 1.0
"""`|z|^2/d_in` of a standardised point: its mean over the training points."""
NEEDS_NO_BLOW_UP = "moments that blow up before the horizon at no training or test point (blow_up_time: the first time)"
"""For `Claim.needs`."""
UNITS_OF_ROUNDING = "units of rounding"
"""For `Expected.scale`."""
DEEP_BLOCK = {"activation": "relu", "sigma_A": 1.4142135623730951, "sigma_a": 0.5, "sigma_B": 1.0}
"""The deep block `x + B phi(A x + a)`: its inner activation, sizes of its inner layer, and of its last."""
WIDTH_DIVISORS = (8, 4, 2, 1)
"""Finite networks have the width of the settings over these."""


def sizes_of_law(settings: Kernel) -> IidLaw:
    """`sigma_w`, `sigma_b` of the settings' law."""
    return IidLaw(**settings.init.sizes()._asdict())


def widths(settings: Kernel, parts: tuple[int, ...] = WIDTH_DIVISORS) -> list[int]:
    """The widths of the finite networks, increasing."""
    return sorted({max(1, settings.width // part) for part in parts})


def limitless_kink(settings: Kernel) -> str | None:
    """Why there is no limit in depth, or None."""
    if (reason := activation_named(settings.activation).without_limit()) is not None:
        return f"activation={settings.activation}: {reason}, and infinitely deep networks have no limit"
    return None


def moving(settings: Kernel) -> str | None:
    """Why the states do not move, or None."""
    init = sizes_of_law(settings)
    if init.sigma_w == init.sigma_b == 0:
        return "init.sigma_w=0, init.sigma_b=0: all weights are zero, the states do not move"
    return None


def blow_up_time(phi: str, settings: Kernel, q0: float = TYPICAL_MEAN_SQUARE) -> float:
    """When the moments of the doubly infinite network explode, from `m_0 = 0` and this q_0; inf if they do not."""
    activation = activation_named(phi)
    if activation.without_limit() is not None:
        return math.inf
    init = sizes_of_law(settings)
    return Moments(*activation.taylor(), init.sigma_w, init.sigma_b, 0.0, q0).explosion_time()


def moments_explode_with(phi: str, settings: Kernel) -> str | None:
    """Why moments with this activation do not reach the horizon, or None."""
    if settings.horizon < (at := blow_up_time(phi, settings)):
        return None
    return f"horizon={settings.horizon:g} is beyond the blow-up time {at:.3g} of activation={phi}"


MAX_GROWTH_OF_KERNELS = 300.0
"""Largest `phi'(0)^2 sigma_w^2 T`: kernels grow like its exponential, and float64 holds their squares."""


def kernels_overflow(settings: Kernel) -> str | None:
    """Why float64 does not hold the kernels of the doubly infinite network, or None."""
    growth = (
        activation_named(settings.activation).taylor()[0] ** 2 * sizes_of_law(settings).sigma_w ** 2 * settings.horizon
    )
    if growth > MAX_GROWTH_OF_KERNELS:
        return f"sigma_w^2 T phi'(0)^2 = {growth:.4g}: squares of e^{{{growth:.4g}}} are beyond float64"
    return None


def limitless(settings: Kernel) -> str | None:
    """Why the kernels of the doubly infinite network do not exist, or None."""
    return limitless_kink(settings) or kernels_overflow(settings) or moments_explode_with(settings.activation, settings)


def without_order(settings: Kernel) -> str | None:
    """Why there is no error in depth to be measured, or None."""
    if (reason := limitless(settings) or moving(settings)) is not None:
        return reason
    if activation_named(settings.activation).linear:
        name = settings.activation
        return f"activation={name}: the mean of the recursion is that of Euler's scheme, without other errors"
    return None


def not_affine(settings: Kernel) -> str | None:
    """Why the kernel of the doubly infinite network is not affine in `<z, z'>`, or None."""
    if (reason := limitless(settings)) is not None:
        return reason
    if activation_named(settings.activation).curvature_at_0:
        return (
            f"activation={settings.activation}: with phi''(0) not 0 the kernel also depends on the norms of the inputs"
        )
    return None


def bend(settings: Kernel) -> float:
    """The largest correction to D^-1/2 of what networks of width D/8 fluctuate by, relative: `(1 + g)/(D/8)`.

    With the growth `g = phi'(0)^2 sigma_w^2 T`, `|x_L|^2` of linear networks has the relative variance
    `(1 + 2/D) e^(4 g/D) - 1`, whose root has the correction `g (1 + g)/((g + 1/2) D)`. On 16384 networks of tanh, at
    D/8 = 16 and g = 1/4 and 1, that of overlaps was at most 0.01 and that of tangent kernels 0.03.
    """
    phi = activation_named(settings.activation)
    slope = phi.steepest if phi.slope_at_0 is None else phi.slope_at_0  # nowhere larger for those with a kink
    if slope is None:
        return math.inf
    growth = slope**2 * sizes_of_law(settings).sigma_w ** 2 * settings.horizon
    return (1 + growth) / min(widths(settings))


EXPECTED_IN_WIDTH = Expected("order", 0.5, 0.15, along="width", bend=bend)
"""What networks of width D fluctuate by, about the kernel of infinite width."""


def narrow(settings: Kernel) -> str | None:
    """Why an order in width cannot be read, or None."""
    if settings.width < 64:
        return f"width={settings.width}: an order in width is read from D/8 to D, and takes a width of at least 64"
    return None


def either(*reasons: Any) -> Any:
    """The first reason that applies, as a function of the settings."""

    def outside(settings: Kernel) -> str | None:
        return next((reason for reason_of in reasons if (reason := reason_of(settings)) is not None), None)

    return outside
