"""What the study `ode` refuses before it is run: what one can know without reading data. Free of torch."""

from __future__ import annotations

from ...data.sizes import training_points
from ...errors import SettingError
from ...settings import Ode


def check(settings: Ode) -> None:
    """Raise `SettingError` for more inputs, or a larger mini-batch, than there are training points."""
    points = training_points(settings.data)
    if points is None:
        return
    for key, value in (("ode.inputs", settings.ode.inputs), ("train.batch_size", settings.train.batch_size)):
        if value > points:
            raise SettingError(f"{key}={value}: {settings.data.name} has {points} training points here")
