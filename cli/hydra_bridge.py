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
import copy
import functools
import itertools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf, open_dict

from resnet_limits import imports, own
from resnet_limits.data import identity
from resnet_limits.errors import OtherPackage, SettingError
from resnet_limits.files import plain
from resnet_limits.runs import scheduler
from resnet_limits.runs.folder import SUBMITIT, Run
from resnet_limits.runs.job_folder import LAUNCHER
from resnet_limits.settings import registry
from resnet_limits.settings.base import Settings
from resnet_limits.settings.build import from_mapping
from resnet_limits.settings.clusters.cluster import Cluster
from resnet_limits.settings.content import job_name
from resnet_limits.settings.keys import describe, flat

from . import launchers
from .hydra_errors import translated
from .hydra_schema import CONFIGS, folders, register
from .overrides import asked_study, check_launcher_keys, names_for, no_content, points, quoted, read, values_of
from .printable import say
from .workers import die_with_client

MANY = 200
"""Jobs whose planning takes a second: it is said."""


def study_of(settings: Settings) -> Any:
    """The study of some settings (numpy comes with it, so it is imported late)."""
    from resnet_limits.studies import study

    return study.get(settings.study)


@dataclass(frozen=True)
class PlannedJob:
    """One point of the sweep: its settings, and its overrides as the sweeper hands them on, with the identity of its
    data: the process that runs it takes no other data for them."""

    overrides: tuple[str, ...]
    settings: Settings

    @classmethod
    def of(cls, overrides: Sequence[str], settings: Settings) -> PlannedJob:
        digest = identity.digest_of(settings)
        others = [o for o in overrides if not o.startswith(("data.digest=", "parts="))]
        if settings.parts is not None:
            others.append(f"parts={quoted(settings.parts)}")
        if digest is None:
            return cls(tuple(others), settings)
        word = digest if re.fullmatch(r"[a-z]\w*-\w+", digest) else quoted(digest)  # one of the user's own: 007, null
        return cls((*others, f"data.digest={word}"), settings)

    @property
    def name(self) -> str:
        return job_name(self.settings)


def who_asks(job: PlannedJob, key: str) -> str:
    """Who gave a key its value: `preset=smoke`, `figure=folding`, what suits `data=mnist`, or the default of the study;
    empty where it was the user."""
    if any(override.split("=", 1)[0] == key for override in job.overrides):
        return ""
    settings, data = job.settings, flat(job.settings).get("data")
    groups = {  # the later of Hydra's list of defaults first
        f"preset={settings.preset}": f"size/{settings.study}_{settings.preset}",
        f"figure={settings.figure}": f"figure/{settings.figure}",
        f"data={data}, by what suits it,": f"suited/data/{settings.study}_{data}",
    }
    return next((who for who, place in groups.items() if _gives(place, key)), "the default")


def _gives(place: str, key: str) -> bool:
    """Whether the configuration of this group and option gives a value to this key."""
    return bool(_given(place, key))


def _given(place: str, key: str) -> list[Any]:
    """The value that the configuration of this group and option gives to this key; nothing where it gives none."""
    import yaml

    files = [path for folder in folders() if (path := folder / f"{place}.yaml").is_file()]
    values = yaml.safe_load(files[0].read_text(encoding="utf-8")) if files else None
    for name in key.split("."):
        if not isinstance(values, dict) or name not in values:
            return []
        values = values[name]
    return [values]


def default_depths(study: str) -> list[int]:
    """The depths of a study's own sweep."""
    proposed = _given(f"study/{study}", "hydra.sweeper.params.depth")
    if not proposed:
        return [registry.STUDIES[study](study=study).depth]
    return [int(depth) for depth in values_of(_parsed(f"depth={proposed[0]}"))]


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
        asked = read(overrides, GlobalHydra.instance().config_loader())
        root = _root(asked)
        launcher = _chosen_launcher(asked, root)
        proposed = [_parsed(f"{key}={value}") for key, value in (root.hydra.sweeper.params or {}).items()]
        listed = list(points([*proposed, *asked]))
        if len(listed) >= MANY:
            say(f"planning {len(listed)} jobs")
        composed = [settings_of(_composed(point)) for point in listed]
        for settings in composed:
            _check_shared(composed[0], settings)
        jobs: dict[str, PlannedJob] = {}
        for point, settings in zip(listed, identity.filled(composed, report=say), strict=True):
            job = PlannedJob.of(point, settings)
            jobs.setdefault(job.name, job)
        for job in jobs.values():
            if job.settings.claims is not None:
                study_of(job.settings).chosen(job.settings.claims)
    first = next(iter(jobs.values())).settings
    return Plan(tuple(overrides), tuple(jobs.values()), launcher, first.outputs)


