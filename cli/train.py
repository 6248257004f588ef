"""`reslim train`: plan, start, watch, collect, show."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from resnet_limits import own
from resnet_limits.data import identity
from resnet_limits.data.sources.source import Data
from resnet_limits.errors import RunFolderError, SettingError, TooFewPoints
from resnet_limits.files import locked, tail
from resnet_limits.printable import printable
from resnet_limits.runs import scheduler
from resnet_limits.runs.enclosed import require_enclosed
from resnet_limits.runs.folder import Run, outputs_root
from resnet_limits.runs.job_folder import LAUNCHER
from resnet_limits.runs.planned import by_depth
from resnet_limits.runs.status import Status
from resnet_limits.settings.base import Settings
from resnet_limits.settings.build import require_files
from resnet_limits.settings.choices import files_of
from resnet_limits.settings.content import job_name
from resnet_limits.settings.keys import describe
from resnet_limits.settings.registry import Registry
from resnet_limits.settings.trial import tried
from resnet_limits.slowness import slowness

from . import launchers
from .drawing import drawing
from .forecast import forecast_lines
from .hydra_bridge import Box, Plan, PlannedJob, boxes, overridden, plan, study_of, who_asks
from .launch import launch
from .overrides import given_twice, in_full
from .printable import brief, continuing, say
from .workers import Crew

ENDING = 60.0
"""Seconds that a cancelled task is given to end: SLURM's KillWait, 30 s unless set, and what follows it."""
HARMLESS = re.compile(
    r"hydra/launcher=\w+|hydra\.launcher\.[a-z]\w*=-?[\d.]+|hydra\.launcher\.(qos|constraint|gres|exclude|partition"
    r"|account|comment|mem_per_\w+|max_nbytes|mmap_mode|stderr_to_stdout|batch_size|pre_dispatch)=[\w.,:@+-]+"
)
"""The keys of Hydra that are taken from a run folder: the name of an installed launcher, its numbers, and where SLURM
is to put the jobs."""


def train(
    overrides: Sequence[str], *, dry_run: bool, resume: str | None, json_out: bool, cfg: str | None, table: bool = False
) -> None:
    """Run a study's depth sweep, or what is missing of a run; exit code 1 where a job failed. `table`: the values by
    depth are shown, too."""
    overrides = in_full(overrides)
    say_given_twice(overrides)
    if cfg is not None:
        _print_configuration(overrides, cfg, resume, json_out)
        return
    run, plans = _existing(resume, overrides) if resume is not None else (None, [plan(overrides)])
    say_unused([job.settings for p in plans for job in p.jobs])
    missing = _missing(run, plans)
    jobs = [job for p in plans for job in p.jobs if job.name in missing]
    todo = [job.settings for job in jobs]
    if all(launchers.named(p.launcher).is_here for p in plans):  # a machine that sends jobs elsewhere needs no GPU
        check_devices(todo)
    elif todo and not dry_run:
        scheduler.require_slurm()
    check_engines(todo)
    check_sinks(todo)
    check_parts(todo)
    check_data(jobs, [job for p in plans if _is_memory_known(p) for job in p.jobs if job.name in missing])
    if dry_run:
        _print_jobs(plans, missing, json_out)
        return
    if run is None:
        root = outputs_root(plans[0].outputs)
        run = Run.create(root, [job.settings for job in plans[0].jobs], overrides, sys.argv)
    else:
        with locked(run.path):  # two clients may add to one run
            run.note(sys.argv)
            for planned in plans:
                run.add([job.settings for job in planned.jobs], planned.overrides)
    _foretell([*_skipped([job for p in plans for job in p.jobs]), *forecast_lines(plans, missing, slowness())])
    names = {job.name for p in plans for job in p.jobs}
    all_started = launch(run, names, _launches(run, plans, missing))
    _finish(run, names, all_started, json_out, table)


