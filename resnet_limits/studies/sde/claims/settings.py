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
