"""Settings that lie outside the theorems of the study, in words. Free of torch."""

from __future__ import annotations

from ....settings import KINKED, Iid, Random, Sde


def kinked(settings: Sde) -> str | None:
    """Why the outer activation has no Taylor expansion at 0, or None."""
    if settings.activation in KINKED:
        return f"activation={settings.activation}: the theorem needs an outer activation that is smooth at 0"
    return None


def still(settings: Sde) -> str | None:
    """Why the states do not move, or None."""
    own = settings.init
    if isinstance(own, Random) and own.sigma_w == own.sigma_b == 0:
        return "all weights are zero: the states do not move, there is no error to measure"
    return None


def smooth_and_moving(settings: Sde) -> str | None:
    return kinked(settings) or still(settings)


def sizes(settings: Sde) -> Iid:
    """`sigma_w`, `sigma_b` of the settings' own law."""
    own = settings.init
    return Iid(sigma_w=own.sigma_w, sigma_b=own.sigma_b) if isinstance(own, Random) else Iid()


ODD = ("tanh", "identity")
"""Outer activations with `phi'(0) = 1` and `phi''(0) = 0`."""


def linear(settings: Sde) -> str | None:
    """Why the limit is not the linear SDE `dx = sigma_w dW x + sigma_b db` whose laws are closed, or None."""
    if (reason := kinked(settings)) is not None:
        return reason
    if settings.activation not in ODD:
        return f"activation={settings.activation}: the closed law needs phi''(0) = 0 (tanh)"
    if settings.activation_inside != "identity":
        return f"activation_inside={settings.activation_inside}: the closed law needs activation_inside=identity"
    if settings.init.name != "iid":
        return f"init={settings.init.name}: the closed law is that of independent entries, init=iid"
    return still(settings)