def _existing(name: str, overrides: Sequence[str]) -> tuple[Run, list[Plan]]:
    """The run to resume and its sweeps; with further overrides, the first sweep changed by them."""
    key = next((o.split("=", 1)[1].strip("'\"") for o in reversed(overrides) if o.startswith("outputs=")), None)
    run = Run.find(outputs_root(key), name)
    require_enclosed(run.path)
    _require_same_files(run, overrides)
    if edited := run.edited():
        raise RunFolderError(
            f"{run.path / 'overrides.txt'} was edited: {edited}. A run does what its plan.json says: remove the file "
            "to go on with that, and ask for other jobs on the command line, with --resume RUN KEY=VALUE"
        )
    for remark in run.remarks():
        say(remark)
    sweeps = run.sweeps()
    given = {o.split("=", 1)[0] for o in overrides}
    for line in [line for sweep in sweeps for line in sweep]:
        name = line.split("=", 1)[0]
        if line.lstrip("+~ \t").startswith("hydra") and not HARMLESS.fullmatch(line) and name not in given:
            raise RunFolderError(
                f"{run.path / 'plan.json'}: '{line}' could run code, and a run folder is not trusted that far; "
                f"give {name.lstrip('+~')}=... again on the command line"
            )
    first = _with_data_of(run, plan(overridden(sweeps[0], overrides)), run.planned.jobs)
    if first.study != run.study:
        raise SettingError(f"study: the run {run.id} is of study {run.study}; start another run for another study")
    elsewhere = [o for o in overrides if _is_elsewhere(o, first.jobs[0].settings)]
    plans = [
        _with_data_of(run, _with_files_of(run, plan(overridden(sweep.overrides, elsewhere)), sweep.jobs), sweep.jobs)
        for sweep in run.planned.sweeps
    ]
    for plan_made, sweep in zip(plans, run.planned.sweeps, strict=True):
        _require_same(run, plan_made, sweep.jobs)
    from resnet_limits.runs.provenance import version

    if run.version() != version():
        say(f"this run was made by reslim {run.version()}, this is {version()}")
    chosen = plans if elsewhere == list(overrides) else [first]
    _say_other_data(run, chosen)
    return run, chosen


def _require_same_files(run: Run, overrides: Sequence[str]) -> None:
    """Raise `RunFolderError` where a file of the user's own is another than the run's, unless `parts` says so."""
    if (changed := run.planned.changed_files()) and not any(line.startswith("parts=") for line in overrides):
        then, now = next(iter(changed.items()))
        raise RunFolderError(
            f"{run.path} was made with {then}, and the file is {now} now. Bring back the one that it was, or add"
            f" parts={own.joined(changed.values())}: jobs are then made anew with this one, and judged apart"
        )


def _with_files_of(run: Run, plan_made: Plan, planned: Sequence[str]) -> Plan:
    """The sweep as it was planned, with the files of the user's own of that time; a job to be run will miss them."""
    known = {job.settings.parts for job in run.jobs()}
    jobs = []
    for job in plan_made.jobs:
        then = (replace(job.settings, parts=parts) for parts in known if job.name not in planned)
        meant = next((settings for settings in then if job_name(settings) in planned), None)
        jobs.append(job if meant is None else PlannedJob.of(job.overrides, meant))
    return replace(plan_made, jobs=tuple(jobs))


def _with_data_of(run: Run, plan_made: Plan, planned: Sequence[str]) -> Plan:
    """The sweep where its data are not here: those that were planned are meant; a job to be run will miss them."""
    known = _data_by_job(run)
    jobs = []
    for job in plan_made.jobs:
        if identity.digest_of(job.settings) is None:
            here = [
                identity.on(job.settings, digest)
                for digest in known.get(identity.name_whatever_the_data(job.settings), [])
            ]
            meant = [settings for settings in here if job_name(settings) in planned] or here
            job = PlannedJob.of(job.overrides, meant[0]) if len(meant) == 1 else job
        jobs.append(job)
    return replace(plan_made, jobs=tuple(jobs))


def _data_by_job(run: Run) -> dict[str, list[str]]:
    """The identities of the data that the run has jobs on, by what these ask for whatever the data are."""
    known: dict[str, list[str]] = {}
    for job in run.jobs():
        known.setdefault(identity.name_whatever_the_data(job.settings), []).append(
            identity.digest_of(job.settings) or ""
        )
    return known


