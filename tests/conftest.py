"""What all tests share: one thread, so that numbers repeat, and shapes checked at every call."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; jobs set their own number

ROOMS = ("networks", "diffeomorphisms", "paths", "limits", "data", "sampling", "inference")
PACKAGE = Path(__file__).parents[1] / "resnet_limits"


def with_shapes() -> list[str]:
    """The modules of the rooms that import torch or numpy at once. Others hold facts, and know arrays by name only."""
    files = (path for room in ROOMS for path in (PACKAGE / room).rglob("*.py") if path.name != "__init__.py")
    return [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in files
        if re.search(r"^(from jaxtyping|from torch|import numpy)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]


# The shapes in annotations such as Float[Tensor, "r n d"] are held against what is passed, in tests only.
install_import_hook(with_shapes(), "beartype.beartype")


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """`once(name, make)`: the folder that `make(folder)` filled, made by one of the workers that run the tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name: str, make: Callable[[Path], None]) -> Path:
        path, done, broken = shared / name, shared / f".{name}.done", shared / f".{name}.broken"
        try:
            path.mkdir()
        except FileExistsError:
            while not done.exists():
                if broken.exists():
                    pytest.fail(f"another worker could not make {name}: {broken.read_text()}")
                time.sleep(0.05)
            return path
        try:
            make(path)
        except BaseException as error:
            with contextlib.suppress(OSError):
                broken.write_text(repr(error))
            raise
        done.touch()
        return path

    return folder
