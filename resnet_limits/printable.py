"""Text that came from files or arguments, as a terminal, a page or a figure may show it."""

from __future__ import annotations

import re

TERMINAL_ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys and does not show: control characters, and those that turn the direction of writing."""


def printable(text: str) -> str:
    """The text with `\\x1b` in place of an escape character, and so on; line breaks and tabs stay."""
    return TERMINAL_ORDERS.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def spelt(text: str) -> str:
    """The text, and what is none in it (bytes of a file's name that are no UTF-8) as `\\udcff`: it can be written."""
    return text.encode(errors="backslashreplace").decode()