def _other_data(run: Run, jobs: Sequence[PlannedJob]) -> Counter[str]:
    """How many jobs ask for what the run asks for, on other data, by a sentence about these."""
    known, counts = _data_by_job(run), Counter[str]()
    for job in jobs:
        digest, here = identity.digest_of(job.settings), known.get(identity.name_whatever_the_data(job.settings), [])
        if digest is not None and here and digest not in here:
            place = identity.place_of(job.settings)
            where = f" under {place}" if place else ""
            counts[f"the data{where} are others than the run's ({digest}, not {', '.join(here)})"] += 1
    return counts


def _say_other_data(run: Run, plans: Sequence[Plan]) -> None:
    """Say which jobs are new because the data are others than the run's."""
    for words, count in _other_data(run, [job for plan_made in plans for job in plan_made.jobs]).items():
        say(f"{words}: {count} further jobs, judged apart")


def _require_same(run: Run, plan: Plan, planned: Sequence[str]) -> None:
    """Raise `RunFolderError` where the overrides of a sweep make other jobs now than when it was planned, unless they
    look elsewhere for their data, and these are others: such jobs are further ones."""
    now = [job.name for job in plan.jobs]
    new, gone = [n for n in now if n not in planned], [n for n in planned if n not in now]
    if not new and not gone:
        return
    changed = [job for job in plan.jobs if job.name in new]
    for job in changed:
        if isinstance(data := getattr(job.settings, "data", None), Data) and data.digest is None:
            identity.require_data(data)  # which says what is missing
    known = _data_by_job(run)
    if len(new) == len(gone) and all(identity.name_whatever_the_data(job.settings) in known for job in changed):
        before = {identity.place_of(job.settings) for job in run.jobs() if job.name in planned}
        if not before & {identity.place_of(job.settings) for job in changed}:
            return
        others = next(iter(_other_data(run, changed)), "the data are others than those of this sweep")
        raise RunFolderError(f"{run.path}: {printable(others)}. Bring those back, or start another run on these")
    words = " ".join(plan.overrides) or "the defaults"
    raise RunFolderError(
        f"{run.path}: its overrides ({words}) make other jobs now than were planned, such as "
        f"{(new or gone)[0]}{'' if new else ' no more'}: the defaults or the version of reslim (then "
        f"{run.version()}) are others. The two are not mixed: start another run, or go back to what was"
    )


def _is_elsewhere(override: str, settings: Settings) -> bool:
    """Whether an override says where or how jobs run, and nothing about which."""
    name = override.split("=", 1)[0]
    metadata = {entry.key: entry.field.metadata for entry in describe(settings)}
    known = (
        name in metadata and not metadata[name]["content"] and name != "figure"
    )  # a figure brings keys that are content
    return known or name.split("/")[0].split(".")[0] in ("hydra", "cluster")


def _missing(run: Run | None, plans: Sequence[Plan]) -> set[str]:
    """The jobs that are to be launched: not finished, not running, and not queued where somebody will start them."""
    asked = {job.name for p in plans for job in p.jobs}
    if run is None:
        return asked
    _let_end(run, asked)
    jobs = {name: status for name, status in run.look(verify=True).statuses.items() if name in asked}
    held = run.held([name for name, status in jobs.items() if status.state in ("queued", "running")])
    sent = scheduler.sent(run.path)
    for name, status in jobs.items():
        if status.state == "lost":
            say(f"job {name}: {status.message}; it is to be done again")
    under_way = {name for name, status in jobs.items() if _is_under_way(name, status, held, sent)}
    if under_way:
        say(f"waiting for {len(under_way)} jobs that are running or queued")
    return asked - under_way - {name for name, status in jobs.items() if status.state == "finished"}


def _is_under_way(name: str, status: Status, held: set[str], sent: set[str]) -> bool:
    """Whether somebody runs a job or will start it.

    A task of SLURM that was cancelled elsewhere leaves a status that says running for a while: it is not in the queue.
    """
    if status.state == "running":
        here = status.process is not None and status.process.is_here
        return here or name in held or name not in sent
    return status.state == "queued" and name in held


def _let_end(run: Run, asked: set[str]) -> None:
    """Wait for tasks that were cancelled a moment ago: a job that still runs is not sent again."""
    end = time.monotonic() + ENDING
    while time.monotonic() < end:
        unfinished = [job.name for job in run.jobs() if job.name in asked and job.status.state in ("queued", "running")]
        if not scheduler.ending(run.path, unfinished):
            return
        time.sleep(0.5)


