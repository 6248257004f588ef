"""One job in its folder: one owner, and results that are whole."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from resnet_limits.runs import status as states
from resnet_limits.runs.job import owned, run_job
from resnet_limits.runs.records import read_parquet
from resnet_limits.runs.status import Process
from tests.runs.conftest import settings

RACE = """
import sys, time
from pathlib import Path
from resnet_limits.runs.job import owned
folder, count = Path(sys.argv[1]), int(sys.argv[2])
(folder / f"ready-{sys.argv[3]}").touch()
while len(list(folder.glob("ready-*"))) < count:
    pass
with owned(folder) as mine:
    print(mine, flush=True)
    sys.stdin.read(1)
"""


def race(folder, count):
    """How many of several processes own the folder, each asking at once and staying until all have asked."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(folder), str(count), str(i)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(count)
    ]
    answers = [process.stdout.readline().strip() for process in processes if process.stdout]
    for process in processes:
        process.communicate("\n", timeout=30)
    return answers.count("True")


def test_of_several_processes_that_want_a_job_exactly_one_gets_it(tmp_path):
    assert race(tmp_path, 4) == 1
    assert not list(tmp_path.glob("*owner*")), "and gives it back"


def test_of_several_processes_exactly_one_replaces_a_dead_owner(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    owner = {"host": Process.this().host, "pid": child.pid, "started": states.process_start(child.pid) or "1"}
    child.wait()
    (tmp_path / "owner.json").write_text(json.dumps(owner))
    assert race(tmp_path, 4) == 1


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"host": "a"}', "null"])
def test_a_damaged_owner_file_is_no_owner(tmp_path, text):
    (tmp_path / "owner.json").write_text(text)
    with owned(tmp_path) as mine:
        assert mine


def test_a_live_owner_keeps_the_job(tmp_path):
    with owned(tmp_path) as first, owned(tmp_path) as second:
        assert (first, second) == (True, False)
    with owned(tmp_path) as again:
        assert again


def test_a_job_that_another_process_runs_is_left_alone(make_run):
    run = make_run([4])
    (job,) = run.jobs()
    with owned(job.path):
        run_job(run.path, job.settings)
        assert run.jobs()[0].status.state == "queued"


def test_a_finished_job_is_left_alone_and_a_damaged_one_is_done_again(make_run):
    run = make_run([4], measured=True)
    (job,) = run.jobs()
    before = (job.path / "status.json").stat().st_mtime_ns
    records = read_parquet(job.path / "records.parquet").drop(columns="seconds")
    run_job(run.path, job.settings)
    assert (job.path / "status.json").stat().st_mtime_ns == before
    (job.path / "arrays.safetensors").write_bytes(b"")
    assert run.jobs(verify=True)[0].status.state == "lost"
    run_job(run.path, job.settings)
    assert run.jobs(verify=True)[0].status.state == "finished"
    assert read_parquet(job.path / "records.parquet").drop(columns="seconds").equals(records)


def test_a_measurement_that_fails_leaves_its_reason_and_no_results(make_run):
    run = make_run([4])
    too_many = settings(4, ode=type(settings(4).ode)(inputs=5000, paths=1))
    run_job(run.path, too_many)
    (job,) = [job for job in run.jobs() if job.settings.ode.inputs == 5000]
    assert job.status.state == "failed"
    assert "ode.inputs=5000" in job.status.message
    assert "ode.inputs=5000" in "\n".join(job.last_log_lines())
    assert not (job.path / "records.parquet").exists()
    assert not (job.path / "owner.json").exists()
