"""torchvision's data sets: the one file that imports torchvision.

Its wheels on PyPI need CUDA libraries; beside a CPU build of torch `import torchvision` ends with "operator
torchvision::nms does not exist", although its data sets use no operator. Declared, the operators are never called.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch

from ..errors import MissingData, OutputError
from .files import md5_of

SECONDS_WITHOUT_ANSWER = 15.0
"""Seconds without an answer after which a download is given up."""


@runtime_checkable
class Known(Protocol):
    """A published data set, as far as it is read and fetched here: a `published.Published`."""

    @property
    def name(self) -> str: ...

    torchvision: ClassVar[str]
    archive: ClassVar[str]

    def complain(self, root: Path, *, thoroughly: bool = False) -> None: ...

    def what_to_put(self, root: Path) -> str: ...


@functools.cache
def declared_operators() -> Any:
    """Declare what torchvision's Python code refers to; what is returned keeps the declaration alive."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def operators_are_missing() -> bool:
    """Whether torchvision was imported without its compiled operators."""
    return declared_operators.cache_info().currsize > 0


def datasets() -> Any:
    """The module `torchvision.datasets`. Raises `MissingData` where torchvision is not installed or broken."""
    try:
        try:
            from torchvision import datasets
        except RuntimeError as error:
            if "operator torchvision::" not in str(error):
                raise
            declared_operators()
            from torchvision import datasets
    except (ImportError, RuntimeError) as error:
        raise MissingData(f'torchvision cannot be imported ({error}); pip install "torchvision>=0.24,<0.29"') from None
    return datasets


def torchvision_part(published: Known, root: Path, *, train: bool) -> Any:
    """torchvision's own object for one part of a data set, every file checked first. Raises as `its.complain`."""
    published.complain(root, thoroughly=True)
    return getattr(datasets(), published.torchvision)(str(root), train=train, download=False)


def fetch(published: Known, root: Path) -> None:
    """Download a data set through torchvision, or unpack the archives that are in place, and check every file.

    It appears whole: fetched beside the root's own files and renamed into place. Raises `MissingData` with the files
    to be put there where there is no network, `OutputError` where the root cannot be written.
    """
    new = [folder for folder in (root, *root.parents) if not folder.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=root) as made:
            beside = Path(made)
            _borrow_archives(published, root, beside)
            _download(published, root, beside)
            for path in [p for p in beside.rglob("*") if p.is_file() and not p.is_symlink()]:
                place = root / path.relative_to(beside)
                place.parent.mkdir(parents=True, exist_ok=True)
                path.replace(place)
    except OSError as error:
        raise OutputError(f"cannot write to {root}: {error.strerror}; name another folder with --root") from None
    finally:
        for folder in new:
            with contextlib.suppress(OSError):  # one that is not empty stays
                folder.rmdir()
    published.complain(root, thoroughly=True)


def _borrow_archives(known: Known, root: Path, beside: Path) -> None:
    """Show torchvision the archives that are in place: it unpacks those whose MD5 sum is the published one."""
    theirs = getattr(datasets(), known.torchvision)
    if known.archive:
        published = {theirs.filename: theirs.tgz_md5}
    else:
        published = {f"{theirs.__name__}/raw/{archive}": md5 for archive, md5 in theirs.resources}
    for archive, md5 in published.items():
        if (root / archive).is_file() and md5_of(root / archive) == md5:
            (beside / archive).parent.mkdir(parents=True, exist_ok=True)
            (beside / archive).symlink_to(root / archive)


def _download(published: Known, root: Path, beside: Path) -> None:
    try:
        with _patience(), contextlib.redirect_stdout(sys.stderr):
            getattr(datasets(), published.torchvision)(str(beside), download=True)
    except (RuntimeError, OSError, HTTPException, EOFError, zlib.error, tarfile.TarError) as error:
        if isinstance(error, OSError) and error.filename is not None:  # of our disk and not of the network
            raise
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        raise MissingData(
            f"could not download {published.name}: {reason.strip()}\nWithout a network: {published.what_to_put(root)}"
        ) from None


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_WITHOUT_ANSWER)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
