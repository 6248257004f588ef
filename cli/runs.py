"""`reslim runs`: which runs there are, how far they are, and the command that continues them."""

from __future__ import annotations

import io
import sys
from collections import Counter
from typing import Any

from rich.console import Console
from rich.errors import MarkupError
from rich.markup import escape
from rich.table import Table

from resnet_limits.runs import scheduler
from resnet_limits.runs.enclosed import first_odd
from resnet_limits.runs.files import read_json
from resnet_limits.runs.folder import Run, outputs_root

from .display import Terminal, coloured, print_json, show_summary
from .printable import printable, quoted


def runs(name: str | None, *, json_out: bool) -> None:
    """List the runs, or show one."""
    root = outputs_root(None)
    if name is not None:
        _show(Run.find(root, name), json_out)
        _say_silence()
        return
    found = [_document(run) for run in Run.all(root)]
    _say_silence()
    if json_out:
        print_json(found)
        return
    console = Terminal()
    if not found:
        console.print(f"no runs under {escape(str(root))}; reslim train makes one", highlight=False, soft_wrap=True)
        return
    table = Table(header_style="bold")
    for column in ("run", "study", "state", "depths", "verdicts"):
        table.add_column(column, no_wrap=column in ("run", "study", "state"), overflow="fold")
    for its in found:
        depths = ", ".join(str(d) for d in its["depths"])
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in its["verdicts"].items())
        table.add_row(escape(its["id"]), escape(its["study"]), coloured(its["state"]), depths, escape(verdicts))
    console.print(table)
    for its in found:
        if its["continue"]:  # below the table: a folded command cannot be copied
            console.print(f"continue with: {its['continue']}", markup=False, highlight=False, soft_wrap=True)


def _say_silence() -> None:
    if silence := scheduler.silence():
        print(
            f"reslim: SLURM does not answer ({printable(silence)}): what it held is shown as running", file=sys.stderr
        )


def _document(run: Run) -> dict[str, Any]:
    jobs, state = run.jobs(), run.state()
    summary = _summary(run)
    claims = summary["claims"] if summary else []
    return {
        "id": run.id,
        "run": str(run.path),
        "study": run.study,
        "state": state,
        "depths": sorted({job.settings.depth for job in jobs}),
        "jobs": {job.name: job.status.state for job in jobs},
        "verdicts": dict(Counter(claim["verdict"] for claim in claims)),
        # Of a run whose client is gone, and whose jobs go on in a scheduler, it waits for them and collects.
        "continue": None if state == "finished" or run.is_launching() else f"reslim train --resume {quoted(run.path)}",
    }


def _summary(run: Run) -> dict[str, Any] | None:
    """What the last collection wrote; None where there is nothing, or nothing that can be shown."""
    summary = read_json(run.path / "summary.json")
    try:
        show_summary(summary, Console(file=io.StringIO()))
        return {**summary, "claims": [{**claim, "verdict": str(claim["verdict"])} for claim in summary["claims"]]}
    except (KeyError, TypeError, ValueError, AttributeError, MarkupError):
        return None


def _show(run: Run, json_out: bool) -> None:
    document = _document(run)
    summary = _summary(run)
    if odd := first_odd(run.path):
        print(f"reslim: {printable(odd)}", file=sys.stderr)
    if json_out:
        print_json({**document, "summary": summary})
        return
    console = Terminal()
    title = f"[bold]{escape(run.id)}[/bold], study {escape(run.study)}, "
    console.print(title, coloured(document["state"]), end="\n", highlight=False)
    table = Table(header_style="bold")
    for column in ("depth", "job", "state", "seconds", "message"):
        table.add_column(column)
    for job in run.jobs():
        status = job.status
        seconds = "" if status.seconds is None else f"{status.seconds:.1f}"
        table.add_row(str(job.settings.depth), job.name, coloured(status.state), seconds, escape(status.message))
    console.print(table)
    if summary:
        show_summary(summary, console)
    console.print(f"run: {run.path}", highlight=False, markup=False, soft_wrap=True)
    if document["continue"]:
        console.print(f"continue with: {document['continue']}", highlight=False, markup=False, soft_wrap=True)
