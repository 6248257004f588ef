"""The command `reslim` from its first moment to its last: streams, signals, and how it ends.

    0    done
    1    a job failed (verify: or a claim came out other than it must); memory ran out
    2    the request was wrong, or its answer could not be written
    130  interrupted
    141  who read the answer left before its end, as of any Unix tool (128 + SIGPIPE)

Whatever goes wrong is said in a line or two on stderr. Nothing but Python's own start-up comes before `main`, so Typer
is imported there: Ctrl-C and a lack of memory find it prepared.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

OUT_OF_MEMORY = ("allocate memory", "failed to map segment", "bad_alloc", "not enough memory", "without exception set")
"""How the system, its loader, C++, torch and Python say that there is no memory left."""


def main() -> None:
    """Run the command line and exit with its code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave_at_once)  # until there is something to clean up
    stdout_is_open = sys.stdout is not None
    _open_streams()
    try:
        if not stdout_is_open:
            code = _said("stdout is closed, and the answer goes there; >/dev/null throws it away", 2)
        elif not _has_a_working_folder():
            code = _said("the working folder was removed; cd to one that is there", 2)
        else:
            code = _answered()
    except BaseException as error:
        code = _ended(error)
    raise SystemExit(_flushed(code))


def _answered() -> int:
    from resnet_limits.errors import is_text

    from .commands import app

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # SIGTERM ends the command as Ctrl-C does
    if odd := [word for word in sys.argv if not is_text(word)]:
        return _said(f"an argument is not valid UTF-8: {odd[0]}", 2)
    app()
    return 0


def _has_a_working_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _leave_at_once(*_: Any) -> None:
    os._exit(130)


def _open_streams() -> None:
    """Give the streams that were closed a place to go, or the next files to be opened would be taken for them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            if (opened := os.open(os.devnull, os.O_RDWR)) != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters than a text has


def _ended(error: BaseException) -> int:
    """What is said of an error, and the exit code. One that nobody foresaw keeps its traceback."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    chain = list(_chain(error))
    if any(isinstance(cause, BrokenPipeError) for cause in chain):  # Typer and rich make an exit of it
        return 141
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if any(map(_is_lack_of_memory, chain)):
        for cause in chain:
            cause.__traceback__ = None  # lets go of what its frames hold: there may be no room for a word
        return _said_without_memory()
    from resnet_limits.errors import RequestError, ReslimError

    if isinstance(error, ReslimError):
        return _said(str(error), 2 if isinstance(error, RequestError) else 1)
    if isinstance(error, OSError):
        return _said(_in_words(error), 2)
    raise error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_lack_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    is_loading = isinstance(error, (ImportError, OSError, RuntimeError, SystemError))
    return is_loading and any(words in str(error) for words in OUT_OF_MEMORY)


def _said_without_memory() -> int:
    with suppress(OSError, ImportError, MemoryError):
        limit = ""
        with suppress(ImportError, MemoryError):
            import resource

            soft, _ = resource.getrlimit(resource.RLIMIT_AS)
            limit = "" if soft == resource.RLIM_INFINITY else f" under the limit of {soft / 1e9:.2g} GB (ulimit -v)"
        print(f"reslim: out of memory{limit}; raise the limit, or end other programs", file=sys.stderr)
    return 1


def _in_words(error: OSError) -> str:
    """Most likely a disk that is full, or not to be written to."""
    from pathlib import Path

    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else None
    if path is None:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
        return f"{'stdout, or a file, cannot be written: ' if is_full else ''}{error.strerror or error}"
    place = path.parent if path.name.startswith(".") else path  # a file that was still to get its name
    return f"{place}: {error.strerror}; make room there, or choose another folder: outputs=..., or --out of report"


def _said(message: str, code: int) -> int:
    """The code, once the message is on stderr; where that cannot be written to, the code alone."""
    from .printable import brief

    with suppress(OSError):
        print("reslim:", brief(message), file=sys.stderr)
    return code


def _flushed(code: int) -> int:
    """The code, with everything written; what cannot be is thrown away, so that Python's own end is quiet."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = code or 141
    except OSError as error:
        code = code or _said(f"stdout cannot be written: {error.strerror or error}", 2)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code
