"""Where Typer meets Hydra: overrides become planned jobs, planned jobs become a Hydra multirun in a child process.

    client                                      child process (one for each product of values)
    ------                                      -------------------------------------------
    plan(overrides): compose every job,         launch(): hydra.main with the same overrides ->
      check it, name it by its content            sweeper -> launcher -> task(cfg), once a job,
    start(run, overrides): spawn the child        here or in the launcher's own processes
    watch the jobs' status files                task: compose -> settings -> run_job(job folder)

The client never learns anything from the launcher: a job is judged by its own `status.json`.
`start_child` hands the arguments to `hydra.main` through `sys.argv`, flags first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from omegaconf import MISSING, OmegaConf

from resnet_limits import imports
from resnet_limits import settings as keys
from resnet_limits.errors import OtherPackage, SettingError
from resnet_limits.runs import scheduler
from resnet_limits.runs.files import plain
from resnet_limits.runs.folder import LAUNCHER, SUBMITIT, Run
from resnet_limits.settings import Settings

from .hydra_errors import translated, unknown_key

CONFIGS = "reslim_configs"
MAX_JOBS = 100_000
SLURM = "submitit_slurm"
"""The launcher whose jobs do not run on this machine, and outlive the client."""


def study_of(settings: Settings) -> Any:
    """The study of some settings (numpy comes with it, so it is imported late)."""
    from resnet_limits.studies import study

    return study.get(settings.study)


def register() -> None:
    """Put the schema into Hydra's ConfigStore: one node a study, one for each option of each group."""
    store = ConfigStore.instance()
    for name, study in keys.STUDIES.items():
        node = study(study=name)
        for field in dataclasses.fields(node):
            if isinstance(getattr(node, field.name), tuple(keys.CHOICES)):
                setattr(node, field.name, MISSING)  # filled by the group's own option
        store.store(group="schema", name=name, node=node)
    for base, options in keys.CHOICES.items():
        for name, option in options.items():
            store.store(group=f"schema/{base.__name__.lower()}", name=name, node=option)


@dataclass(frozen=True)
class PlannedJob:
    """One point of the sweep: its overrides, as the sweeper hands them on, and its settings."""

    overrides: tuple[str, ...]
    settings: Settings

    @property
    def name(self) -> str:
        return keys.job_name(self.settings)


@dataclass(frozen=True)
class Plan:
    """The jobs that overrides ask for, each once, and what Hydra will do with them."""

    overrides: tuple[str, ...]
    jobs: tuple[PlannedJob, ...]
    launcher: str
    outputs: str | None

    @property
    def study(self) -> str:
        return self.jobs[0].settings.study


def plan(overrides: Sequence[str]) -> Plan:
    """Compose and check every job of a sweep, before anything is started or written.

    Raises `SettingError` for whatever is wrong with the overrides.
    """
    register()
    GlobalHydra.instance().clear()
    with translated(overrides), initialize_config_module(CONFIGS, version_base="1.3"):
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        if any(o.get_key_element() == "study" and o.is_sweep_override() for o in parsed):
            raise SettingError("study: a run has one study; start one run for each")
        for override in parsed:
            _check_key(override, overrides)
        chosen = {o.get_key_element(): o.value() for o in parsed if not o.is_sweep_override()}
        if chosen.get("cluster") == "slurm" and chosen.get("hydra/launcher", SLURM) != SLURM:
            raise SettingError(f"cluster=slurm: its launcher is {SLURM}; leave out hydra/launcher, or cluster")
        fixed = [o.input_line for o in parsed if not o.is_sweep_override() and o.input_line]
        root = compose("config", overrides=fixed, return_hydra_config=True)
        params = OmegaConf.to_container(root.hydra.sweeper.params or {})
        assert isinstance(params, dict)
        points = _sweep_points(params, overrides)
        jobs: dict[str, PlannedJob] = {}
        for point in points:
            job = PlannedJob(tuple(point), _settings(compose("config", overrides=point)))
            jobs.setdefault(job.name, job)
        for job in jobs.values():
            if job.settings.claims is not None:
                study_of(job.settings).chosen(job.settings.claims)
        launcher = root.hydra.runtime.choices.get("hydra/launcher", "basic")
    first = next(iter(jobs.values())).settings
    return Plan(tuple(overrides), tuple(jobs.values()), launcher, first.outputs)