def _launches(run: Run, plans: Sequence[Plan], missing: set[str]) -> list[Box | Crew]:
    """What is to be launched: products for Hydra's launchers, all else side by side. Sweeps of a run may share jobs."""
    launches: list[Box | Crew] = []
    side_by_side: list[Settings] = []
    left = set(missing)
    for planned in plans:
        todo = {job.name: job.settings for job in planned.jobs if job.name in left}
        for name in todo:
            _requeue(run, name)
        if planned.launcher == launchers.SIDE_BY_SIDE:
            side_by_side += todo.values()
        else:
            launches += boxes(planned, set(todo))
        left -= set(todo)
    return [*launches, Crew.of(side_by_side)] if side_by_side else launches


def say_given_twice(overrides: Sequence[str]) -> None:
    """Name the overrides that later ones of their keys replace."""
    for line in given_twice(overrides):
        say(f"{brief(line)} does not count: the key is given again after it")


def say_unused(settings: Sequence[Settings]) -> None:
    """Name the files of the user's own that none of these jobs needs, with the parts that they bring."""
    used = {file for job in settings for file in files_of(job)}
    for file in own.files():
        if file not in used:
            groups = Registry.known.values()
            parts = [f"{name} ({r.group})" for r in groups for name, whose in r.of_files.items() if whose == file]
            say(f"{brief(file.name)}: nothing of it is used here; it brings {', '.join(parts)}")


def check_devices(settings: Sequence[Settings]) -> None:
    """Raise `SettingError` for a device that is not here."""
    for name in {s.device for s in settings if s.device.startswith("cuda")}:
        from resnet_limits import device

        device.resolve(name)


def check_engines(settings: Sequence[Settings]) -> None:
    """Raise `SettingError` for an engine that is asked for by name and is not here, or has no form of what is asked
    for."""
    if asked := [s for s in settings if s.engine != "auto"]:
        from resnet_limits.engines import require_engine
        from resnet_limits.studies import study as studies

        for settings_of_job in asked:
            require_engine(settings_of_job, studies.get(settings_of_job.study).uncompiled(settings_of_job))


def check_sinks(settings: Sequence[Settings]) -> None:
    """Raise `SettingError` for a sink whose package is not installed here."""
    if asked := {sink for s in settings for sink in s.sinks or ()}:
        from resnet_limits.sinks import installed

        installed.require_sinks(asked)


def check_parts(settings: Sequence[Settings]) -> None:
    """Raise `SettingError` where a file of the user's own is another than the one that is meant, or brings a part that
    is not what it says."""
    for job in settings:
        require_files(job)
    tried(job for job in settings if job.parts)


def _is_memory_known(plan_made: Plan) -> bool:
    """Whether it can be told here how much memory the jobs will have: not where a launcher's own keys say so."""
    elsewhere = not launchers.named(plan_made.launcher).is_here and plan_made.jobs[0].settings.cluster.is_here
    return not elsewhere and not any(o.startswith("hydra.launcher.mem") for o in plan_made.overrides)


def check_data(jobs: Sequence[PlannedJob], in_memory: Sequence[PlannedJob] | None = None) -> None:
    """Refuse jobs whose data are not there, or that ask for more of them than there is, or for more memory (None: all
    are held against that of this machine); print what they warn of."""
    from resnet_limits.studies import room

    settings = [job.settings for job in jobs]
    for job in jobs:
        try:
            study_of(job.settings).check(job.settings)
        except TooFewPoints as error:
            raise error.asked_by(who) if (who := who_asks(job, error.key)) else error from None
    for job in jobs if in_memory is None else in_memory:
        room.check_room(study_of(job.settings), job.settings)
    for line in dict.fromkeys(
        line for settings_of_job in settings for line in study_of(settings_of_job).all_warnings(settings_of_job)
    ):
        say(f"warning: {line}")
    asked = [data for settings_of_job in settings if isinstance(data := getattr(settings_of_job, "data", None), Data)]
    for data in {repr(data): data for data in asked}.values():
        identity.require_data(data)
        for line in data.notes():
            say(line)


