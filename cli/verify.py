"""`reslim verify`: every claim of every study at a preset size, one scoreboard, one exit code.

The jobs of a study run in one process, one after another; several studies run side by side, as many as there are cores.
Each run has a folder like any other.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from rich.text import Text

from resnet_limits.claims.words import VERDICTS
from resnet_limits.cores import cores
from resnet_limits.errors import OutputError, SettingError
from resnet_limits.runs.folder import Run, outputs_root
from resnet_limits.runs.job_folder import JobFolder
from resnet_limits.runs.moved import Side, compared, read_sides
from resnet_limits.settings.registry import STUDIES

from . import compare
from .columns import Column, Columns
from .display import Terminal, Watch, coloured, print_json
from .hydra_bridge import Plan, plan
from .keys import studies_of_claims
from .overrides import in_full
from .printable import continuing, say
from .train import check_data, check_devices, check_engines, check_parts, check_sinks, say_given_twice

if TYPE_CHECKING:
    from resnet_limits.report.outcome import Answered
    from resnet_limits.runs.collection import Collection

POLL = 0.25
PATIENCE = 2.0
"""Seconds that an interrupted worker is given to end by itself."""
CLAIM = re.compile(r"[\w.*-]+(?=[\],\s]|$)")
"""A name in a list of claims."""
WIDE = 94
"""Columns of a terminal from which on the verdict that must be has a column of its own."""


@dataclass
class Outcome:
    """One study verified: its run, its groups, what each claim came to, and the jobs that failed."""

    study: str
    run: Run
    groups: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    failed: dict[str, str]
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.failed and all(check["ok"] for check in self.checks)


@dataclass
class Request:
    """What was asked: studies, overrides and preset."""

    studies: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)


def verify(words: Sequence[str], *, smoke: bool, junit: str | None, against: str | None, json_out: bool) -> None:
    """Run, judge, show; exit code 1 where anything came out other than it must, or moved against what is held to."""
    request = _request(words, smoke)
    requests = [
        in_full([f"study={study}", *_overrides_of_study(request.overrides, study)]) for study in request.studies
    ]
    before = {} if against is None else _before(Path(against), request.studies)
    say_given_twice(requests[0])
    plans = [plan(overrides) for overrides in requests]  # all first: a mistake is said before anything runs
    settings = [job.settings for plan in plans for job in plan.jobs]
    if len(presets := {settings_of_job.preset for settings_of_job in settings}) > 1:
        raise SettingError(f"preset: verify judges at one preset; got {', '.join(sorted(presets))}")
    check_devices(settings)
    check_engines(settings)
    check_sinks(settings)
    check_parts(settings)
    check_data([job for plan in plans for job in plan.jobs])
    if junit is not None:
        _writable(Path(junit))
    start = time.monotonic()
    outcomes = all_verified(plans)
    seconds = time.monotonic() - start
    if junit is not None:
        _write_junit(Path(junit), outcomes)
    document = {
        "schema": 1,
        "preset": plans[0].jobs[0].settings.preset,
        "ok": all(outcome.ok for outcome in outcomes),
        "studies": [
            {
                "study": outcome.study,
                "run": str(outcome.run.path),
                "ok": outcome.ok,
                "groups": outcome.groups,
                "claims": outcome.checks,
                "failed_jobs": outcome.failed,
                "seconds": round(outcome.seconds, 3),
            }
            for outcome in outcomes
        ],
        "seconds": round(seconds, 3),
    }
    if against is not None:
        document["against"] = [
            compared(before[study["study"]], Side(study["run"], study["study"], study["claims"]))
            for study in document["studies"]
            if study["study"] in before
        ]
    print_json(document) if json_out else show(document)
    if not document["ok"] or any(study["moved"] for study in document.get("against", ())):
        raise SystemExit(1)


def _request(words: Sequence[str], smoke: bool) -> Request:
    """Words without `=` are studies, the others overrides."""
    request = Request()
    for word in words:
        if "=" in word:
            request.overrides.append(word)
        elif word not in STUDIES:
            raise SettingError(f"unknown study {STUDIES.unknown(word)}")
        elif word not in request.studies:
            request.studies.append(word)
    key = {override.split("=", 1)[0] for override in request.overrides}
    if "study" in key:
        raise SettingError("study: name the studies as words, such as reslim verify ode; none means all")
    if "figure" in key:
        raise SettingError("figure: verify judges the claims of whole studies; a figure is for train")
    if elsewhere := next((k for k in key if k in ("cluster", "hydra/launcher")), None):
        raise SettingError(f"{elsewhere}: verify runs its jobs here, one after another; train sends jobs elsewhere")
    if smoke and "preset" in key:
        raise SettingError("--smoke is preset=smoke: give one of the two")
    request.studies = request.studies or _meant(request.overrides) or list(STUDIES)
    request.overrides = (["preset=smoke"] if smoke else []) + request.overrides
    return request


def _meant(overrides: Sequence[str]) -> list[str]:
    """The studies whose claims or own keys the overrides name: `claims=sde`, `claims=[ode.forward]`, `sde.inputs=3`."""
    keys = {override.partition(".")[0] for override in overrides if "." in override.partition("=")[0]}
    named = {*keys, *studies_of_claims(overrides)}
    return [study for study in STUDIES if study in named]


def _overrides_of_study(overrides: Sequence[str], study: str) -> list[str]:
    """The overrides with, of claims of several studies, those of this one."""
    several = studies_of_claims(overrides)
    return [
        f"claims=[{','.join(name for name in CLAIM.findall(line) if name.partition('.')[0] == study)}]"
        if line.startswith("claims=") and study in several and len(several) > 1
        else line
        for line in overrides
    ]


def _before(path: Path, studies: Sequence[str]) -> dict[str, Side]:
    """What the studies are held against, by study. Raises `SettingError` where the file has none of them."""
    sides = {side.study: side for side in read_sides(path)}
    if not set(sides) & set(studies):
        raise SettingError(
            f"--against {path}: it holds claims of {', '.join(sides)}, and {', '.join(studies)} would be verified"
        )
    return sides


def all_verified(plans: Sequence[Plan]) -> list[Outcome]:
    """The outcome of each study, side by side where there are several of both studies and cores.

    Processes are forked: nothing heavy is imported here yet, and no thread runs.
    """
    threads = max(job.settings.threads for plan in plans for job in plan.jobs)
    asked = plans[0].jobs[0].settings.jobs
    side_by_side = min(len(plans), asked or cores() // threads)
    if side_by_side < 2:
        return [verified(plan, alone=True) for plan in plans]
    pool = ProcessPoolExecutor(side_by_side, mp_context=multiprocessing.get_context("fork"))
    try:
        return list(pool.map(verified, plans))
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in multiprocessing.active_children():
            worker.join(PATIENCE)
            interrupt(worker)  # a terminal interrupts all of them, `kill` only this one
        raise
    finally:
        pool.shutdown()


def interrupt(worker: BaseProcess) -> None:
    """Interrupt a worker that still runs.

    One that ended may count as alive: where a thread of the pool reaps it at this moment, nobody else can ask for it.
    """
    if worker.is_alive() and worker.pid:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGINT)


def verified(plan: Plan, *, alone: bool = False) -> Outcome:
    """Run the jobs of one study in a run folder and check its claims."""
    from resnet_limits.report.publish import write_collection
    from resnet_limits.runs.collect import collected
    from resnet_limits.runs.job import run_job
    from resnet_limits.runs.merge import merge
    from resnet_limits.runs.records import swept_keys

    start = time.monotonic()
    run = Run.create(outputs_root(plan.outputs), [job.settings for job in plan.jobs], plan.overrides, sys.argv)
    try:
        with _watched(run, live=alone):
            for job in plan.jobs:
                run_job(run.path, job.settings)
    except KeyboardInterrupt:
        say(f"interrupted; {continuing(run.path)} continues")
        raise
    merged = merge([run])
    # The keys in which the planned jobs differ: a setting whose jobs all failed is missed, not forgotten.
    collection = collected(merged, swept=swept_keys([job.settings for job in plan.jobs]))
    write_collection(run.path, merged, collection=collection, figures=False)
    run.note_jobs()
    failed = {job.name: job.status.message for job in merged.jobs if job.status.state != "finished"}
    groups = [group.document() for group in collection.study.groups]
    return Outcome(plan.study, run, groups, _checks(plan, collection), failed, time.monotonic() - start)


def _checks(plan: Plan, collection: Collection) -> list[dict[str, Any]]:
    """The scoreboard of one study, as JSON has it."""
    from resnet_limits.report.publish import claim_document
    from resnet_limits.runs.records import setting_label, setting_of
    from resnet_limits.studies.scoreboard import checks

    study, asked = collection.study, {}
    for job in plan.jobs:
        setting = setting_of(job.settings, collection.swept)
        asked[setting_label(setting)] = (setting, study.chosen(job.settings.claims))
    documents = []
    judged = [judgement for judgement, _ in collection.judged]
    for check in checks(study, plan.jobs[0].settings.preset, list(asked.values()), judged):
        seen = {} if check.judgement is None else claim_document(study, check.judgement)
        empty = dict.fromkeys(("source", "statement", "kind", "observable", "expected", "measured", "verdict"))
        group = next((name for name, ids in study.parts.items() if check.claim in ids), None)
        entry = {"id": check.claim, "setting": dict(check.setting), "group": group, **{k: seen.get(k) for k in empty}}
        documents.append({**entry, "must_be": check.must_be, "ok": check.ok, "why": check.why})
    return documents


@contextmanager
def _watched(run: Run, *, live: bool) -> Iterator[None]:
    """Show the jobs of this process while they run; line by line where others show theirs."""
    jobs: Sequence[JobFolder] = run.jobs()
    with Watch(live=live) as watch:
        stop = threading.Event()

        def follow() -> None:
            while not stop.wait(POLL):
                watch.show([job.refreshed() for job in jobs])

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            watch.show([job.refreshed() for job in jobs])


# -- what is shown and written --------------------------------------------------------------------


def show(document: dict[str, Any]) -> None:
    """The scoreboard of each study, and whether all claims came out as they must."""
    from resnet_limits.report.outcome import by_group

    console = Terminal()
    for study in document["studies"]:
        console.print(Text(f"Study {study['study']}, preset {document['preset']}", style="bold"))
        questions = _questions(by_group(study, study["claims"]))
        console.parts(questions, _scoreboard(study["claims"], console.width), _wrong(study))
        console.print(Text.assemble("\n", ("run  ", "bold"), study["run"]), end="\n\n", soft_wrap=True)
    for held in document.get("against", ()):
        compare.show(held, console)
        console.print()
    claims = [check for study in document["studies"] for check in study["claims"]]
    right = sum(check["ok"] for check in claims)
    console.print(
        Text.assemble(
            ("ok" if document["ok"] else "NOT OK", "bold green" if document["ok"] else "bold red"),
            f": {right} of {len(claims)} claims came out as they must, in {document['seconds']:.0f} s",
        )
    )


def _questions(groups: Sequence[Answered]) -> Columns:
    """The question of each group, and how many of its claims came out as they must."""
    table = Columns(Column(), Column("as they must"), Column("question", wraps=True))
    for group in groups:
        passed = [check["ok"] for check in group.claims]
        table.row(_sign(all(passed)), f"{sum(passed)} of {len(passed)}", group.title)
    return table


def _scoreboard(checks: Sequence[dict[str, Any]], width: int) -> Columns:
    """What each claim came to, and the verdict that it must have."""
    from resnet_limits.claims.words import expectation, interval, setting_words

    titles = ("expected", "measured, 95 %", "verdict", *(["must be"] if width >= WIDE else []))
    table = Columns(Column(), Column("claim", wraps=True), *(Column(title) for title in titles))
    for check in checks:
        setting = f"\n{setting_words(check['setting'])}" if check["setting"] else ""
        table.row(
            _sign(check["ok"]),
            check["id"] + setting,
            "" if check["expected"] is None else expectation(check["expected"]),
            "" if check["measured"] is None else interval(check["measured"]),
            coloured(check["verdict"] or "missing"),
            *([check["must_be"] or ""] if width >= WIDE else []),
        )
    if width < WIDE:
        by_verdict = {verdict: [c["id"] for c in checks if c["must_be"] == verdict] for verdict in VERDICTS[1:]}
        said = [f"must be {verdict} at this preset: {', '.join(ids)}" for verdict, ids in by_verdict.items() if ids]
        table.caption = "\n".join(said)
    return table


def _wrong(study: dict[str, Any]) -> Columns:
    """What came out otherwise than it must, each reason once, and the jobs that failed."""
    table = Columns(Column(), Column(wraps=True))
    ids: dict[str, list[str]] = {}
    for check in study["claims"]:
        if not check["ok"]:
            ids.setdefault(check["why"], []).append(check["id"])
    for why, claims in ids.items():
        table.row(Text("not ok", style="red"), Text.assemble(why, "\n", (", ".join(dict.fromkeys(claims)), "dim")))
    for name, message in study["failed_jobs"].items():
        table.row(Text("failed", style="red"), Text.assemble(message, "\n", (f"job {name}", "dim")))
    return table


def _sign(ok: bool) -> Text:
    return Text("✓", style="green") if ok else Text("✗", style="bold red")


def _writable(path: Path) -> None:
    """Refuse a file that cannot be written before anything runs; none is left that holds nothing."""
    new = not path.exists()
    try:
        with open(path, "ab"):
            pass
        if new:
            path.unlink()
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror}; choose another file with --junit") from None


def _write_junit(path: Path, outcomes: Sequence[Outcome]) -> None:
    """One suite a study, one case a claim and setting; a failed job is an error of its own."""
    from resnet_limits.claims.words import setting_words
    from resnet_limits.files import whole

    suites = ElementTree.Element("testsuites", name="reslim verify")
    for outcome in outcomes:
        wrong = [check for check in outcome.checks if not check["ok"]]
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=f"reslim.{outcome.study}",
            tests=str(len(outcome.checks) + len(outcome.failed)),
            failures=str(len(wrong)),
            errors=str(len(outcome.failed)),
            skipped="0",
            time=f"{outcome.seconds:.3f}",
        )
        for check in outcome.checks:
            words = setting_words(check["setting"])
            name = _printable(check["id"] + (f" [{words}]" if words else ""))
            case = ElementTree.SubElement(suite, "testcase", classname=f"reslim.{outcome.study}", name=name, time="0")
            if not check["ok"]:
                failure = ElementTree.SubElement(case, "failure", message=_printable(check["why"]))
                failure.text = f"verdict {check['verdict']}, must be {check['must_be']}"
        for job, message in outcome.failed.items():
            case = ElementTree.SubElement(
                suite, "testcase", classname=f"reslim.{outcome.study}.jobs", name=job, time="0"
            )
            ElementTree.SubElement(case, "error", message=_printable(message))
    with whole(path) as beside:
        ElementTree.ElementTree(suites).write(beside, encoding="utf-8", xml_declaration=True)


def _printable(text: str) -> str:
    """XML has no control characters, not even as references."""
    return "".join(c if c.isprintable() else " " for c in text)
