"""No room: said with the reason and what helps, nothing that was there is lost, and with room it goes on."""

from __future__ import annotations

import contextlib
import json
import resource

import pytest

from resnet_limits.runs.shared import SharedFolder
from tests.cli.command import Reslim
from tests.faults.sweep import SMALL, TRAINS, arrays, assert_same_results

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(mounted):
    return mounted("-t", "tmpfs", "-o", "size=4m", "tmpfs")


def fill(path, leave=0):
    """Write until there is no room; `leave` bytes are given back."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with open(path, "r+b") as file:
        file.truncate(max(0, path.stat().st_size - leave))


def assert_said(answer, *words):
    assert "Traceback" not in answer.out + answer.err, answer.err
    for word in words:
        assert word in answer.err, answer.err


def test_without_room_for_a_run_folder_the_request_is_refused_and_nothing_is_left(disk):
    fill(disk / "ballast")
    answer = Reslim(disk)("train", *TRAINS)
    assert answer.code == 2
    assert_said(answer, "cannot write to", "No space left on device", "outputs=")
    assert len(answer.err.splitlines()) == 1
    assert list(disk.rglob("provenance.json")) == []
    assert [path for path in disk.rglob("*") if path.name.startswith(".")] == []


@pytest.fixture
def half(trained, disk):
    """A run on the small disk of which one job is finished and two are missing, with the command."""
    run, reslim = trained.copy(disk)
    for path in run.glob("figures/*"):
        path.unlink()
    for job in run.glob("jobs/*"):
        if not job.name.startswith("2-"):
            for name in ("records.parquet", "arrays.safetensors", "status.json", "log.txt"):
                (job / name).unlink()
    return run, reslim


def test_jobs_without_room_fail_with_the_reason_and_go_on_when_there_is_room(half, trained, disk):
    run, reslim = half
    before = arrays(run)
    fill(disk / "ballast", leave=30_000)
    answer = reslim("train", "--resume", str(run))
    assert answer.code in (1, 2)
    assert_said(answer, "No space left on device", "make room")
    assert arrays(run).items() >= before.items(), "what was finished stays"
    (disk / "ballast").unlink()
    reslim("train", "--resume", str(run)).done()
    assert_same_results(run, trained.path)


def test_resuming_without_any_room_is_refused_in_a_line(half, disk):
    run, reslim = half
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    fill(disk / "ballast")
    answer = reslim("train", "--resume", str(run))
    assert answer.code in (1, 2)
    assert_said(answer, "No space left on device")
    for path, content in before.items():
        if path.name not in ("status.json", "log.txt", "output.txt"):
            assert path.read_bytes() == content, path


def test_a_report_without_room_is_refused_in_a_line(trained, disk, tmp_path):
    fill(disk / "ballast", leave=8192)
    answer = trained.reslim("report", str(trained.path), "--out", str(disk / "report"))
    assert answer.code == 2
    assert_said(answer, "No space left on device", "--out")
    assert len(answer.err.splitlines()) == 1


def test_a_limit_on_the_size_of_files_is_no_traceback_either(reslim):
    """Every file of more than 2 kB is refused by the system: the records of each job are."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    answer = reslim("train", *SMALL, "depth=2", preexec_fn=limit)
    assert answer.code in (1, 2)
    assert_said(answer, "File too large")
    (run,) = reslim.runs() or [None]
    if run is not None:
        (status,) = (json.loads(path.read_text()) for path in run.glob("jobs/*/status.json"))
        assert status["state"] in ("queued", "failed")


def test_a_solution_that_cannot_be_kept_is_computed_and_used(disk):
    import numpy as np

    (disk / "run").mkdir()
    fill(disk / "ballast")
    for folder in (disk / "run" / "shared", disk / "nowhere" / "shared"):
        solution = SharedFolder(folder).solve("flow", {}, lambda: {"x": np.arange(10_000.0)})
        assert solution["x"][-1] == 9999.0
        assert {path.suffix for path in disk.rglob("*flow*")} <= {".lock"}
