"""A run folder somewhere else: copied, also while it runs, or moved, it goes on there; the original is left alone."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from resnet_limits.runs.folder import Run
from tests.cli.command import Reslim, wait_for
from tests.faults.sweep import (
    TRAINS,
    assert_nothing_left_over,
    assert_same_results,
    launchers,
    processes,
    states,
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def copied(run: Path, to: Path) -> Path:
    """A copy as `cp -r` makes it, of files that come and go."""

    def copy(source, target):
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError:
            Path(target).unlink(missing_ok=True)

    for _ in range(20):
        try:
            shutil.copytree(run, to, copy_function=copy)
            return to
        except (shutil.Error, FileNotFoundError):
            shutil.rmtree(to, ignore_errors=True)
    raise AssertionError("the run changed faster than it could be copied")


def test_a_run_copied_while_it_runs_is_resumed_there_and_both_end_alike(reslim, trained, tmp_path):
    client = reslim.start("train", *TRAINS)
    run = wait_for(lambda: next((run for run in reslim.runs() if "running" in states(run)), None))
    copy = copied(run, tmp_path / "elsewhere" / "my run")  # neither study nor date in its path
    assert Run.open(copy).study == "ode"
    assert "running" not in [job.status.state for job in Run.open(copy).jobs()]
    answer = Reslim(tmp_path / "other")("train", "--resume", str(copy)).done()
    assert f"report   {copy}/report.html" in answer.out
    err = client.communicate(timeout=120)[1]
    assert client.returncode == 0, err
    for folder in (run, copy):
        assert_same_results(folder, trained.path)
        assert_nothing_left_over(folder)


def test_a_copy_named_by_a_relative_path_is_resumed_and_the_original_is_not_touched(trained, tmp_path):
    copy = tmp_path / "there" / "copy"
    shutil.copytree(trained.path, copy)
    before = contents(trained.path)
    shutil.rmtree(next(copy.glob("jobs/4-*")))
    Reslim(tmp_path / "other")(
        "train", "--resume", os.path.join("..", "there", "copy"), cwd=made(tmp_path / "here")
    ).done()
    assert_same_results(copy, trained.path)
    assert contents(trained.path) == before


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_run_moved_while_it_runs_ends_its_client_and_is_resumed_where_it_is(reslim, trained, tmp_path):
    client = reslim.start("train", *TRAINS)
    run = wait_for(lambda: next((run for run in reslim.runs() if "running" in states(run)), None))
    groups = launchers(run)
    moved = tmp_path / "moved"
    run.rename(moved)
    try:
        out, err = client.communicate(timeout=60)
    finally:
        client.send_signal(signal.SIGKILL)
    assert client.returncode in (1, 2)
    assert "Traceback" not in out + err, err
    wait_for(lambda: not any(map(processes, groups)), seconds=10)
    assert not list(run.rglob("*.json")), "no run appears where it was"
    Reslim(tmp_path / "other")("train", "--resume", str(moved)).done()
    assert_same_results(moved, trained.path)
    assert_nothing_left_over(moved)