def _requeue(run: Run, name: str) -> None:
    """A job that failed or was lost waits again; one that runs elsewhere is left alone."""
    from resnet_limits.runs import status

    folder = run.path / "jobs" / name
    if status.read_status(folder).state != "running":
        status.write_status(folder, status.Status("queued"))


def _finish(run: Run, asked: set[str], all_started: bool, json_out: bool, table: bool) -> None:
    from resnet_limits.report.outcome import next_step
    from resnet_limits.report.publish import collect

    from .display import Terminal, print_json, show_places, show_summary

    with drawing() as progress:
        summary = collect(run, progress=progress)
    if json_out:
        print_json(summary)
    else:
        console = Terminal()
        show_summary(summary, console, table=table)
        show_places(run.path, next_step(summary, [job.settings.seed for job in run.jobs()]), run, console)
    if any("data.digest" in claim["setting"] for claim in summary["claims"]):
        for digest, words in run.data().items():
            say(f"{digest} is {words}")
    if not all_started:
        _say_not_started(run)
    unfinished = [name for name in sorted(asked, key=by_depth) if summary["jobs"].get(name) != "finished"]
    if unfinished:
        say(f"{len(unfinished)} of {len(asked)} jobs did not finish: {', '.join(unfinished[:6])}")
        say(f"{continuing(run.path)} runs them again")
        raise SystemExit(1)


def _foretell(lines: Sequence[str]) -> None:
    """Remarks on stderr; on a terminal no word of them is broken."""
    from .display import Terminal

    if (console := Terminal(stderr=True)).is_terminal:
        console.words(*(f"reslim: {line}" for line in lines))
    else:
        for line in lines:
            say(line)


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
    output = [line for line in _output(run) if line.strip()]
    refused = [line for line in output if line.startswith("sbatch: error:")]  # the rest is how submitit puts it
    say("\n  ".join([reason, *list(dict.fromkeys(refused or output))[-5:]]))


def _print_configuration(overrides: Sequence[str], cfg: str, resume: str | None, json_out: bool) -> None:
    import yaml

    if cfg != "job":
        raise SettingError(f"--cfg: expected job, got '{cfg}'")
    if resume is not None:
        raise SettingError("--cfg job prints what a new run would be; that of a run is config.yaml in its folder")
    config = asdict(plan(overrides).jobs[0].settings)
    if json_out:
        from .display import print_json

        print_json(config)
    else:
        print(yaml.safe_dump(config, sort_keys=False), end="")


def _print_jobs(plans: Sequence[Plan], missing: set[str], json_out: bool) -> None:
    from .columns import Column, Columns
    from .display import Terminal, asked_table, print_json

    jobs = list({job.name: job for p in plans for job in p.jobs}.values())
    if json_out:
        print_json([_job_document(job, missing) for job in jobs])
        return
    study = study_of(jobs[0].settings)
    asked = {claim.id for job in jobs for claim in study.chosen(job.settings.claims)}
    listed = Columns(Column("job"), Column("overrides", wraps=True))
    for job in jobs:
        done = "" if job.name in missing else "   (finished, or under way)"
        listed.row(job.name, " ".join(job.overrides) + done)
    console = Terminal()
    console.parts(asked_table(study, asked), listed)
    console.print()
    console.words(
        *_skipped(jobs),
        *forecast_lines(plans, missing, slowness()),
        f"{len(missing)} of {len(jobs)} jobs of study {study.name} would run, launcher {plans[0].launcher}",
    )


def _job_document(job: PlannedJob, missing: set[str]) -> dict[str, Any]:
    study = study_of(job.settings)
    return {
        "job": job.name,
        "overrides": list(job.overrides),
        "missing": job.name in missing,
        "groups": [group.name for group in study.needed(job.settings)],
        "skipped": list(study.skipped([job.settings])),
    }


def _skipped(jobs: Sequence[PlannedJob]) -> list[str]:
    """A line for each group that does not measure at some of the depths."""
    study = study_of(jobs[0].settings)
    depths_by_group = study.skipped(job.settings for job in jobs)
    return [
        f"{name}: measured at {study.group(name).depths}; skipped at {', '.join(map(str, depths))}"
        for name, depths in depths_by_group.items()
    ]
