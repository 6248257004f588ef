"""Points of one's own in one file: arrays `x_train`, `y_train`, `x_test`, `y_test`, or a table.

    .npz, .safetensors    the four arrays, by these names; no others are read. `x` (n, ...) is flattened
    .csv                  a row a point, commas between numbers, the last column the label or target; the first line may
                          hold names. A fifth of the rows, at random but whatever the seed, are the test set

`y` of whole numbers (an integer or bool array; a column without a decimal point) are labels 0 .. classes - 1, other
numbers (n,) or (n, outputs) the targets of a regression. Nothing is guessed or filled in: what does not fit is refused,
by name. Free of torch.
"""

from __future__ import annotations

import functools
import hashlib
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import DamagedData, MissingData
from . import hashes

if TYPE_CHECKING:
    import numpy as np

ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")
HELD_OUT = 5
"""Of so many rows of a table one is a test point."""


class Arrays(NamedTuple):
    """Training and test points (n, features), float64, with labels (n,), int64, or targets (n, outputs), float64."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def labelled(self) -> bool:
        return self.y_train.ndim == 1


class Facts(NamedTuple):
    """What a file holds: training and test points, features, classes (0 of a regression) and outputs."""

    train: int
    test: int
    features: int
    classes: int
    outputs: int

    def in_words(self) -> str:
        """`1400 training and 397 test points of 64 features, 10 classes`."""
        kind = f"{self.classes} classes" if self.classes else f"targets of dimension {self.outputs}"
        return f"{self.train} training and {self.test} test points of {self.features} features, {kind}"


def facts(path: Path) -> Facts:
    """What a file holds; read and checked once, as long as it is not changed. Raises as `read`."""
    return _facts(path, _marked(path))


@functools.lru_cache(maxsize=64)
def _facts(path: Path, mark: hashes.Mark) -> Facts:
    arrays = read_arrays(path)
    classes = int(arrays.y_train.max()) + 1 if arrays.labelled else 0
    outputs = classes or arrays.y_train.shape[1]
    return Facts(len(arrays.x_train), len(arrays.x_test), arrays.x_train.shape[1], classes, outputs)


def read_arrays(path: Path) -> Arrays:
    """The points of a file, all checked.

    Raises `MissingData` where there is no file, and `DamagedData` naming what was got and what was expected.
    """
    _marked(path)
    if (reader := READERS.get(path.suffix.lower())) is None:
        raise DamagedData(f"{path}: expected a file {', '.join(READERS)}, or a folder of images")
    if path.stat().st_size == 0:
        raise DamagedData(f"{path} is empty; expected {', '.join(ARRAY_NAMES)}, or a table")
    return _checked(path, reader(path))


def _marked(path: Path) -> hashes.Mark:
    if not path.exists():
        raise MissingData(f"there is no file or folder {path}")
    return hashes.mark(path)


def _npz(path: Path) -> Mapping[str, np.ndarray]:
    import numpy as np

    if not zipfile.is_zipfile(path):
        raise DamagedData(f"{path} is no .npz; numpy.savez writes one")
    try:
        with np.load(path, allow_pickle=False) as file:
            _require_names(path, file.files)
            return {name: file[name] for name in ARRAY_NAMES}
    except (OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedData(f"{path} cannot be read: {_first_line(error)}") from None


def _safetensors(path: Path) -> Mapping[str, np.ndarray]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            _require_names(path, list(file.keys()))
            return {name: file.get_tensor(name) for name in ARRAY_NAMES}
    except (OSError, SafetensorError, TypeError) as error:  # numpy does not know every format, such as bfloat16
        raise DamagedData(f"{path} cannot be read: {_first_line(error)}") from None


def _csv(path: Path) -> Mapping[str, np.ndarray]:
    import numpy as np

    rows, whole = _rows(path)
    table = np.array(rows, dtype=np.float64)
    order = sorted(range(len(table)), key=_as_good_as_random)
    held_out = len(table) // HELD_OUT
    x, y = table[order, :-1], table[order, -1]
    y = y.astype(np.int64) if whole else y
    train = len(table) - held_out
    return {"x_train": x[:train], "y_train": y[:train], "x_test": x[train:], "y_test": y[train:]}


def _as_good_as_random(row: int) -> bytes:
    """Of a row's number alone: the same on every machine, whatever is installed there."""
    return hashlib.sha256(str(row).encode()).digest()


