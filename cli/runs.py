"""`reslim runs`: which runs there are, how far they are, and the command that continues them."""

from __future__ import annotations

import io
import shlex
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rich.errors import MarkupError
from rich.markup import escape
from rich.text import Text

from resnet_limits.claims.words import VERDICTS, duration
from resnet_limits.errors import RunFolderError, SettingError
from resnet_limits.report.current import Current, current
from resnet_limits.runs import scheduler
from resnet_limits.runs.enclosed import first_odd
from resnet_limits.runs.folder import JobsInFolder, Run, outputs_root
from resnet_limits.runs.planned import PLAN_FILE, MissingFiles, OtherSchema, depth_of
from resnet_limits.runs.status import Status
from resnet_limits.settings.registry import STUDIES

from .columns import Column, Columns
from .display import Terminal, coloured, print_json, show_summary
from .printable import continuing, say

LONGEST = 300
"""Signs of what was asked that are shown in the list; a run by itself, and --json, show all."""


def runs(name: str | None, *, study: str | None = None, json_out: bool) -> None:
    """List the runs, all or those of a study, or show one."""
    root = outputs_root(None)
    if name is not None and name.startswith("outputs="):
        folder = shlex.quote(name.removeprefix("outputs="))
        raise SettingError(f"'{name}' is no run; RESLIM_OUTPUTS={folder} reslim runs lists those of another folder")
    if name is not None and name in STUDIES and study in (None, name):
        name, study = None, name
    if name is not None:
        if study is not None:
            raise SettingError(f"--study {study}: it is for the list of runs; leave it out to show the run {name}")
        _show(Run.named(root, name), json_out)
        _say_silence()
        return
    every = Run.all(root)
    if study is not None and study not in {*STUDIES, *(run.path.parent.name for run in every)}:
        raise SettingError(f"unknown study {STUDIES.unknown(study)}")
    of_study = [run for run in every if study in (None, run.path.parent.name)]
    documents = [_document(run, quick=True)[0] for run in of_study]
    _say_silence()
    if json_out:
        print_json(documents)
        return
    console = Terminal()
    if not documents:
        of = f" of study {study}" if study else ""
        console.print(f"no runs{of} under {escape(str(root))}; reslim train makes one", highlight=False, soft_wrap=True)
        return
    table = Columns(Column("run"), Column("state"), Column("asked, when, and what came out", wraps=True))
    for document in documents:
        table.row(document["id"], coloured(document["state"]), _in_words(document))
    console.print(table)
    for document in documents:
        if document["continue"]:  # below the table: a folded command cannot be copied
            console.print(f"continue with: {document['continue']}", markup=False, highlight=False, soft_wrap=True)
    for document in documents:
        for remark in document["remarks"]:
            console.print(Text.assemble((document["id"], "bold"), f": {remark}"), soft_wrap=True)


def _in_words(document: Mapping[str, Any], longest: int = LONGEST) -> Text:
    """`study ode  depth=4,8 width=4`, `30 Nov 16:36, 11 s of jobs at depths 4, 8`, `1 supported`, a line each."""
    asked = "; then ".join(" ".join(sweep) or "the defaults" for sweep in document["overrides"])
    if len(asked) > longest:
        asked = f"{asked[:longest].rpartition(' ')[0]} ..."
    if not any(line.startswith("study=") for sweep in document["overrides"] for line in sweep):
        asked = f"study {document['study']}: {asked}" if asked else f"study {document['study']}"
    depths = ", ".join(str(d) for d in document["depths"])
    when = [
        time.strftime("%d %b %H:%M", time.localtime(document["started"])) if document["started"] else "",
        f"{duration(document['seconds'])} of jobs" if document["seconds"] else "",
        f"depth{'s' if len(document['depths']) > 1 else ''} {depths}" if depths else "",
    ]
    order = [*VERDICTS, *document["verdicts"]]
    verdicts = [f"{document['verdicts'][name]} {name}" for name in dict.fromkeys(order) if name in document["verdicts"]]
    return Text("\n".join(line for line in (asked, ", ".join(filter(None, when)), ", ".join(verdicts)) if line))


def _say_silence() -> None:
    if silence := scheduler.silence():
        say(f"SLURM does not answer ({silence}): what it held is shown as running")


