"""Sentences in figures: broken into lines, their formulas set as mathematics; what an axis shows, in words."""

from __future__ import annotations

import re
import textwrap

from ..claims.formulas import parts
from ..printable import printable

FIRST_PLACEHOLDER = 0xE000
"""Of the private letters that stand for formulas while lines are broken, in which no formula is torn."""
LONGEST_QUANTITY = 76
"""Letters of the words of an axis; of a longer description the name of the observable stands in its place."""


def lines(sentence: str, across: int) -> list[str]:
    """The sentence in lines of at most so many letters, for matplotlib."""
    formulas: dict[str, str] = {}
    plain = ""
    for part in parts(printable(sentence)):
        if part.is_formula:
            key = chr(FIRST_PLACEHOLDER + len(formulas))
            formulas[key] = f"${part.tex}$"
            plain += key + "\u2060" * (len(re.sub(r"[\s^_{}]", "", part.text)) - 1)  # as wide as the formula is about
        else:
            plain += part.text.replace("$", r"\$")
    broken = textwrap.wrap(plain, across, break_on_hyphens=False)
    return ["".join(formulas.get(letter, letter) for letter in line if letter != "\u2060") for line in broken]


def typeset(sentence: str) -> str:
    """The sentence on one line."""
    return " ".join(lines(sentence, 10_000))


def quantity(observable: str, description: str) -> str:
    """What an axis shows: the first clause of an observable's description, as plain text, else its name in words."""
    clause = ""
    for part in parts(description):
        end = None if part.is_formula else re.search(r"[;:,] | \(", part.text)
        clause += part.text[: end.start()] if end else part.text
        if end:
            break
    return clause.strip() if 0 < len(clause) <= LONGEST_QUANTITY else observable.replace("_", " ").replace(".", ": ")
