"""Text that came from files or arguments, as a terminal may show it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys and does not show: control characters, and those that turn the direction of writing."""
LONGEST = 2000


def printable(text: str) -> str:
    """The text with `\\x1b` in place of an escape character, and so on; line breaks and tabs stay."""
    return ORDERS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def quoted(path: Path) -> str:
    """A path as a shell takes it, whatever signs are in it."""
    return printable(shlex.quote(str(path)))


def brief(message: str) -> str:
    """A message for the terminal; of one that quotes something endless, beginning and end."""
    text = printable(message)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 4 :]}"
