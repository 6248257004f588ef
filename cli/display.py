"""What a person sees: live progress on stderr, tables on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from resnet_limits.claims.claim import ORDER_RULES
from resnet_limits.claims.words import (
    VERDICTS,
    counted,
    duration,
    expectation,
    interval,
    setting_words,
    short,
    unit,
    with_digits_of_constant,
    words_of_pins,
)
from resnet_limits.printable import TERMINAL_ORDERS as TERMINAL_ORDERS
from resnet_limits.printable import printable
from resnet_limits.report.points import PointTable, by_setting, point_tables
from resnet_limits.runs.job_folder import JobFolder
from resnet_limits.studies.group import ALL_DEPTHS

if TYPE_CHECKING:
    from resnet_limits.studies.study import Study

COLOURS = {
    **{
        "finished": "green",
        "running": "cyan",
        "queued": "dim",
        "failed": "red",
        "lost": "red",
        "interrupted": "yellow",
    },
    **{"supported": "green", "refuted": "bold red", "inconclusive": "yellow"},
}


WITH_PINS = 120
"""Columns of a terminal from which the table of claims has units and what each pins."""
COST = "cost: of the default sweep, all depths together, on one core"


class Terminal(Console):
    """A console on which no text, wherever it came from, gives the terminal orders."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def coloured(word: str) -> Text:
    return Text(word, style=COLOURS.get(word, ""))


def print_json(document: Any) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(TERMINAL_ORDERS.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


class Watch:
    """Shows the jobs of a run while they run: a live table on a terminal, a line for each change elsewhere."""

    def __init__(self, *, live: bool = True) -> None:
        self.console = Terminal(stderr=True)
        self._seen: dict[str, str] = {}
        self._start = time.monotonic()
        self._begun: dict[str, tuple[float, float]] = {}
        live = live and self.console.is_terminal
        self._live = Live(console=self.console, refresh_per_second=4, transient=True) if live else None

    def __enter__(self) -> Watch:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, jobs: Sequence[JobFolder]) -> None:
        """Show the state of the jobs; a job that has just failed is shown with the last lines of its log."""
        for job in jobs:
            state = job.status.state
            if self._seen.get(job.name, "queued") != state:
                self._say(job)
            self._seen[job.name] = state
        if self._live:
            self._live.update(self._table(jobs))

    def _say(self, job: JobFolder) -> None:
        state, status = job.status.state, job.status
        if state in ("failed", "lost"):
            self.console.print(f"[red]{job.name} {state}[/red]: {escape(status.message)}", highlight=False)
            for line in job.last_log_lines():
                self.console.print(f"  {escape(line)}", highlight=False, style="dim")
        elif not self._live:
            seconds = f" in {status.seconds:.1f} s" if status.seconds is not None else ""
            self.console.print(f"{job.name} {state}{seconds}", highlight=False)

    def _table(self, jobs: Sequence[JobFolder]) -> Table:
        done = sum(job.status.state == "finished" for job in jobs)
        elapsed = time.monotonic() - self._start
        table = Table(title=f"{done} of {len(jobs)} jobs, {elapsed:.0f} s", title_justify="left", box=None)
        for column in ("depth", "job", "state", "progress", "left", ""):
            table.add_column(column, justify="right" if column in ("depth", "left") else "left")
        shown = [job for job in jobs if job.status.state != "finished"][:20] if len(jobs) > 20 else jobs
        for job in shown:
            bar = ProgressBar(total=1.0, completed=job.status.progress, width=20)
            name = job.name.split("-", 1)[-1]
            state, message = coloured(job.status.state), escape(job.status.message)
            table.add_row(str(job.settings.depth), name, state, bar, self._left(job), message)
        return table

    def _left(self, job: JobFolder) -> str:
        """Time left of a running job, from its progress since it was first seen running; empty where none is known."""
        if job.status.state != "running":
            return ""
        now, progress = time.monotonic(), job.status.progress
        start, first = self._begun.setdefault(job.name, (now, progress))
        if progress <= first or now - start < 2:
            return ""
        seconds = (now - start) * (1 - progress) / (progress - first)
        return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def show_summary(summary: Mapping[str, Any], console: Console) -> None:
    """What came out of each group, the tables of depths and other coordinates, what is not supported and why, and all
    claims."""
    for setting, claims, rows in by_setting(summary):
        label = setting_words(setting)
        if summary.get("groups"):  # an earlier version knew of none
            console.print(_verdicts_table(summary["groups"], claims, label))
            console.print()
        for points in point_tables(claims, rows):
            console.print(_point_table(points, label, console.width), end="\n\n")
        for claim in claims:
            if claim["verdict"] != "supported":
                line = Text.assemble((claim["id"], "bold"), " ", coloured(claim["verdict"]), f": {claim['why']}")
                console.print(line)
        for note in dict.fromkeys(claim["note"] for claim in claims if claim.get("note")):
            console.print(Text.assemble(("note", "yellow"), f": {note}"))
        console.print()
        console.print(_claims_table(claims, label, console.width))