def _root(asked: Sequence[Override]) -> Any:
    """What all jobs of a sweep share: the launcher, and the depths that the study or a figure proposes."""
    fixed = {o.key_or_group: o for o in asked if not o.is_sweep_override()}
    chosen = {key: o.value() for key, o in fixed.items()}
    if {"cluster", "hydra/launcher"} <= set(chosen):
        _check_launcher(str(chosen["cluster"]), str(chosen["hydra/launcher"]))
    if "figure" in fixed and "study" in fixed:
        of = _options((f"figure={fixed['figure'].get_value_element_as_str()}",)).study
        if of != chosen["study"]:
            raise SettingError(f"figure={chosen['figure']}: it is of study {of}; leave out study, or figure")
    study = asked_study([f"{key}={value}" for key, value in chosen.items()])
    groups = [o for key, o in fixed.items() if names_for(key, study) or key == "hydra/launcher"]
    root = copy.deepcopy(_options(tuple(f"{o.key_or_group}={o.get_value_element_as_str()}" for o in groups)))
    of_launcher = [o for key, o in fixed.items() if key.startswith("hydra.launcher.")]
    check_launcher_keys(of_launcher, _launcher(root))
    ConfigLoaderImpl._apply_overrides_to_config(of_launcher, root)
    for override in of_launcher:
        OmegaConf.select(root, override.key_or_group)  # a reference to a key that is not there is refused
    return root


def _check_launcher(cluster: str, launcher: str) -> None:
    """Only jobs that run here may be started by another launcher than their cluster's own."""
    if cluster not in Cluster.options or Cluster.options[cluster].is_here:
        return
    own_launcher = _launcher(_options((f"cluster={cluster}",)))
    if launcher != own_launcher:
        raise SettingError(f"cluster={cluster}: its launcher is {own_launcher}; leave out hydra/launcher, or cluster")


def _chosen_launcher(asked: Sequence[Override], root: Any) -> str:
    """Who starts the jobs: the launcher that was asked for, or that of the cluster, else workers of our own.

    Raises `SettingError` for a key `jobs` that a launcher would not heed.
    """
    keys = {override.key_or_group for override in asked}
    launcher = _launcher(root)
    if launcher == "basic" and "hydra/launcher" not in keys:
        return launchers.SIDE_BY_SIDE
    if "jobs" in keys:
        raise SettingError(f"jobs: the launcher {launcher} says itself how many jobs run at a time; leave jobs out")
    return launcher


def _launcher(root: Any) -> str:
    return root.hydra.runtime.choices["hydra/launcher"]


def _composed(point: Sequence[str]) -> Any:
    """The configuration of a job, as `hydra.compose` has it; files are read once for each choice of options."""
    study = asked_study(point)
    groups = tuple(line for line in point if names_for(key := line.split("=", 1)[0], study) or key == "hydra/launcher")
    others = [line for line in point if line not in groups and not line.startswith("hydra.launcher.")]
    config = copy.deepcopy(_options_of_job(groups))
    for line in others:
        with translated(point, line.split("=", 1)[0]):
            ConfigLoaderImpl._apply_overrides_to_config([_parsed(line)], config)
    return config


@functools.lru_cache(maxsize=256)
def _options(groups: tuple[str, ...]) -> Any:
    """The configuration of these choices of options; not to be changed."""
    return compose("config", overrides=list(groups), return_hydra_config=True)


@functools.lru_cache(maxsize=256)
def _options_of_job(groups: tuple[str, ...]) -> Any:
    """The same without Hydra's own part, which a job does not see."""
    config = copy.deepcopy(_options(groups))
    with open_dict(config):
        del config["hydra"]
    return config


