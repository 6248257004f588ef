"""`reslim train`: plan, start, watch, collect, show."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict

from resnet_limits.errors import RunFolderError, SettingError
from resnet_limits.printable import printable
from resnet_limits.runs import scheduler
from resnet_limits.runs.enclosed import require_enclosed
from resnet_limits.runs.files import locked, tail
from resnet_limits.runs.folder import LAUNCHER, Run, outputs_root
from resnet_limits.settings import Data, Settings, describe

from .hydra_bridge import SLURM, Box, Plan, boxes, plan
from .launch import launch
from .printable import quoted

HARMLESS = re.compile(
    r"hydra/launcher=\w+|hydra\.launcher\.[a-z]\w*=-?[\d.]+|hydra\.launcher\.(qos|constraint|gres|exclude)=[\w.,:@+-]+"
)
"""The keys of Hydra that are taken from a run folder: the name of an installed launcher, its numbers, and where SLURM
is to put the jobs."""


def train(overrides: Sequence[str], *, dry_run: bool, resume: str | None, json_out: bool, cfg: str | None) -> None:
    """Run a study's depth sweep, or what is missing of a run; exit code 1 where a job failed."""
    if cfg is not None:
        _print_configuration(overrides, cfg)
        return
    run, plans = _existing(resume, overrides) if resume is not None else (None, [plan(overrides)])
    missing = _missing(run, plans)
    todo = [job.settings for p in plans for job in p.jobs if job.name in missing]
    if not any(p.launcher == SLURM for p in plans):  # a machine that sends jobs elsewhere needs no GPU
        check_devices(todo)
    elif todo and not dry_run:
        scheduler.require()
    check_sinks(todo)
    check_data(todo)
    if dry_run:
        _print_jobs(plans, missing, json_out)
        return
    if run is None:
        root = outputs_root(plans[0].outputs)
        run = Run.create(root, [job.settings for job in plans[0].jobs], overrides, sys.argv)
    else:
        with locked(run.path):  # two clients may add to one run
            run.note(sys.argv)
            for its in plans:
                run.add([job.settings for job in its.jobs], its.overrides)
    names = {job.name for p in plans for job in p.jobs}
    all_started = launch(run, names, _boxes(run, plans, missing))
    _finish(run, names, all_started, json_out)


def _existing(name: str, overrides: Sequence[str]) -> tuple[Run, list[Plan]]:
    """The run to resume and its sweeps; with further overrides, the first sweep changed by them."""
    from .hydra_bridge import overridden

    key = next((o.split("=", 1)[1].strip("'\"") for o in overrides if o.startswith("outputs=")), None)
    run = Run.find(outputs_root(key), name)
    require_enclosed(run.path)
    if edited := run.edited():
        raise RunFolderError(
            f"{run.path / 'overrides.txt'} was edited: {edited}. A run does what its plan.json says: remove the file "
            "to go on with that, and ask for other jobs on the command line, with --resume RUN KEY=VALUE"
        )
    for remark in run.remarks():
        print(f"reslim: {printable(remark)}", file=sys.stderr)
    sweeps = run.sweeps()
    for line in [line for sweep in sweeps for line in sweep]:
        if line.lstrip("+~ \t").startswith("hydra") and not HARMLESS.fullmatch(line):
            raise RunFolderError(
                f"{run.path / 'plan.json'}: '{line}' could run code, and a run folder is not trusted that far; "
                "start another run"
            )
    first = plan(overridden(sweeps[0], overrides))
    if first.study != run.study:
        raise SettingError(f"study: the run {run.id} is of study {run.study}; start another run for another study")
    elsewhere = [o for o in overrides if _is_elsewhere(o, first.jobs[0].settings)]
    plans = [plan(overridden(sweep, elsewhere)) for sweep in sweeps]
    for its, sweep in zip(plans, run.planned.sweeps, strict=True):
        _require_same(run, its, sweep.jobs)
    from resnet_limits.runs.provenance import version

    if run.version() != version():
        print(f"reslim: this run was made by reslim {printable(run.version())}, this is {version()}", file=sys.stderr)
    return run, plans if elsewhere == list(overrides) else [first]


def _require_same(run: Run, plan: Plan, planned: Sequence[str]) -> None:
    """Raise `RunFolderError` where the overrides of a sweep make other jobs now than when it was planned."""
    now = [job.name for job in plan.jobs]
    new, gone = [n for n in now if n not in planned], [n for n in planned if n not in now]
    if not new and not gone:
        return
    words = " ".join(plan.overrides) or "the defaults"
    raise RunFolderError(
        f"{run.path}: its overrides ({words}) make other jobs now than were planned, such as "
        f"{(new or gone)[0]}{'' if new else ' no more'}: the data, the defaults or the version of reslim (then "
        f"{run.version()}) are others. The two are not mixed: start another run, or go back to what was"
    )


def _is_elsewhere(override: str, settings: Settings) -> bool:
    """Whether an override says where or how jobs run, and nothing about which."""
    name = override.split("=", 1)[0]
    its = {entry.key: entry.field.metadata for entry in describe(settings)}
    known = name in its and not its[name]["content"] and name != "figure"  # a figure brings keys that are content
    return known or name.split("/")[0].split(".")[0] in ("hydra", "cluster")


