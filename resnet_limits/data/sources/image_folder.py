"""A folder of images of your own: train/ and test/, with one folder a class in each."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed, key
from .source import Images


@dataclass
class ImageFolder(Images):
    """A folder of images of your own: train/ and test/, with one folder a class in each."""

    name: str = fixed("image_folder", "a folder of your own: train/ and test/ with one folder of images a class")
    folder: str = key("images", "the folder that holds train/ and test/, relative to data.root")
    size: int = key(32, "images are resized to this many pixels a side", low=1, high=4096)
    grey: bool = key(False, "one channel of brightness in place of three of colour")
