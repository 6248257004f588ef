"""scikit-learn's 8x8 images of handwritten digits: 1797 images of 64 grey values, 10 classes, bundled.

Source: Alpaydin & Kaynak 1998, UCI "Optical recognition of handwritten digits" (its test set).
"""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from pathlib import Path

import numpy as np

from ..errors import DamagedData, MissingData

CSV = "datasets/data/digits.csv.gz"
"""Where the file lies in scikit-learn."""


def points() -> tuple[np.ndarray, np.ndarray]:
    """All images (1797, 64) and labels 0..9 (1797,), in the order of the file."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return np.asarray(images), np.asarray(labels)


def as_bytes(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Grey values and label of each image, a byte each: what `bundled` returns of the file that they come from."""
    return np.column_stack([images, labels]).astype(np.uint8).tobytes()


def bundled() -> bytes:
    """The numbers of the bundled file, a byte each, without importing scikit-learn (which takes a second).

    Raises `MissingData`, `DamagedData`.
    """
    path = file()
    try:
        return bytes(map(int, gzip.decompress(path.read_bytes()).replace(b"\n", b",").rstrip(b",").split(b",")))
    except FileNotFoundError:
        raise MissingData(f"data=digits: there is no {path}; install scikit-learn anew") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DamagedData(f"data=digits: {path} is damaged ({error}); install scikit-learn anew") from None


def file() -> Path:
    """The bundled file. Raises `MissingData` where scikit-learn is not installed."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise MissingData("data=digits: scikit-learn is not installed, and brings them; pip install scikit-learn")
    return Path(found.submodule_search_locations[0]) / CSV
