"""The space in which networks are trained: how many coordinates points and targets have. Free of torch."""

from __future__ import annotations

from ....errors import SettingError
from ..settings import Exponents

SIDES_OF_EMBEDDING = (5, 3)
"""Sides of the two convolutions that embed an image."""
STRIDE_OF_EMBEDDING = 2
KEY_OF_EMBEDDING = "exponents.trained.embedding"


def features_of_points(settings: Exponents) -> int:
    """The coordinates of a point, after its embedding. Raises `SettingError` for what has none."""
    if settings.exponents.trained.embedding == "none":
        return settings.data.dimension()
    if (shape := settings.data.shape()) is None:
        raise SettingError(f"{KEY_OF_EMBEDDING}=convolution: the points of data={settings.data.name} are no images")
    height, width = shape[1:]
    for side in SIDES_OF_EMBEDDING:
        height, width = ((pixels - side) // STRIDE_OF_EMBEDDING + 1 for pixels in (height, width))
    if min(height, width) < 1:
        raise SettingError(
            f"{KEY_OF_EMBEDDING}=convolution: nothing is left of images of {shape[1]} x {shape[2]} pixels;"
            f" {KEY_OF_EMBEDDING}=none takes their pixels"
        )
    return height * width


def width_of_state(settings: Exponents) -> int:
    """The dimension D of the states of trained networks."""
    return settings.exponents.trained.width or features_of_points(settings)


def require_room(settings: Exponents) -> None:
    """Raise `SettingError` for targets, or classes, of more coordinates than the states have."""
    width, data = width_of_state(settings), settings.data
    features_of_points(settings)
    needed = data.classes() if data.labelled() else data.targets()
    if needed is not None and needed > width:
        what = "classes" if data.labelled() else "targets"
        raise SettingError(
            f"exponents.trained.width={width}: data={data.name} has {needed} {what}, a coordinate of the state each;"
            f" take exponents.trained.width={needed} or more"
        )
