"""What the study `flow` refuses before it is run: what one can know without reading data. Free of torch."""

from __future__ import annotations

from ...data.sizes import training_points
from ...errors import SettingError
from ...settings import Flow, MatrixNormal


def check(settings: Flow) -> None:
    """Raise `SettingError` for a law that is no path over depth, and for more points than there are."""
    if isinstance(settings.init, MatrixNormal):
        raise SettingError("init=matrix_normal: the weights of study flow are paths over depth; study=sde has this law")
    points = training_points(settings.data)
    if points is None:
        return
    for name, value in (
        ("flow.inputs", settings.flow.inputs),
        ("flow.points", settings.flow.points),
        ("train.batch_size", settings.train.batch_size),
    ):
        if value > points:
            raise SettingError(f"{name}={value}: {settings.data.name} has {points} training points here")
