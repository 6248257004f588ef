"""SIGKILL at random moments, of the client, of a launcher, of a worker: resumed until it is done, the sweep has the
results of one that was left alone, bit for bit, and nothing is left over.

100 kills of one sweep, and 10 of one of each study under each launcher: `python -m pytest -m long tests/faults`.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.cli.command import Reslim, wait_for
from tests.faults.sweep import (
    OF_EACH_STUDY,
    TRAINS,
    assert_nothing_left_over,
    assert_same_results,
    launchers,
    processes,
    states,
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")]

BASIC = ("hydra/launcher=basic",)
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


class Campaign:
    """Sweeps that are killed and resumed, one after another, until there were so many kills."""

    def __init__(self, reslim: Reslim, sweep: tuple[str, ...], undisturbed: Path, seed: int) -> None:
        self.reslim, self.sweep, self.undisturbed = reslim, sweep, undisturbed
        self.random = random.Random(seed)
        self.groups: set[int] = set()
        self.said: list[str] = []

    def kill(self, kills: int) -> None:
        done = 0
        while done < kills:
            done += self.attempt()
        while self.current() is not None:
            self.attempt(disturbed=False)

    def current(self) -> Path | None:
        """The run that is not finished."""
        runs = [run for run in self.reslim.runs() if not (run / "seen").exists()]
        return runs[0] if runs else None

    def attempt(self, *, disturbed: bool = True) -> bool:
        """Start or resume, and kill a process; whether one was killed before all was done."""
        run = self.current()
        known = launchers(run) if run else []
        arguments = ("--resume", str(run)) if run else self.sweep
        client = self.reslim.start("train", *arguments, start_new_session=True)
        killed = disturbed and self.disturb(client, known)
        out, err = client.communicate(timeout=600)
        assert "Traceback" not in out + err, err
        run = self.current()
        self.groups |= set(launchers(run)) if run else set()
        for group in self.groups:
            wait_for(lambda group=group: not processes(group), seconds=10)
        if client.returncode == 0:
            assert run is not None
            assert_same_results(run, self.undisturbed)
            assert_nothing_left_over(run)
            (run / "seen").touch()
        else:
            assert client.returncode in (1, -signal.SIGKILL), err
            assert killed or client.returncode == 1, err
        return killed

    def disturb(self, client, known: list[int]) -> bool:
        """Wait for a random while and kill one process."""
        if self.random.random() < 0.7:  # else anywhere in the start: imports, the folder being made, the launch
            wait_until = time.monotonic() + 60
            while client.poll() is None and not self.is_running(known) and time.monotonic() < wait_until:
                time.sleep(0.01)
        moment = time.monotonic() + self.random.uniform(0, 2)
        while client.poll() is None and time.monotonic() < moment:
            time.sleep(0.01)
        run = self.current()
        groups = [group for group in launchers(run) if group not in known] if run else []
        victims = [client.pid, *(process for group in groups for process in processes(group))]
        victim = self.random.choice(victims)
        if client.poll() is not None:
            return False
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.said.append(f"{'client' if victim == client.pid else 'launcher' if victim in groups else 'worker'}")
        return True

    def is_running(self, known: list[int]) -> bool:
        run = self.current()
        return run is not None and len(launchers(run)) > 0 and launchers(run) != known and "running" in states(run)


def killed(reslim, sweep, undisturbed, seed, kills):
    if "hydra/launcher=joblib" in sweep:
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    campaign = Campaign(reslim, sweep, undisturbed.path, seed)
    print(f"seed {seed}")
    campaign.kill(kills)
    print(f"killed: {', '.join(campaign.said)}; sweeps: {len(reslim.runs())}")
    assert len(campaign.said) == kills


LAUNCHERS = pytest.mark.parametrize(
    ("launcher", "seed"), [(("jobs=2",), 1), (JOBLIB, 2)], ids=["side by side", "joblib"]
)


@LAUNCHERS
def test_a_sweep_killed_at_random_moments_ends_with_the_results_of_one_left_alone(reslim, trained, launcher, seed):
    killed(reslim, (*TRAINS, *launcher), trained, seed, kills=3)


@LAUNCHERS
def test_a_sweep_of_another_study_does_too(reslim, left_alone, launcher, seed):
    killed(reslim, (*OF_EACH_STUDY["gamma"], *launcher), left_alone("gamma"), seed, kills=1)


@pytest.mark.long
@LAUNCHERS
@pytest.mark.parametrize("study", OF_EACH_STUDY)
def test_ten_kills_of_each_study(reslim, left_alone, study, launcher, seed):
    killed(reslim, (*OF_EACH_STUDY[study], *launcher), left_alone(study), seed + 20, kills=10)


@pytest.mark.long
@pytest.mark.parametrize(("launcher", "seed"), [(("jobs=3",), 11), (JOBLIB, 12), (BASIC, 13), (JOBLIB, 14)])
def test_a_hundred_kills(reslim, trained, launcher, seed):
    killed(reslim, (*TRAINS, *launcher), trained, seed, kills=25)
