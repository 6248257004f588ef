"""Messages and paths on the terminal."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from resnet_limits import own
from resnet_limits.printable import printable

LONGEST = 2000


def say(message: str) -> None:
    """A remark on stderr, beside the answer."""
    print(f"reslim: {printable(message)}", file=sys.stderr)


def quoted(path: Path) -> str:
    """A path as a shell takes it, whatever signs are in it."""
    return printable(shlex.quote(str(path)))


def continuing(run: Path | None) -> str:
    """The command that continues a run (None: the last one), with the files of a user's own that were named."""
    files = "".join(f" --with {quoted(Path(file.path))}" for file in own.files())
    return f"reslim train --resume {'latest' if run is None else quoted(run)}{files}"


def brief(message: str) -> str:
    """A message for the terminal; of one that quotes something endless, beginning and end."""
    text = printable(message)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 4 :]}"
