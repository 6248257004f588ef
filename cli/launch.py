"""Launch the missing jobs of a run, and watch their status files until all are done.

    launcher        started by                    the jobs end with    who still starts what is queued
    --------        ----------                    -----------------    -------------------------------
    side by side    workers, alive until nothing  their worker, and    the workers
                    waits (workers.py)            it with this client
    basic, joblib,  a child process, alive        the child, and it    the child
    submitit_local  until its jobs are done       with this client
    submitit_slurm  a child that sends an array   themselves           SLURM (runs/scheduler.py)

What became of a job is read from its own `status.json`. The launcher's return is not waited for: it may hang where a
job was killed.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from resnet_limits.runs import scheduler
from resnet_limits.runs.folder import SUBMITIT, Run
from resnet_limits.runs.job_folder import LAUNCHER, JobFolder
from resnet_limits.runs.status import State, lost_after, note_stopped

from . import launchers, workers
from .display import Watch
from .hydra_bridge import Box, start_child
from .printable import continuing, say
from .workers import Crew

POLL = 0.1
REST = 9
"""Seconds that the client rests for each that it looks: the cores are the jobs'."""
ASK = 5.0
"""Seconds from one question to the scheduler to the next."""
GRACE = 2.0
"""Seconds from SIGTERM to SIGKILL for a launcher and its jobs."""


@dataclass
class Child:
    """A worker, or a process in which Hydra launches the jobs of one sweep."""

    process: subprocess.Popen[bytes]
    box: Box | Crew
    array: str
    released: bool = False

    def is_at_work(self, run: Run) -> bool:
        """Whether it still has jobs to start: of an array, until SLURM has all of its tasks."""
        if self.process.poll() is not None:
            return False
        return launchers.named(self.box.launcher).is_here or self._sent(run) < self.box.count

    def was_refused(self, run: Run) -> bool:
        """Whether it ended with an error before it had sent anything."""
        return bool(self.process.poll()) and not self._sent(run)

    def _sent(self, run: Run) -> int:
        """How many tasks of its array submitit has sent."""
        return len(list((run.path / LAUNCHER / SUBMITIT / self.array).glob("*/*_submitted.pkl")))


@dataclass
class Launch:
    """What is to be launched, one after another, and the children that launch it."""

    run: Run
    boxes: list[Box | Crew]
    children: list[Child] = field(default_factory=list)
    asked: float = -ASK
    held: bool = True
    said: bool = False

    def goes_on(self, jobs: Collection[str]) -> bool:
        """Start the next sweep where it is time; whether anybody still starts one of these jobs."""
        if any(child.is_at_work(self.run) for child in self.children):
            return True
        done = list(self.children)
        if self.boxes:
            self._start(self.boxes.pop(0))
        for child in done:
            self._release(child)
        if len(self.children) > len(done):
            return True
        if self.run.launching() & set(jobs):  # another client's
            return True
        if time.monotonic() - self.asked >= ASK:
            self.held, self.asked = bool(scheduler.tasks_held(self.run.path, jobs)), time.monotonic()
            if (silence := scheduler.silence()) and not self.said:
                self.said = True
                say(f"SLURM does not answer ({silence}); waiting until it does")
        return self.held

    def _start(self, box: Box | Crew) -> None:
        array = secrets.token_hex(8)
        started = workers.start(self.run, box) if isinstance(box, Crew) else [start_child(self.run, box, array)]
        self.children += [Child(process, box, array) for process in started]
        self.asked = -ASK
        still = [job for planned_box in (box, *self.boxes) for job in planned_box.jobs]
        for process in started:
            self.run.launched(process.pid, still)

    def _release(self, child: Child) -> None:
        """Note, once, that a child has nothing more to start: what it has sent, SLURM holds, or nobody."""
        if not child.released and child.process.poll() is None:
            self.run.launched(child.process.pid, [])
        child.released = True

    def is_settled(self, states: Collection[State]) -> bool:
        """Whether nothing more will come of jobs in these states. A lost one may come back from SLURM's queue."""
        comes_back = self.uses_slurm and self.held
        return not self.boxes and set(states) <= {"finished", "failed", *(() if comes_back else ("lost",))}

    def patience(self, states: Collection[State]) -> float:
        """Seconds to wait for status files once nobody is at work: from other machines they may come late."""
        if not self.uses_slurm or "queued" not in states:
            return 0.0
        refused = self.children and all(child.was_refused(self.run) for child in self.children)
        return 0.0 if refused else lost_after() / 2

    @property
    def uses_slurm(self) -> bool:
        return scheduler.was_used(self.run.path)

    def end(self) -> None:
        """End the children and what they started here; tasks of SLURM go on."""
        for child in self.children:
            if launchers.named(child.box.launcher).is_here and not sys.exc_info()[0]:
                with suppress(subprocess.TimeoutExpired):  # its jobs are done; let it clean up
                    child.process.wait(timeout=5)
            _stop(child.process)


def launch(run: Run, names: set[str], boxes: Sequence[Box | Crew]) -> bool:
    """Launch these jobs and show the jobs of these names until all are done; False where some were not started.

    A job that others run, or that a scheduler holds, is waited for.
    """
    jobs = [job for job in run.jobs() if job.name in names]
    launch = Launch(run, list(boxes))
    idle_since: float | None = None
    if count := sum(box.count for box in boxes if not launchers.named(box.launcher).is_here):
        say(f"{count} jobs go to SLURM as {scheduler.task_name(run.path)}")
    with Watch() as watch:
        try:
            while True:
                going = {job.name for job in jobs if job.status.state not in ("finished", "failed")}
                began = time.monotonic()
                goes_on = launch.goes_on(going)  # asked before the files are read: who has ended by now has written
                jobs = [job.refreshed() if job.name in going else job for job in jobs]
                watch.show(jobs)
                took = time.monotonic() - began
                states: set[State] = {job.status.state for job in jobs}
                if launch.is_settled(states):
                    break
                if goes_on or "running" in states:
                    idle_since = None
                else:
                    idle_since = idle_since or time.monotonic()
                    if time.monotonic() - idle_since >= launch.patience(states):
                        break
                time.sleep(max(POLL, REST * took))  # the look at a thousand jobs takes its time
        except KeyboardInterrupt:  # Typer turns it into exit code 130 and says nothing
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough: what was started is ended in seconds
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _say_interrupted(launch)
            launch.end()
            _note_stopped([job for job in jobs if job.status.state in ("queued", "running")])
            raise
        finally:
            launch.end()
    return "queued" not in states


def _say_interrupted(launch: Launch) -> None:
    path = launch.run.path
    say(f"interrupted; {continuing(path)} continues")
    if launch.uses_slurm:
        name = scheduler.task_name(path)
        say(f"jobs in SLURM go on by themselves; scancel --name={name} ends them")


def _note_stopped(jobs: Sequence[JobFolder]) -> None:
    """Of the jobs that were under way and were ended with this client, that an interrupt did it."""
    for job in jobs:
        with suppress(OSError):  # a full disk: they count as lost
            note_stopped(job.path)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End a child and the processes it started; a local launcher dies with its client.

    All of its group: jobs of submitit take SIGTERM for a warning, and outlive the child.
    """
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        end = time.monotonic() + GRACE
        while time.monotonic() < end:
            child.poll()
            os.killpg(child.pid, 0)  # raises once nobody is left
            time.sleep(POLL / 2)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
