"""Errors that a competent person makes, one line each: where they are planted and what has to turn red.

`faults/NAME.toml` holds those of a study, of the data, of the verdicts:

    [[fault]]
    id = "O4-adjoint-sign"
    file = "resnet_limits/limits/adjoint.py"
    old = "return f, -da"          # stands once in the file, unless nth says which of several it is, from 0
    new = "return f, da"
    means = "the adjoint equation has the wrong sign"
    claims = ["ode.gradient"]      # ids, each that claim alone, or beginnings up to a dot: all turn red at smoke size
    tests = ["tests/limits/test_adjoint.py"]    # a file or a test, each fails
    request = ["sde.norm=2"]       # further words of `reslim verify`; optional
    quick = true                   # one of the short list that every run of the tests plants; optional
    compiled = true                # in what is compiled or calls it: the extensions are built, with the error; optional

At least one of `claims` and `tests` is given: claims where they can see the error, tests where no claim can by design
(a length of 1, one seed).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.checkout import HERE

FAULTS = Path(__file__).with_name("faults")


@dataclass(frozen=True)
class Fault:
    """One planted error. `where` is the name of the file of faults that it stands in."""

    where: str
    id: str
    file: str
    old: str
    new: str
    means: str
    claims: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    request: list[str] = field(default_factory=list)
    nth: int | None = None
    quick: bool = False
    compiled: bool = False

    def planted(self, text: str) -> str:
        """The text of the file with the error in it. Raises `LookupError` where the place is not found, or not one."""
        places = text.count(self.old)
        if self.nth is None and places != 1:
            raise LookupError(f"{self.id}: {self.old!r} stands {places} times in {self.file}, and must stand once")
        if self.nth is not None and places <= self.nth:
            raise LookupError(f"{self.id}: {self.old!r} stands {places} times in {self.file}; nth = {self.nth} of it")
        parts = text.split(self.old)
        cut = (self.nth or 0) + 1
        return self.old.join(parts[:cut]) + self.new + self.old.join(parts[cut:])

    @contextmanager
    def at(self, checkout: Path) -> Iterator[None]:
        """The error planted in a checkout, which is as it was afterwards."""
        path = checkout / self.file
        right = path.read_text(encoding="utf-8")
        path.write_text(self.planted(right), encoding="utf-8")
        try:
            if self.compiled:
                build(checkout)
            yield
        finally:
            path.write_text(right, encoding="utf-8")
            for library in checkout.rglob("*.so"):
                library.unlink()


def faults() -> list[Fault]:
    """All of them, by file of faults."""
    faults = []
    for path in sorted(FAULTS.glob("*.toml")):
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["fault"]
        faults += [Fault(path.stem, **entry) for entry in entries]
    return faults


def build(checkout: Path) -> None:
    """Compile the extensions of a checkout, in their places. Raises `RuntimeError` where there is no compiler."""
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if done.returncode or not list(checkout.rglob("_walks*.so")):
        raise RuntimeError(f"extensions were not built\n{done.stderr}")


def copied(folder: Path) -> Path:
    """A copy of this checkout, as git knows it with what is not committed yet, for errors to be planted in: without
    compiled extensions, so that what is planted in Python is what computes."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=HERE, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (HERE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / name, folder / name)
    return folder
