"""One job in its folder: claim it, measure, write what was measured, say how it went.

    jobs/NAME/  config.yaml          the settings, written when the run is planned
                status.json          queued, running, finished or failed (see status.py)
                owner.json           the process that runs the job; there while it does
                log.txt              what happened, with times
                checkpoint/          the last two states of what is running, until the job is finished (checkpoint.py)
                records.parquet      the numbers measured
                arrays.safetensors   what comparisons and figures need
                tensorboard/ wandb/  what the sinks that were asked for have seen (sinks/)

The status says finished only after records and arrays are in place. A live job is never started twice.
"""

from __future__ import annotations

import contextlib
import shutil
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import device, imports
from ..data import identity
from ..errors import OutputError, ReslimError
from ..files import remove_leftovers, whole
from ..measurement.job import Job
from ..memory import explained
from ..printable import spelt
from ..settings.base import Settings
from ..settings.build import require_files
from . import status as states
from .interruption import Interrupted, Interruption
from .job_folder import LAUNCHER, queue
from .owner import owned
from .reporter import Reporter, write_status_anyway
from .status import Process, Status

if TYPE_CHECKING:
    from ..engines.engine import Engine

SECONDS_OF_GRACE = 15.0
"""Seconds that a job has to save its state where its settings do not say how long the scheduler waits."""


def run_job(run: Path, settings: Settings) -> None:
    """Run one job in its folder. Returns whatever happens: the outcome stands in the folder.

    A finished job is left alone; a job that another live process runs is left to it. A job that its scheduler
    interrupts saves its state, is queued again and handed back to the scheduler, which may end the process. The
    identity of its data is found where the settings do not give it.
    """
    (settings,) = identity.filled([settings])
    folder = queue(run, settings)
    with Interruption(grace(settings)) as interruption:
        try:
            _run(run, folder, settings, interruption)
        except Interrupted:
            pass
        else:
            return
    try:
        interruption.hand_back()
    except Exception as error:
        reason = f"{error} A longer cluster.time, or more cluster.requeues, may do; resume the run"
        write_status_anyway(folder, Status("failed", Process.this(folder), time.time(), message=reason))


def _run(run: Path, folder: Path, settings: Settings, interruption: Interruption) -> None:
    with contextlib.ExitStack() as stack:
        try:
            mine = stack.enter_context(owned(folder))
        except OSError as error:
            if states.read_status(folder).state in ("queued", "failed", "lost"):
                reason = f"cannot write to {folder}: {error.strerror}; make room, then resume the run"
                write_status_anyway(folder, Status("failed", Process.this(folder), time.time(), message=reason))
            return
        if not mine or states.verified(folder, states.read_status(folder)).state == "finished":
            return
        for place in (folder, folder / "checkpoint", run / "shared"):
            remove_leftovers(place)
        with Reporter(folder) as reporter:
            try:
                seconds = _measure(run, folder, settings, reporter, interruption)
            except Interrupted:
                reporter.log("interrupted by the scheduler; it waits in the queue to go on")
                reporter.end("queued", "interrupted, waits to go on")
                raise
            except KeyboardInterrupt:
                reporter.log(states.STOPPED)
                reporter.end("queued", states.STOPPED)
                raise
            except Exception as error:
                reporter.log(spelt(str(error) if isinstance(error, ReslimError) else traceback.format_exc()))
                reporter.end("failed", spelt(f"{type(error).__name__}: {error}".splitlines()[0]))
            else:
                reporter.end("finished", "", seconds)
                shutil.rmtree(folder / "checkpoint", ignore_errors=True)


def _engine(settings: Settings, folder: Path, device: str) -> Engine:
    """The engine that is asked for; of `auto`, where a state is left, the one that it goes on by."""
    from ..engines.engine import Engine
    from .checkpoint import way_of_states

    engine, left = Engine.options[settings.engine](), way_of_states(folder / "checkpoint")
    return engine if left is None else engine.going_on(left, device)


def grace(settings: Settings) -> float:
    """Half of the time from a scheduler's signal to the end: the other half is for writing and requeueing."""
    notice = settings.cluster.notice()
    return SECONDS_OF_GRACE if notice is None else notice / 2


def _measure(run: Path, folder: Path, settings: Settings, reporter: Reporter, interruption: Interruption) -> float:
    import numpy as np
    import torch
    from safetensors import SafetensorError
    from safetensors.numpy import save_file
    from threadpoolctl import threadpool_limits

    from ..data import sketch
    from ..engines import computed_by
    from ..sinks import measured
    from ..sinks.opened import opened
    from ..studies import study
    from .checkpoint import FolderCheckpoints
    from .lease import leased
    from .provenance import version
    from .records import table, write_parquet
    from .shared import SharedFolder

    imports.require_same()
    require_files(settings)
    torch.set_num_threads(settings.threads)

    def waiting() -> None:
        reporter.waits("waits for a GPU")
        if interruption.wanted():
            interruption.saved()  # there is nothing to save yet

    its_study = study.get(settings.study)
    asked = its_study.device(settings)
    with leased(asked, run / LAUNCHER, job=folder.name, waiting=waiting, log=reporter.log) as its_device:
        where = device.resolve(its_device)
        with (
            computed_by(_engine(settings, folder, where.type), reporter.log) as engine,
            opened(settings, folder, reporter.log, version=version()) as sink,
            threadpool_limits(settings.threads),
        ):
            way = engine.way(where.type)
            reporter.runs(device.name_of_device(where), way, lambda: engine.used)
            reporter.log(f"started on {reporter.device}, {settings.threads} thread(s), engine {engine.name}, {way}")
            start = time.monotonic()
            checkpoints = FolderCheckpoints(folder / "checkpoint", reporter.log, interruption, way=way)
            on_device = replace(settings, device=its_device)
            job = Job(on_device, SharedFolder(run / "shared", way=way), reporter.progress, checkpoints, sink)
            with sketch.compared_by(job.shared.solve):
                measurement = its_study.measure(job)
            seconds = time.monotonic() - start
            measured.show(sink, settings, measurement.records)
    try:
        with explained(settings, its_study.memory_keys, "writing the results"):
            records = table(settings, measurement.records, job=folder.name, seconds=seconds)
            with whole(folder / "arrays.safetensors") as beside:
                # safetensors writes the memory of an array as it lies: strides would be lost without a word
                arrays = {name: np.asarray(array, order="C") for name, array in measurement.arrays.items()}
                save_file(arrays, beside)
            write_parquet(folder / "records.parquet", records)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write to {folder}: {reason}; make room, then resume the run") from None
    engines = ", ".join(engine.used) or "none was asked for networks"
    reporter.log(f"finished in {seconds:.1f} s with {len(measurement.records)} records; engines: {engines}")
    return seconds
