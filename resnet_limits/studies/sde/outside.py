"""Settings that lie outside the theorems of the study, in words. Free of torch."""

from __future__ import annotations

import math

from ...data.sources.gaussian import GaussianData
from ...limits.explosion import Moments
from ...networks.activations import activation_named
from ...paths.laws.iid import IidLaw
from ..outside import still
from .settings import Sde


def kinked_outer(settings: Sde) -> str | None:
    """Why the outer activation has no Taylor expansion at 0, or None."""
    if (reason := activation_named(settings.activation).without_limit()) is not None:
        return f"activation={settings.activation}: the theorem needs an outer activation that is smooth at 0: {reason}"
    return None


def smooth_and_moving(settings: Sde) -> str | None:
    return kinked_outer(settings) or still(settings)


def sizes(settings: Sde) -> IidLaw:
    """`sigma_w`, `sigma_b` of the settings' own law."""
    return IidLaw(**settings.init.sizes()._asdict())


def not_linear(settings: Sde) -> str | None:
    """Why the limit is not the linear SDE `dx = sigma_w dW x + sigma_b db` whose laws are closed, or None."""
    if (reason := kinked_outer(settings)) is not None:
        return reason
    if activation_named(settings.activation).curvature_at_0:
        return f"activation={settings.activation}: the closed law needs phi''(0) = 0 (tanh)"
    if settings.activation_inside != "identity":
        return f"activation_inside={settings.activation_inside}: the closed law needs activation_inside=identity"
    needs = "the closed law is that of independent entries, init=iid"
    return settings.init.unless("isotropic", needs) or still(settings)


MAX_EXPONENT_IN_DOUBLE = 700.0
"""Largest `sigma_w^2 T` whose exponential float64 holds."""
MAX_LOG_VARIANCE_JUDGED = 2.0
"""Largest variance of the logarithm of a square whose mean is judged. Intervals of the mean of 1024 log-normal numbers
miss it in 3 of 100 cases more than they should at a variance of 4, in 13 at 6, in 25 at 8."""


def growth(settings: Sde) -> float:
    """`sigma_w^2 T`"""
    return sizes(settings).sigma_w ** 2 * settings.horizon


def overflows(growth: float) -> str | None:
    """Why there is no number for what grows like `e^{sigma_w^2 T}`, or None."""
    return (
        f"sigma_w^2 T = {growth:.4g}: e^{{sigma_w^2 T}} is beyond float64" if growth > MAX_EXPONENT_IN_DOUBLE else None
    )


def heavy(settings: Sde) -> str | None:
    """Why means of squares of states and gradients are not those of so many networks, or None.

    `log |x_T|^2` and `log |dx_T/dx_0 u|^2` have variance `4 sigma_w^2 T/D`.
    """
    if (reason := overflows(growth(settings))) is not None:
        return reason
    spread = 4 * growth(settings) / settings.width
    if spread > MAX_LOG_VARIANCE_JUDGED:
        return f"4 sigma_w^2 T/D = {spread:.3g} > {MAX_LOG_VARIANCE_JUDGED:g}: the mean is carried by rare networks"
    return None


def mild(settings: Sde) -> str | None:
    """Why the moments of the linear SDE are not known or not measured by so many networks, or None."""
    return not_linear(settings) or heavy(settings)


def isotropic(settings: Sde) -> str | None:
    """Why the weights of a layer are not i.i.d., or None."""
    return settings.init.unless("isotropic", "measured with independent entries, init=iid")


def explosion_time(phi: str, settings: Sde) -> float:
    """When the moments of infinitely wide and deep networks with outer activation phi explode; inf if they never do.

    Of inputs of mean 0, and of mean square 1 where the data are not of given norms: claims are free of torch and do not
    see the data. Embedded data have means and norms of their own, and their networks explode somewhat earlier or later.
    """
    outer, inner = activation_named(phi), activation_named(settings.activation_inside)
    if outer.without_limit() is not None or inner.bound is not None:
        return math.inf
    init, q0 = sizes(settings), settings.sde.norm if isinstance(settings.data, GaussianData) else 1.0
    return Moments(*outer.taylor(), init.sigma_w, init.sigma_b, 0.0, q0).explosion_time()


def explodes_with(phi: str, settings: Sde) -> str | None:
    """Why networks with this outer activation cannot be followed up to the horizon, or None."""
    if settings.horizon < (at := explosion_time(phi, settings)):
        return None
    return f"horizon={settings.horizon:g} is beyond the explosion time {at:.3g} of activation={phi} (infinite width)"


def explodes(settings: Sde) -> str | None:
    """Why the setting's own networks cannot be followed up to its horizon, or None."""
    return explodes_with(settings.activation, settings)
