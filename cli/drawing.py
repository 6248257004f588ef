"""Progress of figures on stderr: a bar on a terminal, a line elsewhere where there are many."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from .printable import say

MANY = 20
"""Figures that take some seconds to draw."""


@contextlib.contextmanager
def drawing() -> Iterator[Callable[[int, int], None]]:
    """A function that is told how many figures are drawn, and how many there are to draw."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("drawing figures"), BarColumn(bar_width=20), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None, visible=False)

        def report(drawn: int, of: int) -> None:
            if not console.is_terminal and drawn == 0 and of >= MANY:
                say(f"drawing {of} figures")
            progress.update(task, completed=drawn, total=of, visible=True)

        yield report
