"""Images of one's own: `train/CLASS/*.jpg` and `test/CLASS/*.jpg`, the classes in the order of their names.

Images in folders below that of a class belong to the class. Each image is squeezed to a square (its aspect is not
kept); `decoding.py` says what its bytes are. Listing and checking is free of torch.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from ..errors import DamagedData, MissingData
from .hashes import Listener

if TYPE_CHECKING:
    from torch import Tensor

    from .images import ImageArrays

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".webp", ".pbm", ".pgm", ".ppm", ".pnm"),
)
WORDS_OF_SUFFIXES = f"images are {' '.join(SUFFIXES)}"
LAYOUT = f"expected train/CLASS/ and test/CLASS/ with images ({' '.join(SUFFIXES)})"
KINDS_NAMED = 6
"""Kinds of files that are named before the rest is counted; twice as many classes are."""
FOLDERS_OF_PARTS = ("train", "test")


class ImageFile(NamedTuple):
    """One image: its path relative to the folder (with `/`), its part (`train` or `test`), its class."""

    path: str
    part: str
    label: str


@dataclass(frozen=True)
class Listing:
    """What a folder of images holds: the classes, every image that is read, in order, and what is left out.

    Training images come before test images, then go by class, then by path, each in the order of its characters.
    Files that are hidden (their name, or that of a folder above them, begins with a dot) are not mentioned at all.
    """

    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    left_out: tuple[str, ...]
    """Paths, relative to the folder, of the files that are not read: by their name they are no images that we read, or
    they lie in no class."""

    def counts(self) -> dict[str, tuple[int, int]]:
        """Numbers of training and of test images of each class."""
        number = Counter((file.label, file.part) for file in self.files)
        return {name: (number[name, "train"], number[name, "test"]) for name in self.classes}

    def in_words(self) -> str:
        """`6 training and 3 test images of 2 classes`."""
        train, test = (sum(file.part == part for file in self.files) for part in FOLDERS_OF_PARTS)
        return f"{train} training and {test} test images of {len(self.classes)} classes"

    def left_out_in_words(self) -> str:
        """`not read: 2 .heic, 1 .txt; for example train/cat/a.heic`, or an empty string."""
        if not self.left_out:
            return ""
        kinds = Counter(PurePosixPath(path).suffix.lower() or "without a suffix" for path in self.left_out)
        shown = [f"{number} {kind}" for kind, number in kinds.most_common(KINDS_NAMED)]
        shown += [f"{sum(kinds.values()) - sum(n for _, n in kinds.most_common(KINDS_NAMED))} others"] * (
            len(kinds) > KINDS_NAMED
        )
        return f"not read: {', '.join(shown)}; for example {self.left_out[0]}"


def notes(folder: Path) -> list[str]:
    """What planning says of a folder, one line each: counts by class, and what is not read. Raises as `listing`."""
    listed = listing(folder)
    by_size = sorted(listed.counts().items(), key=lambda item: (sum(item[1]), item[0]))
    if len(by_size) > 2 * KINDS_NAMED:
        by_size, order = [by_size[0], by_size[-1]], "the smallest and the largest class: "
    else:
        by_size, order = sorted(by_size), ""
    each = ", ".join(f"{name} {train} + {test}" for name, (train, test) in by_size)
    left_out = listed.left_out_in_words()
    return [
        f"data=image_folder: {folder} holds {listed.in_words()}; {order}{each}",
        *([f"warning: data=image_folder: {left_out}; {WORDS_OF_SUFFIXES}"] if left_out else []),
    ]


def image_files(folder: Path) -> tuple[ImageFile, ...]:
    """The images of a folder in the order in which they are loaded. Raises as `listing`."""
    return listing(folder).files


def listing(folder: Path) -> Listing:
    """All that a folder holds, those below the folders of the classes included. No file is opened.

    Raises `MissingData` where there is no such folder, `DamagedData` for a single class, classes that differ between
    train/ and test/, a class without images, and what has the name of an image and is no plain file, each named.
    """
    for path in (folder, *(folder / part for part in FOLDERS_OF_PARTS)):
        if not path.is_dir():
            raise MissingData(f"data=image_folder: there is no folder {path}; {LAYOUT}; data=PATH says where")
    names, left_out = _classes(folder)
    files_listed: list[ImageFile] = []
    seen: dict[tuple[int, int], str] = {}
    for part in FOLDERS_OF_PARTS:
        for name in names:
            inside = sorted(_below(folder, f"{part}/{name}", seen))
            images = [(path, plain) for path, plain in inside if path.lower().endswith(SUFFIXES)]
            if not images:
                raise DamagedData(f"data=image_folder: {folder / part / name} holds no images; {LAYOUT}")
            for path, plain in images:
                if not plain:  # opening it would fail, or never end
                    raise DamagedData(f"data=image_folder: cannot read {folder / path}: no file, or a link to nothing")
                files_listed.append(ImageFile(path, part, name))
            left_out += [path for path, _ in inside if not path.lower().endswith(SUFFIXES)]
    return Listing(names, tuple(files_listed), tuple(sorted(left_out)))


def _classes(folder: Path) -> tuple[tuple[str, ...], list[str]]:
    """The names of the classes, sorted, and the paths of the files that lie beside them."""
    inside = {part: _entries(folder, part) for part in FOLDERS_OF_PARTS}
    train, test = (sorted(entry.name for entry in inside[part] if _is_folder(entry)) for part in FOLDERS_OF_PARTS)
    if not train:
        raise DamagedData(f"data=image_folder: {folder / 'train'} has no folders of images; {LAYOUT}")
    for name in sorted({*train} ^ {*test}):
        has, lacks = FOLDERS_OF_PARTS if name in train else reversed(FOLDERS_OF_PARTS)
        raise DamagedData(f"data=image_folder: {folder / has / name} has no counterpart {folder / lacks / name}")
    if len(train) == 1:
        raise DamagedData(f"data=image_folder: {folder} has a single class, '{train[0]}'; a classifier needs two")
    beside = [f"{part}/{entry.name}" for part in FOLDERS_OF_PARTS for entry in inside[part] if not _is_folder(entry)]
    return tuple(train), beside


def _below(folder: Path, within: str, seen: dict[tuple[int, int], str]) -> Iterator[tuple[str, bool]]:
    """The paths, relative to the folder, of all that is no folder at any depth within a folder of it; whether it is a
    plain file, and no pipe or device.

    A folder that is met twice, through links, is refused: its images would be read twice, or for ever.
    """
    waiting = [within]
    while waiting:
        current = waiting.pop()
        about = os.stat(folder / current)
        if (first := seen.setdefault((about.st_dev, about.st_ino), current)) != current:
            raise DamagedData(
                f"data=image_folder: {folder / current} is the same folder as {folder / first}; remove the link"
            )
        for entry in _entries(folder, current):
            path = f"{current}/{entry.name}"
            if _is_folder(entry):
                waiting.append(path)
            else:
                yield path, _is_plain(entry)


def _entries(folder: Path, within: str) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden. Raises `DamagedData` where it cannot be read."""
    try:
        return [entry for entry in os.scandir(folder / within) if not entry.name.startswith(".")]
    except OSError as error:
        raise DamagedData(f"data=image_folder: cannot read {folder / within}: {error.strerror}") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_plain(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def images(folder: Path, *, size: int, grey: bool, progress: Listener = lambda message: None) -> ImageArrays:
    """All images, `size` pixels a side, one channel of brightness or three of colour, in the order of their names.

    `progress` is told now and then how many were read. Raises as `listing`, and `DamagedData` naming an image that
    cannot be read.
    """
    import torch

    from .images import ImageArrays

    listed = listing(folder)
    label = {name: i for i, name in enumerate(listed.classes)}

    def read(part: str) -> tuple[Tensor, Tensor]:
        those = [file for file in listed.files if file.part == part]
        x = torch.empty(len(those), 1 if grey else 3, size, size, dtype=torch.uint8)
        for i, file in enumerate(those, start=1):
            x[i - 1] = _pixels(str(folder / file.path), size, grey)
            if i % 1000 == 0:
                progress(f"reading images, {i} of {len(those)} in {part}")
        return x, torch.tensor([label[file.label] for file in those])

    return ImageArrays(*read("train"), *read("test"), listed.classes)


def _pixels(path: str, size: int, grey: bool) -> Tensor:
    import numpy as np
    import torch
    from PIL.Image import Resampling

    from .decoding import picture

    image = picture(path, grey=grey)
    if image.size != (size, size):
        image = image.resize((size, size), Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if grey else pixels.permute(2, 0, 1)