def _check_key(override: Override, overrides: Sequence[str]) -> None:
    """Refuse what Hydra would read otherwise than a user of reslim means it."""
    key, line = override.get_key_element(), override.input_line
    if override.is_delete() or override.is_add() or not key or "@" in key:
        raise SettingError(f"cannot read '{line}'; an override is KEY=VALUE, without + or ~ or @")
    if key in ("size", "hydra") or key.split("/")[0] == "suited":
        raise SettingError(unknown_key(key, overrides))
    options = keys.options_of(key.removesuffix(".name"))
    if options and key.endswith(".name"):
        raise SettingError(f"{key}: choose with {key.removesuffix('.name')}=..., one of {', '.join(options)}")
    one = not override.is_sweep_override()
    if key.startswith("hydra/") and one and not isinstance(override.value(), (str, QuotedString)):
        raise SettingError(f"{key}: expected one name, got '{override.get_value_element_as_str()}'")
    if key == "figure" and override.is_sweep_override():
        raise SettingError("figure: a run has one named figure; start one run for each")
    if key in ("cluster", "hydra/launcher") and override.is_sweep_override():
        raise SettingError(f"{key}: the jobs of a sweep run in one place; got '{override.input_line}'")
    if (options or key in ("study", "preset", "figure")) and one:
        value = override.value()
        if not isinstance(value, (str, QuotedString)):
            others = {"study": tuple(keys.STUDIES), "preset": ("full", "smoke"), "figure": keys.FIGURES}
            words = ", ".join(options or others[key])
            raise SettingError(f"{key}: expected one name of {words}, got '{override.get_value_element_as_str()}'")


def _sweep_points(params: dict[Any, Any], overrides: Sequence[str]) -> list[list[str]]:
    lines = [f"{key}={value}" for key, value in params.items()] + list(overrides)
    parsed = OverridesParser.create().parse_overrides(lines)
    count = 1
    for override in parsed:
        if override.is_sweep_override() and override.is_discrete_sweep():
            values = list(override.sweep_string_iterator())
            if not values:
                raise SettingError(f"{override.get_key_element()}: the sweep is empty")
            count *= len(values)
        if count > MAX_JOBS:
            raise SettingError(f"the sweep has more than {MAX_JOBS} jobs")
    return BasicSweeper.split_arguments(parsed, max_batch_size=None)[0]


def _settings(config: Any) -> Settings:
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    return keys.from_mapping({str(k): v for k, v in values.items()})


@dataclass(frozen=True)
class Box:
    """A product of swept values, as overrides, that makes exactly these jobs, in this order."""

    overrides: tuple[str, ...]
    launcher: str
    jobs: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.jobs)


def boxes(plan: Plan, missing: set[str]) -> list[Box]:
    """The missing jobs of a plan as few products of swept values, each job once and no other.

    Key by key, products that differ in the values of this key alone become one.
    """
    found = [
        {o.split("=", 1)[0]: (o.split("=", 1)[1],) for o in job.overrides} for job in plan.jobs if job.name in missing
    ]
    for key in list(dict.fromkeys(key for its in found for key in its)):
        merged: dict[tuple[Any, ...], dict[str, tuple[str, ...]]] = {}
        for its in found:
            others = tuple((k, v) for k, v in its.items() if k != key)
            same = merged.setdefault(others, {**its, key: ()})
            same[key] += its.get(key, ())
        found = list(merged.values())
    names = {frozenset(job.overrides): job.name for job in plan.jobs}
    made: list[Box] = []
    for its in found:
        points = itertools.product(*([f"{key}={value}" for value in values] for key, values in its.items()))
        jobs = tuple(names[frozenset(point)] for point in points)  # as the sweeper takes them
        made.append(Box(tuple(f"{key}={','.join(values)}" for key, values in its.items()), plan.launcher, jobs))
    return made


