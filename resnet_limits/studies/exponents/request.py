"""What the study `exponents` refuses before it is run. Free of torch."""

from __future__ import annotations

from ...errors import SettingError
from .settings import Exponents


def check(settings: Exponents) -> None:
    """Raise `SettingError` for a law that is no path over depth, no beta or one twice, more inputs than are orthogonal,
    and a search without room."""
    settings.init.require_path("exponents")
    betas, keys = settings.scaling.beta, settings.exponents
    if not betas or len(set(betas)) < len(betas):
        raise SettingError(f"scaling.beta: expected one or more different numbers, got {betas}")
    if keys.inputs > settings.width:
        raise SettingError(
            f"exponents.inputs={keys.inputs}: a width of {settings.width} has no more than {settings.width} orthogonal"
            f" inputs; take exponents.inputs={settings.width}"
        )
    if not keys.lowest < keys.highest:
        raise SettingError(
            f"exponents.lowest={keys.lowest:g}: the search ends at exponents.highest={keys.highest:g}, and must begin"
            " below it"
        )