def _missing(run: Run | None, plans: Sequence[Plan]) -> set[str]:
    """The jobs that are to be launched: not finished, not running, and not queued where somebody will start them."""
    asked = {job.name for p in plans for job in p.jobs}
    jobs = {name: its for name, its in run.look(verify=True).statuses.items() if name in asked} if run else {}
    states = {name: its.state for name, its in jobs.items()}
    others = {"finished", "running"} | ({"queued"} if run and "queued" in states.values() and run.is_held() else set())
    for name, its in jobs.items():
        if its.state == "lost":
            print(f"reslim: job {name}: {printable(its.message)}; it is to be done again", file=sys.stderr)
    if others & {"queued", "running"} & set(states.values()):
        count = sum(state in ("queued", "running") and state in others for state in states.values())
        print(f"reslim: waiting for {count} jobs that are running or queued", file=sys.stderr)
    return {name for name in asked if states.get(name) not in others}


def _boxes(run: Run, plans: Sequence[Plan], missing: set[str]) -> list[Box]:
    """What is to be launched of each sweep; sweeps of one run may share jobs."""
    found, left = [], set(missing)
    for its in plans:
        todo = left & {job.name for job in its.jobs}
        for name in todo:
            _requeue(run, name)
        found += boxes(its, todo)
        left -= todo
    return found


def check_devices(settings: Sequence[Settings]) -> None:
    """Raise `SettingError` for a device that is not here."""
    for name in {s.device for s in settings if s.device.startswith("cuda")}:
        from resnet_limits import device

        device.resolve(name)


def check_sinks(settings: Sequence[Settings]) -> None:
    """Raise `SettingError` for a sink whose package is not installed here."""
    if asked := {sink for s in settings for sink in s.sinks or ()}:
        from resnet_limits.sinks import installed

        installed.require(asked)


def check_data(settings: Sequence[Settings]) -> None:
    """Refuse jobs whose data are not there, or that ask for more of them than there is; print what they warn of."""
    from resnet_limits.data.files import require
    from resnet_limits.studies import study

    for its in settings:
        study.get(its.study).check(its)
    for line in dict.fromkeys(line for its in settings for line in study.get(its.study).warnings(its)):
        print(f"reslim: warning: {line}", file=sys.stderr)
    asked = [data for its in settings if isinstance(data := getattr(its, "data", None), Data)]
    for data in {repr(data): data for data in asked}.values():
        require(data)


def _requeue(run: Run, name: str) -> None:
    """A job that failed or was lost waits again; one that runs elsewhere is left alone."""
    from resnet_limits.runs import status

    folder = run.path / "jobs" / name
    if status.read(folder).state != "running":
        status.write(folder, status.Status("queued"))


def _finish(run: Run, asked: set[str], all_started: bool, json_out: bool) -> None:
    from resnet_limits.runs.collect import collect

    from .display import Terminal, print_json, show_summary

    summary = collect(run)
    if json_out:
        print_json(summary)
    else:
        console = Terminal()
        show_summary(summary, console)
        console.print(f"run: {run.path}", highlight=False, markup=False, soft_wrap=True)
    if not all_started:
        _say_not_started(run)
    unfinished = [n for n, state in summary["jobs"].items() if n in asked and state != "finished"]
    if unfinished:
        print(
            f"reslim: {len(unfinished)} of {len(asked)} jobs did not finish: {', '.join(unfinished[:6])}",
            file=sys.stderr,
        )
        print(f"reslim: reslim train --resume {quoted(run.path)} runs them again", file=sys.stderr)
        raise SystemExit(1)


def _output(run: Run) -> list[str]:
    """The last lines of what the launcher said."""
    try:
        return tail(run.path / LAUNCHER / "output.txt")
    except OSError:
        return []


def _say_not_started(run: Run) -> None:
    reason = "the launcher ended without starting every job"
    if scheduler.was_used(run.path):
        reason = "some jobs were not started, and SLURM holds them no more (cancelled, or refused)"
    output = [printable(line) for line in _output(run) if line.strip()]
    refused = [line for line in output if line.startswith("sbatch: error:")]  # the rest is how submitit puts it
    print(f"reslim: {reason}", *list(dict.fromkeys(refused or output))[-5:], sep="\n  ", file=sys.stderr)


def _print_configuration(overrides: Sequence[str], cfg: str) -> None:
    import yaml

    if cfg != "job":
        raise SettingError(f"--cfg: expected job, got '{cfg}'")
    print(yaml.safe_dump(asdict(plan(overrides).jobs[0].settings), sort_keys=False), end="")


def _print_jobs(plans: Sequence[Plan], missing: set[str], json_out: bool) -> None:
    jobs = list({job.name: job for p in plans for job in p.jobs}.values())
    if json_out:
        from .display import print_json

        print_json([{"job": j.name, "overrides": list(j.overrides), "missing": j.name in missing} for j in jobs])
        return
    for job in jobs:
        done = "" if job.name in missing else "   (finished, or under way)"
        print(f"{job.name:<20} {printable(' '.join(job.overrides))}{done}")
    print(f"{len(missing)} of {len(jobs)} jobs of study {plans[0].study} would run, launcher {plans[0].launcher}")
