"""Files that appear whole: written beside their place and renamed into it. And files that anybody may have written.

Of those only plain ones are opened (`open(path, opener=plain)`): to open a pipe waits for ever, and a device may do
anything.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import OutputError, is_text

MOST_BYTES_READ = 64_000_000
"""Bytes of a text that is read; nothing that reslim writes comes near."""
BYTES_OF_TAIL = 10_000
"""Bytes in which the last lines of a log are looked for."""
NAME_OF_TEMPORARY = re.compile(r"\..+\.(?P<host>[0-9a-f]{6})-(?P<pid>\d{1,7})-[0-9a-f]{8}")


def beside(path: Path) -> Path:
    """A hidden name beside `path` that is nobody else's, and says which process on which host it belongs to."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}")


def remove_leftovers(folder: Path) -> None:
    """Remove what processes of this host that are gone have left beside files of this folder."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            match = NAME_OF_TEMPORARY.fullmatch(path.name)
            if match and match["host"] == _host() and not is_alive(int(match["pid"])):
                with contextlib.suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; rename it to `path` when the block ends, remove it when the block raises."""
    ours = beside(path)
    try:
        yield ours
        os.replace(ours, path)
    except OSError as error:
        if error.filename is None:  # of a write, in contrast to an opening, the system names no file
            error.filename = str(path)
        raise
    finally:
        ours.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder for the block, made where it is missing, with those above it; what was made goes if the block raises."""
    made = [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield path
    except BaseException:
        if path in made:
            shutil.rmtree(path, ignore_errors=True)
        for above in made[1:] if path in made else made:
            with contextlib.suppress(OSError):  # by now somebody else may have put something there
                above.rmdir()
        raise


@contextlib.contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock on a folder; the system lets go of it when the process ends.

    Without `wait`: raises `BlockingIOError` where another process holds it. Some file systems of clusters lock
    nothing, or not between hosts: there it is no more than a hope.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF):
                raise
        yield
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    with whole(path) as ours:
        ours.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def plain(path: str | os.PathLike[str], flags: int = os.O_RDONLY) -> int:
    """A descriptor of a plain file; an `opener` for `open`. Raises `OSError` for anything else, without waiting."""
    with contextlib.suppress(FileNotFoundError):
        require_plain(path)
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # another one was put there in between
        os.close(descriptor)
        raise _odd(path)
    return descriptor


def require_plain(path: str | os.PathLike[str]) -> None:
    """Raise `OSError` for what is no plain file."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise _odd(path)


def read_bytes(path: Path) -> bytes:
    """The content of a plain file."""
    with open(path, "rb", opener=plain) as file:
        return file.read()


def read_text(path: Path) -> str:
    """The text of a file. Raises `OSError` for what is no plain file, or beyond all measure."""
    with open(path, encoding="utf-8", opener=plain) as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES_READ:
            raise OSError(errno.EFBIG, "too large", str(path))
        return file.read()


def tail(path: Path) -> list[str]:
    """The last lines of a text. Raises `OSError` as `read_text` does, but for no size."""
    with open(path, "rb", opener=plain) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - BYTES_OF_TAIL))
        return file.read(BYTES_OF_TAIL).decode("utf-8", errors="replace").splitlines()


def read_json(path: Path) -> Any:
    """The document, or None where there is no file, or none that we could have written."""
    try:
        text = read_text(path)
        document = json.loads(text, parse_float=_finite, parse_constant=_finite)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode("utf-8")  # half a pair could neither be shown nor written
        return document
    except (OSError, ValueError, RecursionError):
        return None


def place(text: str) -> Path:
    """An absolute path, `~` spelt out. Raises `OutputError` for what cannot be one."""
    try:
        path = Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # no home, or the folder that we are in was removed
        raise OutputError(f"no folder '{text}': {getattr(error, 'strerror', None) or error}") from None
    if "\0" in text or not is_text(str(path)):
        raise OutputError(f"no folder '{text}': its name is no text")
    return path


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no JSON")
    return number


def _odd(path: str | os.PathLike[str]) -> OSError:
    return OSError(errno.EINVAL, "not a plain file", os.fspath(path))


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]


def is_alive(pid: int) -> bool:
    """Whether a process of this host has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