@functools.lru_cache(maxsize=4096)
def _parsed(line: str) -> Override:
    return OverridesParser.create().parse_override(line)


def _check_shared(first: Settings, other: Settings) -> None:
    """A key that is no content has one value in all jobs: of jobs that differ in it alone only one would run."""
    values = {entry.key: entry.value for entry in describe(first) if not entry.field.metadata.get("content", True)}
    for entry in describe(other):
        if entry.key in values and entry.value != values[entry.key]:
            raise SettingError(f"{no_content(entry.key)}; got {values[entry.key]} and {entry.value}")


def settings_of(config: Any) -> Settings:
    """The settings that a composed configuration stands for."""
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    return from_mapping({str(k): v for k, v in values.items()})


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
    boxes_left = [
        {o.split("=", 1)[0]: (o.split("=", 1)[1],) for o in job.overrides} for job in plan.jobs if job.name in missing
    ]
    for key in list(dict.fromkeys(key for box in boxes_left for key in box)):
        merged: dict[tuple[Any, ...], dict[str, tuple[str, ...]]] = {}
        for box in boxes_left:
            others = (key in box, *((k, v) for k, v in box.items() if k != key))
            same = merged.setdefault(others, {**box, key: ()} if key in box else box)
            if key in box:
                same[key] += box[key]
        boxes_left = list(merged.values())
    names = {frozenset(job.overrides): job.name for job in plan.jobs}
    made: list[Box] = []
    for box in boxes_left:
        points = itertools.product(*([f"{key}={value}" for value in values] for key, values in box.items()))
        jobs = tuple(names[frozenset(point)] for point in points)  # as the sweeper takes them
        made.append(Box(tuple(f"{key}={','.join(values)}" for key, values in box.items()), plan.launcher, jobs))
    return made


def overridden(sweep: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """The overrides of a sweep with some of them replaced, by key, and others added.

    Another cluster or launcher replaces all that was said of where jobs run: its keys belong to it alone.
    """
    new = {o.split("=", 1)[0] for o in overrides}
    places = {"cluster", "hydra/launcher", "jobs"}
    moved = bool(new & places)

    def stays(name: str) -> bool:
        where = name in places or name.startswith(("cluster.", "hydra.launcher."))
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
    ours = [f"hydra.sweep.dir={quoted(str(folder))}", "hydra.sweep.subdir=.", "hydra.mode=MULTIRUN"]
    ours.append(f"+hydra.job.env_set.{imports.PACKAGE_VARIABLE}={quoted(str(imports.PACKAGE_FILE))}")
    if launchers.named(box.launcher).by_submitit:
        ours.append(f"hydra.launcher.submitit_folder={quoted(str(folder / SUBMITIT / array / '%j'))}")
    if not launchers.named(box.launcher).is_here:
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
    ours = [quoted(line) for line in (*imports.SETUP, *own.lines_of_shell())]
    return f"{key}[{','.join([line for line in lines if line] + ours)}]"


def launch() -> None:
    """The child's whole program: Hydra's own entry point around `task`."""
    import hydra

    try:
        imports.require_same()
        registry.bring()
    except (OtherPackage, SettingError) as error:
        raise SystemExit(f"reslim: {error}") from None
    threading.Thread(target=die_with_client, daemon=True).start()
    register()
    registry.groups()  # Hydra asks what init=tied is before it reads the study, whose settings bring the group
    sys.argv[0] = "reslim"
    try:
        hydra.main(config_path=f"pkg://{CONFIGS}", config_name="config", version_base="1.3")(task)()
    finally:
        chosen = (argument.removeprefix("hydra/launcher=") for argument in sys.argv)
        if any(launchers.named(name).leaves_early for name in chosen):
            _wait_for_children()


def _wait_for_children() -> None:
    """Stay until the jobs have ended: nobody else would end them with the client."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def task(config: Any) -> None:
    """One job, wherever Hydra's launcher runs it. Never raises: what happened stands in the job's status file."""
    from hydra.core.hydra_config import HydraConfig

    from resnet_limits.runs.job import run_job

    run = Path(HydraConfig.get().sweep.dir).parent
    run_job(run, settings_of(config))
