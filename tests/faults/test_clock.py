"""A clock that is wrong, or set back: live jobs live, dead ones do not, and the latest run is the one made last."""

from __future__ import annotations

import json
import time

import pytest

from resnet_limits.runs import status as states
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.runs.status import Process, Status
from tests.planting import plant
from tests.runs.conftest import replan, settings

pytestmark = pytest.mark.slow

HOUR = 3600.0
HERE = Process.this().host


class Clock:
    """`time.time` and the local time, set off by some seconds that change."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.off = 0.0
        real, local = time.time, time.strftime
        monkeypatch.setattr(time, "time", lambda: real() + self.off)
        monkeypatch.setattr(
            time, "strftime", lambda form, *times: local(form, *(times or [time.localtime(real() + self.off)]))
        )


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def written(folder, status):
    states.write_status(folder, status)
    return states.read_status(folder).state


@pytest.mark.parametrize("off", [-10 * HOUR, -61.0, 61.0, 10 * HOUR])
def test_on_this_host_the_clock_says_nothing_about_life(tmp_path, off):
    now = time.time()
    assert written(tmp_path, Status("running", Process.this(), heartbeat=now + off)) == "running"
    assert written(tmp_path, Status("running", Process(HERE, 2**22 - 1, "1"), heartbeat=now + off)) == "lost"


@pytest.mark.parametrize("heartbeat", [1e300, 0.0])
def test_a_heartbeat_of_another_age_keeps_no_dead_job_of_another_host(tmp_path, heartbeat):
    assert written(tmp_path, Status("running", Process("elsewhere", 1, "1"), heartbeat=heartbeat)) == "lost"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e999", "-Infinity", "9" * 400])
def test_a_heartbeat_that_is_no_time_keeps_no_job_alive(tmp_path, word):
    states.write_status(tmp_path, Status("running", Process("elsewhere", 1, "1"), heartbeat=12345.5))
    text = (tmp_path / "status.json").read_text()
    (tmp_path / "status.json").write_text(text.replace("12345.5", word))
    assert states.read_status(tmp_path).state == "lost"


def test_a_clock_set_back_while_a_job_runs_changes_neither_its_life_nor_its_seconds(make_run, clock, monkeypatch):
    run = make_run([4])
    (job,) = run.jobs()
    seen = []
    write = states.write_status

    def watched(folder, status):
        clock.off -= HOUR
        write(folder, status)
        seen.append(states.read_status(folder).state)

    plant(monkeypatch, states.write_status, watched)
    run_job(run.path, job.settings)
    assert seen[0] == "running"
    assert seen[-1] == "finished"
    assert "lost" not in seen
    status = states.read_status(job.path)
    assert status.seconds is not None
    assert 0 <= status.seconds < 600
    assert json.loads((job.path / "status.json").read_text())["heartbeat"] < time.time() + 10 * HOUR


def create(root):
    return Run.create(root, [settings(4)], ["depth=4"], ["reslim", "train"])


def test_the_latest_run_is_the_one_made_last_whatever_the_clock_says(tmp_path, clock):
    made = []
    for clock.off in (0.0, 50 * HOUR, -HOUR, -50 * HOUR, 0.0):
        made.append(create(tmp_path))
        assert Run.find(tmp_path, "latest") == made[-1]
    assert Run.all(tmp_path) == made
    assert [run.id[:10] for run in made] != sorted(run.id[:10] for run in made), "the folders say what the clock said"


def test_runs_of_one_second_are_in_the_order_in_which_they_were_made(tmp_path):
    made = [create(tmp_path) for _ in range(6)]
    assert Run.all(tmp_path) == made


def test_a_run_that_does_not_say_when_it_was_made_goes_by_the_date_of_its_folder(tmp_path):
    old, new = create(tmp_path), create(tmp_path)
    for run, name in ((old, "2020-01-01_00-00-00_aaaaaaaa"), (new, "no date at all")):
        replan(run.path, started="long ago")
        run.path.rename(run.path.with_name(name))
    third = create(tmp_path)
    assert [run.id for run in Run.all(tmp_path)] == ["no date at all", "2020-01-01_00-00-00_aaaaaaaa", third.id]
