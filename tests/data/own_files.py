"""Files of points as a user may have them, written small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def points(train: int = 90, test: int = 30, *, targets: bool = False) -> dict[str, np.ndarray]:
    """The four arrays: points of four features, labels 0, 1, 2 by the first, or two targets."""
    x = np.random.default_rng(7).standard_normal((train + test, 4))
    y = x[:, :2] ** 2 if targets else np.digitize(x[:, 0], [-0.43, 0.43])
    return {"x_train": x[:train], "y_train": y[:train], "x_test": x[train:], "y_test": y[train:]}


def write_npz(path: Path, **arrays: np.ndarray | None) -> Path:
    """The four arrays with some of them replaced, or taken away where they are None."""
    kept: dict[str, Any] = {name: array for name, array in {**points(), **arrays}.items() if array is not None}
    np.savez(path, **kept)
    return path


def write_safetensors(path: Path) -> Path:
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in points().items()}, path)
    return path


def write_csv(path: Path, *, rows: int = 120, targets: bool = False) -> Path:
    """A header, and a row a point; the last column a label, or a target."""
    arrays = points(rows, 0)
    last = [f"{x[1]:.3f}" if targets else str(y) for x, y in zip(arrays["x_train"], arrays["y_train"], strict=True)]
    lines = [",".join([*(f"{v:.6f}" for v in x), y]) for x, y in zip(arrays["x_train"], last, strict=True)]
    path.write_text("\n".join(["a,b,c,d,last", *lines]) + "\n", encoding="utf-8")
    return path