def _document(run: Run, *, quick: bool = False) -> tuple[dict[str, Any], dict[str, Status], dict[str, Any] | None]:
    """What is said of a run, its jobs, and its summary; `quick` reads no results again that nobody touched."""
    try:
        seen = run.glance() if quick else run.look(verify=True)
    except RunFolderError as error:
        return *_damaged(run, error), None
    current_summary, wrong = _current(run, seen), run.remarks()
    # Nothing is finished where something is missing or damaged, even if it is there for people alone.
    state = (
        "damaged"
        if current_summary.state == "finished" and (current_summary.summary is None or wrong)
        else current_summary.state
    )
    claims = current_summary.summary["claims"] if current_summary.summary else []
    unplanned = [f"jobs/{name} was not planned and does not count" for name in seen.strays]
    document = {
        "id": run.id,
        "run": str(run.path),
        "study": run.study,
        "state": state,
        "overrides": run.sweeps(),
        "started": run.started,
        "seconds": round(sum(status.seconds or 0.0 for status in seen.statuses.values()), 3),
        "depths": sorted({depth_of(name) for name in seen.statuses}),
        "jobs": {name: status.state for name, status in seen.statuses.items()},
        "verdicts": dict(Counter(claim["verdict"] for claim in claims)),
        # Of a run whose client is gone, and whose jobs go on in a scheduler, it waits for them and collects.
        "continue": None if state == "finished" or run.is_launching() else continuing(run.path),
        "remarks": [*current_summary.remarks, *wrong, *unplanned],
    }
    return document, seen.statuses, current_summary.summary


def _damaged(run: Run, error: RunFolderError) -> tuple[dict[str, Any], dict[str, Status]]:
    """A run whose plan cannot be relied on: what is left of its jobs, and why."""
    jobs = run.remains()
    if unknown := isinstance(error, (OtherSchema, MissingFiles)):
        jobs = []
    elif not run.path.is_dir() or not (jobs or (run.path / "jobs").is_dir() or (run.path / PLAN_FILE).exists()):
        raise error  # no run at all
    document = {
        "id": run.id,
        "run": str(run.path),
        "study": jobs[0].settings.study if jobs else run.path.parent.name,
        "state": "unknown" if unknown else "damaged",
        "overrides": [],
        "started": run.started,
        "seconds": round(sum(job.status.seconds or 0.0 for job in jobs), 3),
        "depths": sorted({job.settings.depth for job in jobs}),
        "jobs": {job.name: job.status.state for job in jobs},
        "verdicts": {},
        "continue": None,
        "remarks": [str(error)],
    }
    return document, {job.name: job.status for job in jobs}


def _current(run: Run, seen: JobsInFolder) -> Current:
    """The run as it is now; without a summary where there is none that can be shown."""
    shown = current(run, seen)
    try:
        show_summary(shown.summary or {"claims": [], "table": []}, Terminal(file=io.StringIO()))
        for claim in shown.summary["claims"] if shown.summary else []:
            claim["verdict"] = str(claim["verdict"])
    except (KeyError, TypeError, ValueError, AttributeError, MarkupError):
        return replace(shown, summary=None, remarks=[*shown.remarks, "summary.json cannot be shown"])
    return shown


def _show(run: Run, json_out: bool) -> None:
    document, statuses, summary = _document(run)
    if odd := first_odd(run.path):
        say(odd)
    if json_out:
        print_json({**document, "summary": summary})
        return
    console = Terminal()
    title = f"[bold]{escape(run.id)}[/bold], study {escape(document['study'])},"
    console.print(title, coloured(document["state"]), end="\n", highlight=False)
    console.words(_in_words(document, longest=10**6))
    right = ("depth", "seconds")
    titles = ("depth", "job", "state", "seconds", "message")
    table = Columns(*(Column(title, wraps=title == "message", right=title in right) for title in titles))
    for name, status in statuses.items():
        seconds = "" if status.seconds is None else f"{status.seconds:.1f}"
        table.row(str(depth_of(name)), name, coloured(status.state), seconds, status.message)
    console.print(table)
    if summary:
        console.print()
        show_summary(summary, console)
        console.print()
    for remark in document["remarks"]:
        console.print(Text.assemble(("remark", "yellow"), f": {remark}"), soft_wrap=True)
    console.print(f"run: {run.path}", highlight=False, markup=False, soft_wrap=True)
    if document["continue"]:
        console.print(f"continue with: {document['continue']}", highlight=False, markup=False, soft_wrap=True)
