"""Where data sets are looked for."""

from __future__ import annotations

import os
from pathlib import Path

from ..files import place


def data_root(root: str | None) -> Path:
    """`data.root`, else `$RESLIM_DATA`, else `reslim/data` in the user cache folder (`$XDG_CACHE_HOME`, `~/.cache`)."""
    if named := root or os.environ.get("RESLIM_DATA"):
        return place(named)
    return cache_folder() / "data"


def cache_folder() -> Path:
    """`reslim` in the user cache folder (`$XDG_CACHE_HOME`, `~/.cache`). Raises `RuntimeError` for a user without a
    home."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache and Path(cache).is_absolute() else Path.home() / ".cache") / "reslim"
