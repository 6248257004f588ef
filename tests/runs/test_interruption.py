"""A scheduler's signals: the state is saved at the next chance, the job is queued again and handed back."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import pytest

from resnet_limits.measurement.checkpoints import State
from resnet_limits.measurement.record import Measurement, Record
from resnet_limits.runs import job as jobs
from resnet_limits.runs import status as states
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.runs.interruption import Interrupted, Interruption
from resnet_limits.runs.records import read_parquet
from resnet_limits.settings.clusters.slurm import SlurmCluster
from resnet_limits.studies import study
from tests.planting import plant
from tests.runs.conftest import settings


@pytest.fixture
def scheduler():
    """Handlers as submitit puts them, and what they were told."""
    signals: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, frame: signals.append(number))
    yield signals
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_state_is_saved_at_the_next_chance_and_the_job_stops(tmp_path, scheduler):
    with Interruption(grace=60) as interruption:
        checkpoints = FolderCheckpoints(tmp_path / "checkpoint", print, interruption).part("a part")
        checkpoints.save(State(values={"done": 1}))
        assert not checkpoints.wanted()
        os.kill(os.getpid(), signal.SIGUSR2)
        assert checkpoints.wanted()
        with pytest.raises(Interrupted):
            checkpoints.save(State({"w": np.arange(3.0)}, {"done": 2}))
    restored = checkpoints.load()
    assert restored is not None
    assert restored.values == {"done": 2}
    assert scheduler == [], "the job is handed back when its folder says so, not before"
    interruption.hand_back()
    assert scheduler == [signal.SIGUSR2]


def work(seconds):
    """Without a chance to save."""
    os.kill(os.getpid(), signal.SIGUSR2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


def test_a_job_without_a_chance_to_save_stops_when_the_grace_is_over(scheduler):
    start = time.monotonic()
    with Interruption(grace=0.3), pytest.raises(Interrupted):
        work(10)
    assert 0.25 < time.monotonic() - start < 5
    time.sleep(0.4)  # no alarm is left behind


def test_a_job_that_is_to_be_ended_saves_and_goes_on(tmp_path, scheduler):
    with Interruption(grace=60) as interruption:
        checkpoints = FolderCheckpoints(tmp_path / "checkpoint", print, interruption)
        os.kill(os.getpid(), signal.SIGTERM)
        assert checkpoints.wanted()
        checkpoints.save(State())
        assert not checkpoints.wanted()


def test_handlers_are_put_back_and_no_others_are_touched(scheduler):
    handler, interrupt = signal.getsignal(signal.SIGUSR2), signal.getsignal(signal.SIGINT)
    with Interruption(grace=1):
        assert signal.getsignal(signal.SIGUSR2) != handler
        assert signal.getsignal(signal.SIGINT) is interrupt
    assert signal.getsignal(signal.SIGUSR2) is handler
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    with Interruption(grace=1):
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL, "nobody would requeue the job"


def test_another_signal_may_be_chosen(monkeypatch):
    monkeypatch.setenv("SUBMITIT_PREEMPT_SIGNAL", "USR1")
    before = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    try:
        with Interruption(grace=1) as interruption:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert interruption.wanted()
            with pytest.raises(Interrupted):
                interruption.saved()
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def interrupted_half_way(monkeypatch):
    """Measurements that save a state each step, and are interrupted in the third unless they go on from it."""
    seen = []

    def measure(job):
        state = job.checkpoints.load()
        steps = state.values["steps"] if state else 0
        seen.append(steps)
        while steps < 5:
            steps += 1
            if steps == 3 and not state:
                os.kill(os.getpid(), signal.SIGUSR2)
            if job.checkpoints.wanted():
                job.checkpoints.save(State(values={"steps": steps}))
        return Measurement([Record("steps", float(steps))], {})

    members = {
        "measure": staticmethod(measure),
        "memory_keys": (),
        "device": staticmethod(lambda job_settings: job_settings.device),
    }
    fake = type("Fake", (), members)
    plant(monkeypatch, study.get, lambda name: fake)
    return seen


def test_an_interrupted_job_is_queued_handed_back_and_goes_on(make_run, scheduler, interrupted_half_way):
    run = make_run([4])
    (job,) = run.jobs()
    jobs.run_job(run.path, job.settings)
    assert scheduler == [signal.SIGUSR2]
    status = states.read_status(job.path)
    assert (status.state, status.message) == ("queued", "interrupted, waits to go on")
    assert not (job.path / "owner.json").exists()

    jobs.run_job(run.path, job.settings)
    assert states.read_status(job.path).state == "finished"
    assert interrupted_half_way == [0, 3]
    assert list(read_parquet(job.path / "records.parquet")["value"]) == [5.0]


def test_a_job_that_is_not_started_again_fails_and_says_what_helps(make_run, interrupted_half_way):
    def refuse(number, frame):
        raise RuntimeError("Job not requeued because: timed-out too many times.")

    before = signal.signal(signal.SIGUSR2, refuse)
    try:
        run = make_run([4])
        (job,) = run.jobs()
        jobs.run_job(run.path, job.settings)
    finally:
        signal.signal(signal.SIGUSR2, before)
    status = json.loads((job.path / "status.json").read_text())
    assert status["state"] == "failed"
    assert "timed-out too many times" in status["message"]
    assert "cluster.time" in status["message"]


def test_the_grace_is_half_of_what_the_scheduler_gives():
    job_settings = settings(4)
    assert jobs.grace(job_settings) == jobs.SECONDS_OF_GRACE
    job_settings.cluster = SlurmCluster(warning=90)
    assert jobs.grace(job_settings) == 45
