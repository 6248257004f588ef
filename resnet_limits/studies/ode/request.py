"""What the study `ode` refuses before it is run: what one can know without reading data. Free of torch."""

from __future__ import annotations

from ...data import sizes
from .settings import Ode


def check(settings: Ode) -> None:
    """Raise `SettingError` for a law that is no path over depth, and for more inputs, or a larger mini-batch, than
    there are training points."""
    settings.init.require_path("ode")
    sizes.require(settings.data, {"ode.inputs": settings.ode.inputs, "train.batch_size": settings.train.batch_size})