def overridden(sweep: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """The overrides of a sweep with some of them replaced, by key, and others added.

    Another cluster or launcher replaces all that was said of where jobs run: its keys belong to it alone.
    """
    new = {o.split("=", 1)[0] for o in overrides}
    moved = bool(new & {"cluster", "hydra/launcher"})

    def stays(name: str) -> bool:
        where = name in ("cluster", "hydra/launcher") or name.startswith(("cluster.", "hydra.launcher."))
        return name not in new and not (moved and where)

    return [o for o in sweep if stays(o.split("=", 1)[0])] + list(overrides)


def start_child(run: Run, box: Box, array: str) -> subprocess.Popen[bytes]:
    """Start the Hydra multirun of these jobs in a process group of its own; its output goes to the run folder.

    `array` names the folder of submitit's files, which are unpickled: nobody could have written one there before.
    The child reads a pipe whose other end only this process holds: however this process ends, the child sees it.
    """
    folder = run.path / LAUNCHER
    folder.mkdir(exist_ok=True)
    # Last, because the last of several overrides of a key holds: what the run folder relies on is not up for change.
    ours = [f"hydra.sweep.dir={_quoted(folder)}", "hydra.sweep.subdir=.", "hydra.mode=MULTIRUN"]
    ours.append(f"+hydra.job.env_set.{imports.VARIABLE}={_quoted(imports.PACKAGE)}")
    if box.launcher.startswith("submitit"):
        ours.append(f"hydra.launcher.submitit_folder={_quoted(folder / SUBMITIT / array / '%j')}")
    if box.launcher == SLURM:
        scheduler.note(run.path, array, box.jobs)
        ours += [f"hydra.launcher.name={scheduler.task_name(run.path)}", _setup(box)]
    program = ["-P", "-c", "from reslim_cli.hydra_bridge import launch; launch()"]
    with open(folder / "output.txt", "ab", opener=plain) as output:
        return subprocess.Popen(
            [sys.executable, *program, *box.overrides, *ours],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=imports.environment(),
        )


def _setup(box: Box) -> str:
    """The lines that a task of SLURM begins with: a user's own, then ours."""
    key = "hydra.launcher.setup="
    theirs = next((line.removeprefix(key) for line in box.overrides if line.startswith(key)), "[]")
    lines = [theirs[1:-1].strip()] if theirs.startswith("[") else []
    return f"{key}[{','.join([line for line in lines if line] + [_quoted(line) for line in imports.SETUP])}]"


def _quoted(value: object) -> str:
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def launch() -> None:
    """The child's whole program: Hydra's own entry point around `task`."""
    import hydra

    try:
        imports.require_same()
    except OtherPackage as error:
        raise SystemExit(f"reslim: {error}") from None
    threading.Thread(target=_die_with_client, daemon=True).start()
    register()
    sys.argv[0] = "reslim"
    try:
        hydra.main(config_path=f"pkg://{CONFIGS}", config_name="config", version_base="1.3")(task)()
    finally:
        if "hydra/launcher=submitit_local" in sys.argv:  # which gives up at the first job that was killed
            _wait_for_children()


def _wait_for_children() -> None:
    """Stay until the jobs have ended: nobody else would end them with the client."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _die_with_client() -> None:
    """Wait until the client is gone, then end this process and those that it started."""
    os.read(0, 1)
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)


def task(config: Any) -> None:
    """One job, wherever Hydra's launcher runs it. Never raises: what happened stands in the job's status file."""
    from hydra.core.hydra_config import HydraConfig

    from resnet_limits.runs.job import run_job

    run = Path(HydraConfig.get().sweep.dir).parent
    run_job(run, _settings(config))
