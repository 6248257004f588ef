"""What a person sees: live progress on stderr, tables on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
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
    duration,
    expectation,
    interval,
    setting_words,
    short,
    unit,
    with_digits_of_constant,
)
from resnet_limits.printable import TERMINAL_ORDERS as TERMINAL_ORDERS
from resnet_limits.printable import printable
from resnet_limits.report.outcome import Answered, NextStep, Outcome, Reached, Reason, outcome
from resnet_limits.report.points import PointTable, by_setting, point_tables
from resnet_limits.runs.folder import Run, outputs_root
from resnet_limits.runs.job_folder import JobFolder
from resnet_limits.studies.group import ALL_DEPTHS

from .columns import Column, Columns
from .printable import continuing

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


ONE_LINE = 160
"""Columns of a terminal from which a claim stands on one line."""
SIGNS = {"supported": "✓", "refuted": "✗"}
COST = "cost: of the default sweep, all depths together, on one core"


class Terminal(Console):
    """A console on which no text, wherever it came from, gives the terminal orders."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))

    def print(self, *objects: Any, crop: bool = False, **options: Any) -> None:
        """A line that is longer than the terminal goes on in its next line, and is not cut."""
        super().print(*objects, crop=crop, **options)

    def parts(self, *tables: Columns) -> None:
        """Tables with a blank line between them; those of no row are left out."""
        for i, table in enumerate([table for table in tables if table.rows]):
            self.print(*[""] if i else [], table, sep="\n")

    def words(self, *texts: str | Text) -> None:
        """Each text from a line of its own on, in which no word is broken."""
        table = Columns(Column(wraps=True))
        for text in texts:
            table.row(text)
        self.print(table)


def coloured(word: str) -> Text:
    return Text(word, style=COLOURS.get(word, ""))


def sign(verdict: str) -> Text:
    """`✓` of what is supported, `✗` of what is refuted, `?` of all else."""
    return Text(SIGNS.get(verdict, "?"), style=COLOURS.get(verdict, "yellow"))


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


def show_summary(summary: Mapping[str, Any], console: Terminal, *, table: bool = False) -> None:
    """The headline, the groups with their questions, what is not supported with each reason once, what trained networks
    reached, and the claims with their words; on request the values by depth and other coordinates."""
    said = outcome(summary)
    console.print(Text(said.headline, style="bold"))
    parts = list(by_setting(summary))
    tables = [_groups_table(said.groups), _reasons_table(said, len(parts)), *_reached_tables(said, console.width)]
    for setting, claims, rows in parts:
        label = setting_words(setting)
        if table:
            tables += [_point_table(points, label, console.width) for points in point_tables(claims, rows)]
        tables.append(_claims_table(claims, label, console.width))
    console.print()
    console.parts(*tables)


def show_places(folder: Path, step: NextStep, run: Run, console: Terminal) -> None:
    """Where the report and the figures are, and a good next command for a run, with why. None is wrapped: they are to
    be copied."""
    console.print()
    next_words = Text.assemble(command_of(step, run), (f"   # {step.why}", "dim"))
    for label, words in (("report", folder / "report.html"), ("figures", folder / "figures"), ("next", next_words)):
        words = words if isinstance(words, Text) else Text(str(words))
        console.print(Text.assemble((f"{label:<9}", "bold"), words), soft_wrap=True)


def command_of(step: NextStep, run: Run) -> str:
    """The command that takes a step: with `latest` for the last run where runs are looked for."""
    if not step.resume:
        return " ".join(filter(None, ("reslim studies", step.claim)))
    latest = Run.all(outputs_root(None))[-1:] == [run]
    return " ".join(filter(None, (continuing(None if latest else run.path), step.override)))


def _groups_table(groups: Sequence[Answered]) -> Columns:
    """The question of each group, and how many of its claims are supported."""
    table = Columns(Column(), Column("supported"), Column("question", wraps=True))
    for group in groups:
        counts = group.verdicts
        worst = next((v for v in ("refuted", "inconclusive") if counts[v]), "supported")
        table.row(sign(worst), f"{counts['supported']} of {counts.total()}", group.title)
    return table


def _reasons_table(said: Outcome, settings: int) -> Columns:
    table = Columns(Column(), Column(wraps=True), title="Not supported")
    for reason in said.reasons:
        cell = Text.assemble(reason.why, "\n", (_claims_of(reason, settings), "dim"))
        table.row(coloured(reason.verdict), cell)
    for note in said.notes:
        table.row(Text("note", style="yellow"), note)
    if not said.reasons:
        table.title = ""
    return table


def _claims_of(reason: Reason, settings: int) -> str:
    """The claims that a reason holds for: by setting, where it does not hold for the same ones at all of several."""
    by_label: dict[str, list[str]] = {}
    for claim in reason.claims:
        by_label.setdefault(setting_words(claim["setting"]), []).append(claim["id"])
    each = {label: _counted(ids) for label, ids in by_label.items()}
    if len(each) == settings and len(set(each.values())) == 1:
        return next(iter(each.values())) + (" (at all settings)" if settings > 1 else "")
    return "\n".join(f"{label}: {ids}" for label, ids in each.items())


def _counted(ids: Sequence[str]) -> str:
    """The ids, and how many they are where one would have to count."""
    return (f"{len(ids)} claims: " if len(ids) > 3 else "") + ", ".join(ids)


