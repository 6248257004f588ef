"""`status.json`: who runs a job, and when nobody does."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from resnet_limits.runs import status as states
from resnet_limits.runs.status import Process, Status


@pytest.fixture
def finished_process():
    """A process that has just ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = Process(Process.this().host, child.pid, states.process_start(child.pid))
    child.communicate(b"\n")
    return process


def written(folder, status):
    states.write_status(folder, status)
    return states.read_status(folder)


def test_a_status_reads_back_as_it_was_written(tmp_path):
    for status in (
        Status("queued"),
        Status("running", Process.this(), heartbeat=time.time(), progress=0.5, message="epoch 1"),
        Status("finished", Process.this(), seconds=1.5, device="cpu", digests={"records.parquet": "00"}),
        Status("failed", Process.this(), message="the loss is nan"),
    ):
        assert written(tmp_path, status) == status


def test_a_running_job_is_lost_as_soon_as_its_process_is_gone(tmp_path, finished_process):
    now = time.time()
    assert written(tmp_path, Status("running", Process.this(), heartbeat=0)).state == "running", "alive, however silent"
    assert written(tmp_path, Status("running", finished_process, heartbeat=now)).state == "lost"
    assert written(tmp_path, Status("running", None, heartbeat=now)).state == "lost"
    assert "memory" in states.read_status(tmp_path).message, "the kernel kills without a word"


def test_a_later_process_of_the_same_id_does_not_pass_for_the_job(tmp_path):
    this = Process.this()
    assert (
        written(tmp_path, Status("running", Process(this.host, this.pid, "1"), heartbeat=time.time())).state == "lost"
    )


def test_a_process_without_a_start_time_does_not_run_for_ever(tmp_path, finished_process):
    nobody = Process(finished_process.host, finished_process.pid, "")
    assert written(tmp_path, Status("running", nobody, heartbeat=time.time())).state == "lost"


def test_on_another_host_the_heartbeat_decides_after_a_limit_that_can_be_set(tmp_path, monkeypatch):
    elsewhere = Process("another-host", 1, "1")
    monkeypatch.delenv("RESLIM_LOST_AFTER", raising=False)
    assert written(tmp_path, Status("running", elsewhere, heartbeat=time.time() - 50)).state == "running"
    assert written(tmp_path, Status("running", elsewhere, heartbeat=time.time() - 70)).state == "lost"
    monkeypatch.setenv("RESLIM_LOST_AFTER", "600")
    assert states.read_status(tmp_path).state == "running"
    monkeypatch.setenv("RESLIM_LOST_AFTER", "5")
    assert states.read_status(tmp_path).state == "lost"
    monkeypatch.setenv("RESLIM_LOST_AFTER", "soon")
    assert states.lost_after() == 60


def test_jobs_that_do_not_run_are_never_lost(tmp_path, finished_process):
    for state in ("queued", "finished", "failed"):
        assert written(tmp_path, Status(state, finished_process)).state == state


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        "{}",
        '{"state": "done", "process": null}',
        '{"state": "finished"}',
        '{"state": "finished", "process": 3}',
        '{"state": "running", "process": {"host": "a"}}',
        '{"state": "finished", "process": null, "digests": 3}',
        '{"state": "finished", "process": null, "digests": {"records.parquet": 3}}',
        '{"state": "failed", "process": null, "message": 3}',
        '{"state": "failed", "process": null, "seconds": "3"}',
        '{"state": "running", "process": null, "heartbeat": "now"}',
        '{"state": "finished", "process": null, "surprise": 1}',
    ],
)
def test_a_damaged_status_counts_as_lost(tmp_path, text):
    (tmp_path / "status.json").write_text(text)
    assert states.read_status(tmp_path).state == "lost"


def test_a_missing_or_binary_status_counts_as_lost(tmp_path):
    assert states.read_status(tmp_path).state == "lost"
    (tmp_path / "status.json").write_bytes(b"\x80\x04\x95\x00")
    assert states.read_status(tmp_path).state == "lost"


def test_results_that_are_not_what_the_job_left_make_it_lost(tmp_path):
    for name in states.RESULTS:
        (tmp_path / name).write_bytes(b"numbers")
    file = tmp_path / "records.parquet"
    digests = {name: states.file_digest(tmp_path / name) for name in states.RESULTS}
    status = Status("finished", Process.this(), digests=digests)
    assert states.verified(tmp_path, status) == status
    file.write_bytes(b"numberz")
    assert states.verified(tmp_path, status).state == "lost"
    assert file.name in states.verified(tmp_path, status).message
    file.unlink()
    assert states.verified(tmp_path, status).state == "lost"


def test_a_digest_cannot_point_out_of_the_folder(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "job").mkdir()
    status = Status("finished", digests={"../secret": states.file_digest(tmp_path / "secret")})
    assert states.verified(tmp_path / "job", status).state == "lost"


def test_a_status_is_replaced_as_a_whole(tmp_path):
    states.write_status(tmp_path, Status("queued"))
    states.write_status(tmp_path, Status("failed", message="x" * 10_000))
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "failed"
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]