def _point_table(points: PointTable, label: str, width: int) -> Table:
    along, shown = points.along, points.places[-max(4, (width - 28) // 8) :]
    of = f"the {along.last} {len(shown)} of {len(points.places)} {along.plural}; all stand in records.csv"
    table = plain_table(f"By {along.name} {label}", of if shown != points.places else None)
    table.add_column("claim", overflow="fold")
    for place in shown:
        table.add_column(along.at(place), justify="right", no_wrap=True)
    for claim, cells in points.rows:
        is_order = claim["expected"]["what"] in ORDER_RULES
        number = short if is_order else with_digits_of_constant
        table.add_row(escape(claim["id"]), *[number(cells.get(place, {}).get("value")) for place in shown])
        if is_order and claim["expected"]["value"] is not None:
            scaled = [with_digits_of_constant(cells.get(place, {}).get("scaled")) for place in shown]
            table.add_row(f"  times {escape(along.power(claim['expected']['value']))}", *scaled, style="dim")
        if any(row["reference_error"] is not None for row in cells.values()):
            errors = [short(cells.get(place, {}).get("reference_error")) for place in shown]
            table.add_row("  error of the reference", *errors, style="dim")
    return table


def _verdicts_table(groups: Sequence[Mapping[str, Any]], claims: Sequence[Mapping[str, Any]], label: str) -> Table:
    """The question of each group, and the verdicts on its claims."""
    given_verdicts = [str(claim["verdict"]) for claim in claims]
    verdicts = [verdict for verdict in VERDICTS if verdict in given_verdicts]
    table = plain_table(f"{counted(given_verdicts)} {label}", None)
    add_columns(table, "question", "claims", *verdicts)
    for group in groups:
        counts = Counter(str(claim["verdict"]) for claim in claims if claim.get("group") == group["name"])
        cells = [Text(str(counts[verdict] or ""), style=COLOURS[verdict]) for verdict in verdicts]
        if counts:
            table.add_row(escape(group["title"]), str(counts.total()), *cells)
    return table


def _claims_table(claims: Sequence[Mapping[str, Any]], label: str, width: int) -> Table:
    """With the unit of each expectation, and what each claim pins, where that has room."""
    table = plain_table(f"Claims {label}", None)
    table.add_column("claim", overflow="fold")  # where the terminal is narrow, the name gives way
    for column in ("expected", "measured, 95 %", "verdict"):
        table.add_column(column, no_wrap=True)
    if width >= WITH_PINS:
        table.add_column("unit", no_wrap=True)
        table.add_column("pinned", overflow="fold")
    for claim in claims:
        measured = claim["measured"]
        seen = "" if measured is None else interval(measured)
        cells = [escape(claim["id"]), expectation(claim["expected"]), seen, coloured(claim["verdict"])]
        more = [unit(claim["expected"]), escape(words_of_pins(claim.get("pins", {})))] if width >= WITH_PINS else []
        table.add_row(*cells, *more)
    return table


def asked_table(study: Study, claims: Collection[str]) -> Table:
    """The groups that these claims ask for: question, number of claims, depths where they are bounded, and cost."""
    groups = [(group, [claim for claim in group.claims if claim.id in claims]) for group in study.groups]
    table = plain_table("", COST)
    add_columns(table, "group", "question", "claims", "cost")
    for group, claims_of_group in groups:
        bound = "" if group.depths == ALL_DEPTHS else f" ({group.depths})"
        if claims_of_group:
            table.add_row(group.name, group.title + bound, str(len(claims_of_group)), duration(group.seconds))
    return table


def add_columns(table: Table, *columns: str) -> None:
    """Columns of which the question gives way where the terminal is narrow, and numbers stand on the right."""
    for column in columns:
        is_number = column not in ("study", "group", "question")
        table.add_column(column, justify="right" if is_number else "left", no_wrap=column != "question")


def plain_table(title: str, caption: str | None) -> Table:
    """No frame: a table of numbers fits into 80 columns."""
    return Table(
        title=escape(title.rstrip()),
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
        header_style="bold",
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
