"""scikit-learn's 8x8 images of handwritten digits: 1797 images of 64 grey values, 10 classes, bundled.

Source: Alpaydin & Kaynak 1998, UCI "Optical recognition of handwritten digits" (its test set).
"""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from ...errors import DamagedData, MissingData
from ...settings.keys import fixed, key
from ..availability import Availability
from ..hashes import Listener, label_of_content
from .source import Bundled, Data

if TYPE_CHECKING:
    import numpy as np

CSV = "datasets/data/digits.csv.gz"
"""Where the file lies in scikit-learn."""


@dataclass
class DigitsData(Data):
    """scikit-learn's bundled 8x8 digits: 1797 images, 10 classes."""

    name: str = fixed("digits", "scikit-learn's 8x8 images of digits, 1797 images, 10 classes")
    train_size: Optional[int] = key(1400, "number of training points; null: all", low=1, high=10**7)

    def available(self) -> int:
        return 1797

    def classes(self) -> int:
        return 10

    def shape(self) -> tuple[int, int, int]:
        return 1, 8, 8

    def fingerprint(self, report: Listener) -> Bundled:
        return Bundled(file().parent, bundled())

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Whatever the seed. Raises `DamagedData` where scikit-learn loads others than those that the job names."""
        images, labels = loaded()
        if self.digest is not None and (digest := label_of_content(self.name, as_bytes(images, labels))) != self.digest:
            raise DamagedData(
                f"data={self.name}: the digits of the scikit-learn that is installed here are {digest}, not"
                f" {self.digest}, those that the job was planned with"
            )
        return images, labels

    @classmethod
    def availability(cls, root: Path, *, thoroughly: bool = False) -> Availability:
        return Availability(cls.name, "bundled", True, "bundled with scikit-learn")


def loaded() -> tuple[np.ndarray, np.ndarray]:
    """All images (1797, 64) and labels 0..9 (1797,), in the order of the file."""
    import numpy as np
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return np.asarray(images), np.asarray(labels)


def as_bytes(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Grey values and label of each image, a byte each: what `bundled` returns of the file that they come from."""
    import numpy as np

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
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise MissingData("data=digits: scikit-learn is not installed, and brings them; pip install scikit-learn")
    return Path(spec.submodule_search_locations[0]) / CSV
