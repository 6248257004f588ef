"""What a look at one data set finds: where it comes from, whether it is there, and what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .image_folder import Listing


@dataclass(frozen=True)
class Availability:
    """One data set: where it comes from, whether it is there, its size on disk, what is missing or damaged."""

    name: str
    source: str
    """`files`, or where there is nothing to fetch: `bundled`, `generated`, `given` by keys."""
    present: bool
    where: str
    bytes: int | None = None
    problems: tuple[str, ...] = ()
    advice: str = ""
    folders: tuple[tuple[str, Listing], ...] | None = None
    """Of images of one's own: the name that `data.folder` gives, and what is in it."""
    files: tuple[tuple[str, str], ...] | None = None
    """Of files of one's own: the name that `data.file` gives, and what is in it."""
