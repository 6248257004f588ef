"""What all tests share: one thread, so that numbers repeat, and shapes checked at every call."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; jobs set their own number
if not Path("/dev/nvidiactl").exists():
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is: kernels run in its interpreter, where there is no GPU

ROOMS = ("networks", "engines", "diffeomorphisms", "paths", "limits", "data", "sampling", "inference")
OPTIONS = ("paths.laws", "data.sources", "networks.blocks", "networks.activations", "engines.engine", "engines.kernels")
"""What does not import what its annotations speak of, as it is read at start-up, or is compiled from its text."""


def numerics() -> Iterator[str]:
    """The modules of these rooms, but for those of options."""
    package = Path(__file__).resolve().parents[1] / "resnet_limits"
    for room in ROOMS:
        for path in (package / room).rglob("*.py"):
            name = ".".join(path.relative_to(package).with_suffix("").parts)
            if path.name != "__init__.py" and not name.startswith(OPTIONS):
                yield f"resnet_limits.{name}"


# The shapes in annotations such as Float[Tensor, "r n d"] are held against what is passed, in tests only.
install_import_hook(list(numerics()), "beartype.beartype")


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
