"""Points of one's own with labels 0 .. classes - 1, in a file: arrays, or a table."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from ..data_file import DataFile


@dataclass
class LabelledFileData(DataFile):
    """A file of your own with labels 0 .. classes - 1: .npz, .safetensors or .csv."""

    labels = True
    other = "target_file"

    name: str = fixed("labelled_file", "a file of your own with labels 0, 1, ...: data=my.npz, .safetensors or .csv")