def _reached_tables(said: Outcome, width: int) -> list[Columns]:
    """What trained networks reached, a table a coordinate."""
    tables = []
    for name, depth in dict.fromkeys((reached.along.name, reached.depth) for reached in said.reached):
        rows = [reached for reached in said.reached if (reached.along.name, reached.depth) == (name, depth)]
        tables.append(_reached_table(rows, width))
    return tables


def _reached_table(rows: Sequence[Reached], width: int) -> Columns:
    along, depth = rows[0].along, rows[0].depth
    labels = [_label(row, rows) for row in rows]
    places = sorted({place for row in rows for place in row.points})
    shown = places[-max(4, (width - max(map(len, labels))) // 10) :]
    where = "" if depth is None else f" at L={depth}"
    columns = [Column(along.at(place), right=True) for place in shown]
    table = Columns(
        Column(f"trained networks{where}", wraps=True), *columns, caption=_last(along.last, along.plural, shown, places)
    )
    for row, label in zip(rows, labels, strict=True):
        table.row(label, *[f"{row.points[p][0]:.3f}" if p in row.points else "" for p in shown])
    return table


def _label(row: Reached, rows: Sequence[Reached]) -> str:
    """`test accuracy, init=tied`: with the keys in which the rows differ."""
    keys = {**row.where, **row.setting}
    differ = {
        key: value for key, value in keys.items() if any({**r.where, **r.setting}.get(key) != value for r in rows)
    }
    return ", ".join(filter(None, (row.words, setting_words(differ))))


def _last(last: str, plural: str, shown: Sequence[float], places: Sequence[float]) -> str:
    """That there are more columns than the terminal has room for; empty where not."""
    if len(shown) == len(places):
        return ""
    return f"the {last} {len(shown)} of {len(places)} {plural}; all stand in records.csv"


def _point_table(points: PointTable, label: str, width: int) -> Columns:
    along = points.along
    shown = points.places[-max(4, (width - 28) // 10) :]
    columns = [Column(along.at(place), right=True) for place in shown]
    caption = _last(along.last, along.plural, shown, points.places)
    table = Columns(Column("claim", wraps=True), *columns, title=f"By {along.name} {label}".rstrip(), caption=caption)
    for claim, cells in points.rows:
        is_order = claim["expected"]["what"] in ORDER_RULES
        number = short if is_order else with_digits_of_constant
        table.row(claim["id"], *[number(cells.get(place, {}).get("value")) for place in shown])
        if is_order and claim["expected"]["value"] is not None:
            scaled = [with_digits_of_constant(cells.get(place, {}).get("scaled")) for place in shown]
            table.row(f"  times {along.power(claim['expected']['value'])}", *scaled, style="dim")
        if any(row["reference_error"] is not None for row in cells.values()):
            errors = [short(cells.get(place, {}).get("reference_error")) for place in shown]
            table.row("  error of the reference", *errors, style="dim")
    return table


def _claims_table(claims: Sequence[Mapping[str, Any]], label: str, width: int) -> Columns:
    """A claim a line where the terminal is wide: with its expectation where that has room. Else its words below its id,
    and what was expected below what was measured."""
    if width < ONE_LINE:
        table = Columns(Column(), Column(f"claim {label}".rstrip(), wraps=True), Column("measured, 95 %", right=True))
        for claim in claims:
            words = Text.assemble((claim["id"], "bold"), "\n", claim.get("statement", ""))
            numbers = Text.assemble(_measured(claim), "\n", (_expected(claim).replace("  ", "\n"), "dim"))
            table.row(sign(claim["verdict"]), words, numbers)
        return table
    columns = [Column(), Column(f"claim {label}".rstrip()), Column("statement", wraps=True), Column("measured, 95 %")]
    table = Columns(*columns, Column("expected"))
    for with_expected in (True, False):
        table = Columns(*columns, *([Column("expected")] if with_expected else []))
        for claim in claims:
            expected = [_expected(claim)] if with_expected else []
            table.row(sign(claim["verdict"]), claim["id"], claim.get("statement", ""), _measured(claim), *expected)
        if table.width <= width:
            break
    return table


def _measured(claim: Mapping[str, Any]) -> str:
    return "" if claim["measured"] is None else interval(claim["measured"])


def _expected(claim: Mapping[str, Any]) -> str:
    """`order 2 ± 0.1`, `1 ± 0.05  relative`."""
    return "  ".join(filter(None, (expectation(claim["expected"]), unit(claim["expected"]))))


def asked_table(study: Study, claims: Collection[str]) -> Columns:
    """The groups that these claims ask for: question, number of claims, depths where they are bounded, and cost."""
    groups = [(group, [claim for claim in group.claims if claim.id in claims]) for group in study.groups]
    columns = Column("group"), Column("question", wraps=True), Column("claims", right=True), Column("cost", right=True)
    table = Columns(*columns, caption=COST)
    for group, claims_of_group in groups:
        bounds = [] if group.depths == ALL_DEPTHS else [str(group.depths)]
        bounds += ["by name alone"] if group.by_name else []
        bound = f" ({', '.join(bounds)})" if bounds else ""
        if claims_of_group:
            table.row(group.name, group.title + bound, str(len(claims_of_group)), duration(group.seconds))
    return table
