"""What the study `gamma` refuses before it is run: what one can know without reading data. Free of torch."""

from __future__ import annotations

from ...errors import SettingError
from ...settings import Gamma, Gaussian


def check(settings: Gamma) -> None:
    """Raise `SettingError` for a depth without increments, or a loss that the data's targets do not have."""
    if settings.depth < 2:
        raise SettingError(
            f"depth={settings.depth}: the penalty of study gamma is on increments; depth=2 or more has some"
        )
    if isinstance(settings.data, Gaussian) and settings.gamma.loss == "cross_entropy":
        raise SettingError(
            "gamma.loss=cross_entropy: data=gaussian has targets, no classes; choose gamma.loss=square, or data=digits"
        )
