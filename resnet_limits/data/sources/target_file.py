"""Points of one's own with the targets of a regression, in a file: arrays, or a table."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from ..data_file import DataFile


@dataclass
class TargetFileData(DataFile):
    """A file of your own with the targets of a regression: .npz, .safetensors or .csv."""

    labels = False
    other = "labelled_file"

    name: str = fixed("target_file", "a file of your own with targets, no labels: data=my.npz, .safetensors or .csv")