def _rows(path: Path) -> tuple[list[list[float]], bool]:
    """The rows of a table, and whether the last column holds whole numbers, without a decimal point."""
    import csv

    rows: list[list[float]] = []
    whole = True
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.reader(file), start=1):
                if not cells or (number == 1 and not any(map(_is_number, cells))):
                    continue  # an empty line, or the names of the columns
                rows.append(_numbers(path, number, cells, len(rows[0]) if rows else 0))
                whole = whole and cells[-1].strip().lstrip("+-").isdecimal()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DamagedData(f"{path} cannot be read: {_first_line(error)}") from None
    if len(rows) < HELD_OUT:
        raise DamagedData(f"{path} has {len(rows)} rows of numbers; expected {HELD_OUT} or more, one a point")
    return rows, whole


def _numbers(path: Path, line: int, cells: list[str], columns: int) -> list[float]:
    if bad := next((cell for cell in cells if cell.strip() and not _is_number(cell)), None):
        raise DamagedData(f"{path}, line {line}: expected numbers with commas between them, got '{bad.strip()}'")
    if "" in map(str.strip, cells):
        raise DamagedData(f"{path}, line {line}: a cell is empty; expected a number in each")
    if len(cells) < 2:
        raise DamagedData(f"{path}, line {line}: one column; expected features, and the label or target last")
    if columns and len(cells) != columns:
        raise DamagedData(f"{path}, line {line}: {len(cells)} columns; expected {columns}, as above")
    return [float(cell) for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


READERS: Mapping[str, Callable[[Path], Mapping[str, np.ndarray]]] = {
    ".npz": _npz,
    ".csv": _csv,
    ".safetensors": _safetensors,
}
"""By the ending of a file's name."""


def _require_names(path: Path, names: list[str]) -> None:
    if missing := [name for name in ARRAY_NAMES if name not in names]:
        got = ", ".join(sorted(names)) or "none"
        raise DamagedData(f"{path} lacks {', '.join(missing)}; expected the arrays {', '.join(ARRAY_NAMES)}, got {got}")


def _checked(path: Path, arrays: Mapping[str, np.ndarray]) -> Arrays:
    import numpy as np

    for name in ARRAY_NAMES:
        array = arrays[name]
        if array.dtype.kind not in "biuf":
            raise DamagedData(f"{path}: {name} holds {array.dtype}; expected numbers")
        if array.size == 0:
            raise DamagedData(f"{path}: {name} is empty, of shape {array.shape}")
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            raise DamagedData(f"{path}: {name} holds {bad} values that are no finite numbers (NaN or infinity)")
    labelled = arrays["y_train"].dtype.kind in "biu"
    if (arrays["y_test"].dtype.kind in "biu") != labelled:
        raise DamagedData(
            f"{path}: y_train holds {arrays['y_train'].dtype}, y_test {arrays['y_test'].dtype}; expected whole numbers"
            " in both, which are labels, or floating-point ones, which are targets"
        )
    features = arrays["x_train"].shape[1:]
    outputs = () if labelled else arrays["y_train"].shape[1:]
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.ndim < 2 or x.shape[1:] != features:
            expected = ", ".join(map(str, ("n", *(features or ("features",)))))
            raise DamagedData(f"{path}: x_{part} has shape {x.shape}; expected ({expected})")
        if y.shape != (len(x), *outputs) or y.ndim > 2:
            shape = f"({len(x)},)" if labelled or not outputs else f"({len(x)}, {outputs[0]})"
            raise DamagedData(
                f"{path}: y_{part} has shape {y.shape}; expected {shape}, as x_{part} has {len(x)} points"
            )
    if labelled:
        _check_labels(path, arrays)
    flat = {name: array.reshape(len(array), -1).astype(np.float64) for name, array in arrays.items()}
    if labelled:
        flat |= {name: arrays[name].astype(np.int64) for name in ("y_train", "y_test")}
    return Arrays(**flat)


def _check_labels(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    import numpy as np

    labels = np.unique(arrays["y_train"])
    classes = len(labels)
    every = set(labels.tolist()) | set(np.unique(arrays["y_test"]).tolist())
    if classes < 2:
        raise DamagedData(f"{path}: the training labels are all {int(labels[0])}; a classifier needs two classes")
    if every != set(range(classes)):
        got = f"{int(min(every))} to {int(max(every))}, {len(every)} different ones, {classes} of them in training"
        raise DamagedData(
            f"{path}: labels from {got}; expected 0 to {classes - 1}, each of them in training (targets of a regression"
            " are floating-point numbers: 3.0, not 3)"
        )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
