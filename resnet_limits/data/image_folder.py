"""Images of one's own: `train/CLASS/*.jpg` and `test/CLASS/*.jpg`, the classes in the order of their names.

Each image is squeezed to a square (its aspect is not kept). Listing and checking is free of torch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .. import settings
from ..errors import DamagedData, MissingData, SettingError
from .files import data_root

if TYPE_CHECKING:
    from torch import Tensor

    from .images import Images

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
LAYOUT = f"expected train/CLASS/ and test/CLASS/ with images ({' '.join(SUFFIXES)})"
PARTS = ("train", "test")


class ImageFile(NamedTuple):
    """One image: its path relative to the folder (with `/`), its part (`train` or `test`), its class."""

    path: str
    part: str
    label: str


def place(data: settings.ImageFolder) -> Path:
    """The folder that holds train/ and test/."""
    if Path(data.folder).is_absolute():
        raise SettingError(
            f"data.folder: expected a folder relative to data.root, got {data.folder}; give its parent as data.root"
        )
    return data_root(data.root) / data.folder


def classes(folder: Path) -> tuple[str, ...]:
    """The names of the classes, sorted.

    Raises `MissingData` where there is no such folder, `DamagedData` for a single class, classes that differ between
    train/ and test/, or a class without images, each named.
    """
    for path in (folder, *(folder / part for part in PARTS)):
        if not path.is_dir():
            raise MissingData(f"data=image_folder: there is no folder {path}; set data.root and data.folder; {LAYOUT}")
    train, test = (
        sorted(entry.name for entry in os.scandir(folder / part) if entry.is_dir() and not entry.name.startswith("."))
        for part in PARTS
    )
    if not train:
        raise DamagedData(f"data=image_folder: {folder / 'train'} has no folders of images; {LAYOUT}")
    for name in sorted({*train} ^ {*test}):
        has, lacks = PARTS if name in train else reversed(PARTS)
        raise DamagedData(f"data=image_folder: {folder / has / name} has no counterpart {folder / lacks / name}")
    if len(train) == 1:
        raise DamagedData(f"data=image_folder: {folder} has a single class, '{train[0]}'; a classifier needs two")
    for part in PARTS:
        for name in train:
            if next(_images(folder / part / name), None) is None:
                raise DamagedData(f"data=image_folder: {folder / part / name} holds no images; {LAYOUT}")
    return tuple(train)


def _images(folder: Path) -> Iterator[str]:
    """The paths of the images in a folder, in the order of the disk."""
    for entry in os.scandir(folder):
        if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith(".") and entry.is_file():
            yield entry.path


def files(folder: Path) -> tuple[ImageFile, ...]:
    """The images of a folder in the order in which they are loaded. Raises as `classes`."""
    names = classes(folder)
    return tuple(
        ImageFile(Path(path).relative_to(folder).as_posix(), part, name)
        for part in PARTS
        for name in names
        for path in sorted(_images(folder / part / name))
    )


def images(folder: Path, *, size: int, grey: bool, progress: Callable[[str], None] = lambda message: None) -> Images:
    """All images, `size` pixels a side, one channel of brightness or three of colour, in the order of their names.

    `progress` is told now and then how many were read. Raises as `classes`, and `DamagedData` naming an image that
    cannot be read.
    """
    import torch

    from .images import Images

    names = classes(folder)

    def read(part: str) -> tuple[Tensor, Tensor]:
        files = [(path, label) for label, name in enumerate(names) for path in sorted(_images(folder / part / name))]
        x = torch.empty(len(files), 1 if grey else 3, size, size, dtype=torch.uint8)
        for i, (path, _) in enumerate(files, start=1):
            x[i - 1] = _decoded(path, size, grey)
            if i % 1000 == 0:
                progress(f"reading images, {i} of {len(files)} in {part}")
        return x, torch.tensor([label for _, label in files])

    return Images(*read("train"), *read("test"), names)


def _decoded(path: str, size: int, grey: bool) -> Tensor:
    import numpy as np
    import torch
    from PIL import Image

    try:
        with Image.open(path) as opened:
            image = opened.convert("L" if grey else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "it is no image" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise DamagedData(f"data=image_folder: cannot read {path}: {reason}") from None
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if grey else pixels.permute(2, 0, 1)
