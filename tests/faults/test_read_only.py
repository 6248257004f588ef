"""A folder that cannot be written to: what only reads works, what would write says so in a line."""

from __future__ import annotations

import subprocess

import pytest

from resnet_limits.runs.folder import Run
from tests.cli.command import TINY

pytestmark = pytest.mark.slow


@pytest.fixture
def read_only(trained, tmp_path, mounted):
    """The finished run on a file system that is mounted read-only (modes do not stop root), and the command there."""
    place = mounted("-t", "tmpfs", "-o", "size=8m", "tmpfs")
    run, reslim = trained.copy(place / "outputs")
    (next(run.glob("jobs/4-*")) / "arrays.safetensors").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    return run, reslim


def assert_refused(answer):
    assert answer.code == 2, answer
    assert "Read-only file system" in answer.err
    assert len([line for line in answer.err.splitlines() if "Read-only" in line]) == 1
    assert "Traceback" not in answer.out + answer.err


def test_what_reads_works(read_only, tmp_path):
    run, reslim = read_only
    (listed,) = reslim("runs", "--json").done().json
    assert listed["state"] == "interrupted", "a file of results is missing"
    assert any("cannot be kept: Read-only file system" in remark for remark in listed["remarks"])
    assert run.name in reslim("runs", "latest").done().out
    assert "1 of 3 jobs" in reslim("train", "--resume", "latest", "--dry-run").done().out
    assert len(Run.open(run).jobs(verify=True)) == 3


def test_a_report_elsewhere_works(read_only, tmp_path):
    _, reslim = read_only
    reslim("report", "latest", "--out", str(tmp_path / "out")).done()
    assert (tmp_path / "out" / "report.html").exists()


def test_what_writes_is_refused_in_a_line_that_says_what_helps(read_only):
    _, reslim = read_only
    answer = reslim("train", *TINY, "depth=4")
    assert_refused(answer)
    assert "outputs=" in answer.err
    assert_refused(reslim("train", "--resume", "latest"))
    answer = reslim("report", "latest")
    assert_refused(answer)
    assert "--out" in answer.err
