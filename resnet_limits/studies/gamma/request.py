"""What the study `gamma` refuses before it is run: what one can know without reading data. Free of torch."""

from __future__ import annotations

from ...data import sizes
from ...errors import SettingError
from .settings import Gamma


def check(settings: Gamma) -> None:
    """Raise `SettingError` for another horizon or precision, a depth without increments, or a loss that does not suit
    the data's targets, and for more points than there are."""
    if settings.horizon != 1:
        raise SettingError(
            f"horizon={settings.horizon:g}: the layers of study gamma are at times k/n in [0, 1]; horizon=1"
        )
    if settings.dtype != "float64":
        raise SettingError(f"dtype={settings.dtype}: minimisers are certified in float64 alone; dtype=float64")
    if settings.depth < 2:
        raise SettingError(
            f"depth={settings.depth}: the penalty of study gamma is on increments; depth=2 or more has some"
        )
    if not settings.data.labelled() and settings.gamma.loss == "cross_entropy":
        raise SettingError(
            f"gamma.loss=cross_entropy: data={settings.data.name} has targets, no classes; choose gamma.loss=square, or"
            " data=digits"
        )
    sizes.training_points(settings.data)
