"""Files of a user's own: `reslim train --with my_law.py init=my_law`, `rl.use(["my_law.py"])` from Python.

    my_law.py  ->  the module `resnet_limits.own.my_law_0123456789`, called by its name and its digest (SHA-256)

A file stands alone: its folder is not put on the import path, nothing is written beside it, and it is imported only
because somebody named it here. The processes that a run starts hear of it by RESLIM_WITH, path and digest, and refuse
another content. A run folder names digests and no path.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

from ..errors import SettingError

FILES_VARIABLE = "RESLIM_WITH"
"""A JSON list of `[path, digest]`."""
MAX_BYTES_OF_FILE = 2**20
"""Bytes of a file; nobody writes as many by hand."""


@dataclass(frozen=True)
class OwnFile:
    """A file as it was when it was named: its path, and the first ten digits of its SHA-256."""

    path: str
    digest: str

    @property
    def name(self) -> str:
        """`my_law.py`."""
        return os.path.basename(self.path)

    @property
    def stem(self) -> str:
        """`my_law`."""
        return Path(self.path).stem

    @property
    def label(self) -> str:
        """`my_law-0123456789`: what stands in the settings of a job, and in its provenance."""
        return f"{self.stem}-{self.digest}"

    @property
    def module(self) -> str:
        return f"{__name__}.{self.label.replace('-', '_')}"

    def content(self) -> bytes:
        """What the file holds. Raises `SettingError` where that is something else by now."""
        content = _read(self.path)
        if (digest := _digest(content)) != self.digest:
            raise SettingError(
                f"{self.path} has changed since it was named ({self.stem}-{digest}, not {self.label});"
                " start again with --with"
            )
        return content

    def imported(self) -> ModuleType:
        """Its module. Raises `SettingError` with the error of the file, and its line."""
        try:
            return import_module(self.module)
        except SettingError as error:
            line = _line(error, self.path)
            raise SettingError(f"{self.name}, line {line}: {error}" if line else str(error)) from None
        except (Exception, SystemExit) as error:
            raise SettingError(self.blamed(error)) from error

    def blamed(self, error: BaseException) -> str:
        """`my_law.py, line 7: NameError: name 'foo' is not defined`."""
        words = error.msg if isinstance(error, SyntaxError) else str(error)
        line = _line(error, self.path)
        where = f"{self.name}, line {line}" if line else self.name
        return f"{where}: {' '.join(f'{type(error).__name__}: {words}'.split())}"


def use(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[OwnFile]:
    """Name a file of a user's own, or several, for this process and those that it starts, beside those named before.

    Raises `SettingError` for what is no file of Python, or two files of one name.
    """
    paths = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    by_path = {file.path: file for file in files()}
    for path in (os.path.abspath(os.path.expanduser(path)) for path in paths):
        stem, suffix = os.path.splitext(os.path.basename(path))
        if suffix != ".py" or not stem.isidentifier():
            raise SettingError(f"--with {path}: expected a file of Python, named like my_law.py")
        by_path[path] = OwnFile(path, _digest(_read(path)))
    names: dict[str, OwnFile] = {}  # by name: a file that is named again is read again
    for file in by_path.values():
        if (other := names.setdefault(file.name, file)) is not file:
            raise SettingError(f"--with: {other.path} and {file.path} have one name; rename one of them")
    os.environ[FILES_VARIABLE] = json.dumps([[file.path, file.digest] for file in by_path.values()])
    return [file for file in by_path.values() if file.path in {os.path.abspath(os.path.expanduser(p)) for p in paths}]


def files() -> list[OwnFile]:
    """The files that were named. Raises `SettingError` where RESLIM_WITH is not what `use` writes."""
    if not (text := os.environ.get(FILES_VARIABLE)):
        return []
    try:
        return [OwnFile(os.path.abspath(path), str(digest)) for path, digest in json.loads(text)]
    except (ValueError, TypeError):
        raise SettingError(f"{FILES_VARIABLE} is no list of paths and digests; unset it, and use --with FILE") from None


def joined(labels: Iterable[str]) -> str | None:
    """The key `parts`: `my_block-0123456789+my_law-0123456789`; None of no file."""
    return "+".join(sorted(set(labels))) or None


def lines_of_shell() -> list[str]:
    """The lines of a shell that hand the named files on, where variables are not (`imports.SETUP`)."""
    import shlex

    return [f"export {FILES_VARIABLE}={shlex.quote(os.environ[FILES_VARIABLE])}"] if files() else []


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES_OF_FILE + 1)
    except OSError as error:
        raise SettingError(f"--with {path}: {error.strerror}; give the path of a file of your own") from None
    if len(content) > MAX_BYTES_OF_FILE:
        raise SettingError(
            f"--with {path}: more than {MAX_BYTES_OF_FILE // 2**20} MB; a file of your own is a page or two"
        )
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:10]


def _line(error: BaseException, path: str) -> int | None:
    """The line of the file at which it went wrong; None where that is not in it."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return frames[-1] if frames else None


class _OwnLoader(Loader):
    """Executes a file of this digest, and writes no bytecode."""

    def __init__(self, file: OwnFile) -> None:
        self.file = file

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.file.path
        exec(compile(self.file.content(), self.file.path, "exec", dont_inherit=True), module.__dict__)


class _OwnFinder(MetaPathFinder):
    """Finds the named files as modules of this package: also for a process that reads a pickle of what is in one."""

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if not re.fullmatch(rf"{re.escape(__name__)}\.\w+_[0-9a-f]{{10}}", fullname):
            return None
        file = next((file for file in files() if file.module == fullname), None)
        return None if file is None else spec_from_loader(fullname, _OwnLoader(file), origin=file.path)


sys.meta_path.insert(sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0, _OwnFinder())
