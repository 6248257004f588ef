"""Text in columns, in which no word is broken.

A column that wraps does so at spaces; a word that is longer than its column, at the dots of an id, and behind the
slashes of a path and the commas of a list. One that does not wrap, of numbers and verdicts, is as wide as its longest
cell. Where the terminal is narrower than all that needs, lines are longer than it: nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

INSIDE = re.compile(r"(?<=[a-z_]\.)(?=[a-z_*])|(?<=[/,])(?=[^\s/,])")
"""Where a word may be broken that is longer than its column."""
WORD = re.compile(r"\[[^\s\[\],]+, [^\s\[\],]+\]\S*|\S+")
"""A word; an interval is one, with the space that it has inside."""
GAP = 2

Cell = str | Text


@dataclass(frozen=True)
class Column:
    """A column: its title, whether its cells may take several lines, and whether they stand on the right."""

    title: str = ""
    wraps: bool = False
    right: bool = False


class Columns:
    """A table without a frame: a title, rows, and a caption, which take as many lines as they need.

    >>> table = Columns(Column("claim", wraps=True), Column("verdict"))
    >>> table.row("flow.images.refinement.accuracy", "supported")
    >>> [(cells[0].plain, cells[1].plain) for cells, _ in table.rows], table.width
    ([('flow.images.refinement.accuracy', 'supported')], 42)
    """

    def __init__(self, *columns: Column, title: Cell = "", caption: str = "") -> None:
        self.columns, self.title, self.caption = columns, title, caption
        self.rows: list[tuple[list[Text], str]] = []

    def row(self, *cells: Cell, style: str = "") -> None:
        """One row; a cell may have several lines of its own."""
        texts = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
        self.rows.append(([*texts, *[Text()] * (len(self.columns) - len(texts))], style))

    @property
    def width(self) -> int:
        """Columns of a terminal in which nothing is wrapped."""
        return sum(self._widest()) + GAP * (len(self.columns) - 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths(options.max_width)
        if self.title:
            yield from _printed(wrapped(Text.assemble(self.title, style="bold"), options.max_width))
        if any(column.title for column in self.columns):
            yield from self._lines([Text(column.title, style="bold") for column in self.columns], widths, "")
        for cells, style in self.rows:
            yield from self._lines(cells, widths, style)
        if self.caption:
            yield from _printed(wrapped(Text(self.caption, style="dim"), options.max_width))

    def _lines(self, cells: Sequence[Text], widths: Sequence[int], style: str) -> Iterable[Text]:
        parts = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
        for i in range(max(len(lines) for lines in parts)):
            line = Text(style=style)
            for column, lines, width in zip(self.columns, parts, widths, strict=True):
                text = lines[i] if i < len(lines) else Text()
                space = " " * (width - cell_len(text.plain))
                line.append_text(Text.assemble(space, text) if column.right else Text.assemble(text, space))
                line.append(" " * GAP)
            line.rstrip()
            yield from _printed([line])

    def _widths(self, width: int) -> list[int]:
        """As wide as the longest cell where there is room; else columns that wrap share what is left, narrow ones
        first, and none is narrower than its longest word."""
        most = self._widest()
        cells = [[row[i].plain for row, _ in self.rows] + [c.title] for i, c in enumerate(self.columns)]
        least = [
            max((cell_len(piece) for cell in of for piece in _pieces(cell)), default=0) if column.wraps else widest
            for column, of, widest in zip(self.columns, cells, most, strict=True)
        ]
        left = width - GAP * (len(most) - 1)
        share = max(least, default=0)
        while sum(given := _shared(least, most, share)) < left and share < max(most, default=0):
            share += 1
        while sum(given) > left and share > 0:
            share -= 1
            given = _shared(least, most, share)
        return given

    def _widest(self) -> list[int]:
        rows = [[Text(column.title) for column in self.columns], *(row for row, _ in self.rows)]
        return [max(cell_len(line) for row in rows for line in row[i].plain.split("\n")) for i in range(len(rows[0]))]


def _shared(least: Sequence[int], most: Sequence[int], share: int) -> list[int]:
    return [min(high, max(low, share)) for low, high in zip(least, most, strict=True)]


def _pieces(text: str) -> list[str]:
    return [piece for word in WORD.findall(text) for piece in INSIDE.split(word)]


def wrapped(text: Text, width: int) -> list[Text]:
    """The lines of a text in a column of this width: as few as there can be, and then of about the same length."""
    lines: list[Text] = []
    for paragraph in text.split("\n", allow_blank=True):
        cuts = _cuts(paragraph.plain, width)
        narrower = width
        while (
            len(cuts) > 1 and narrower > width // 2 and len(fewer := _cuts(paragraph.plain, narrower - 1)) == len(cuts)
        ):
            cuts, narrower = fewer, narrower - 1
        lines += [paragraph[start:end] for start, end in cuts]
    return lines


def _cuts(plain: str, width: int) -> list[tuple[int, int]]:
    """Beginnings and ends of the lines."""
    indent = len(plain) - len(plain.lstrip(" "))
    start, end, lines = 0, indent, []
    for word in WORD.finditer(plain):
        if cell_len(plain[start : word.end()]) <= width:
            end = word.end()
            continue
        if end > start + (indent if not lines else 0):
            lines.append((start, end))
            start = word.start()
        for place in (*(word.start() + match.start() for match in INSIDE.finditer(word[0])), word.end()):
            if cell_len(plain[start:place]) > width and end > start:
                lines.append((start, end))
                start = end
            end = place
    return [*lines, (start, end)]


def _printed(lines: Iterable[Text]) -> Iterable[Text]:
    """Lines that rich does not wrap anew."""
    for line in lines:
        line.no_wrap, line.overflow = True, "ignore"
        yield line
