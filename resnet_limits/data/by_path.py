"""Data of one's own by the path where they lie, `data=my.npz` or `data=my/images`: which source reads them.

a folder                      image_folder
.npz, .safetensors, .csv      labelled_file where `y` are labels, else target_file; see array_file.py
"""

from __future__ import annotations

import os

from ..files import place
from . import array_file


def is_path(word: str) -> bool:
    """Whether a word is a path, and not a name: by a slash, its ending, or because something lies there."""
    return "/" in word or word.lower().endswith(tuple(array_file.READERS)) or word == "~" or os.path.exists(word)


def keys_at(path: str) -> dict[str, str]:
    """The keys that say which data lie there; the folder that holds them, absolute, is the root.

    Raises `MissingData` where nothing does, `DamagedData` where it is nothing that we read.
    """
    there = place(path)
    if not there.name or there.name == "..":
        there = there.resolve()
    root = {"data.root": str(there.parent)}
    if there.is_dir():
        return {"data": "image_folder", **root, "data.folder": there.name}
    facts = array_file.facts(there)
    return {"data": "labelled_file" if facts.classes else "target_file", **root, "data.file": there.name}
