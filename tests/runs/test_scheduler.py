"""Which jobs of a run SLURM holds, by what squeue answers: a program of ours stands for it."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from resnet_limits.runs import scheduler
from resnet_limits.runs.folder import Run
from tests.planting import plant


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """`squeue(run, *lines)`: what squeue answers from now on, where ARRAYS stands for the folder of the arrays."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    plant(monkeypatch, scheduler.SILENCE, scheduler.Silence())

    def answer(run: Run, *lines: str, code: int = 0) -> None:
        text = "\n".join(lines).replace("ARRAYS", str(run.path / "launcher" / ".submitit"))
        (folder / "squeue").write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {code}\n")
        (folder / "squeue").chmod(0o755)

    return answer


@pytest.fixture
def run(make_run):
    """Five jobs, of which two arrays were sent: of three tasks, and of one."""
    run = make_run([4, 8, 16, 32, 64])
    (run.path / "launcher").mkdir()
    four, eight, sixteen, other, _ = (job.name for job in run.jobs())
    scheduler.note(run.path, "aa", [sixteen, four, eight])
    scheduler.note(run.path, "bb", [other])
    return run


def names(run: Run, *depths: int) -> set[str]:
    return {job.name for job in run.jobs() if job.settings.depth in depths}


def test_a_job_is_held_where_its_own_task_is_in_the_queue(run, squeue):
    every = names(run, 4, 8, 16, 32, 64)
    squeue(run, "0 PENDING ARRAYS/aa/.submission_file_1.sh", "2 RUNNING ARRAYS/aa/.submission_file_1.sh")
    assert run.held(every) == names(run, 16, 8)
    assert run.held(names(run, 8, 4)) == names(run, 8)
    assert run.state() == "running"
    squeue(run, "N/A COMPLETING ARRAYS/bb/.submission_file_2.sh")
    assert run.held(every) == names(run, 32)
    assert scheduler.ending(run.path, every) == names(run, 32)
    squeue(run)
    assert run.held(every) == set()
    assert run.state() == "interrupted"


def test_a_task_that_nobody_noted_may_be_that_of_any_job(run, squeue):
    every = names(run, 4, 8, 16, 32, 64)
    for line in ("0 PENDING ARRAYS/cc/.submission_file_1.sh", "7 PENDING ARRAYS/aa/x.sh", "N/A PENDING", "odd"):
        squeue(run, line)
        assert run.held(every) == every, line


def test_of_a_slurm_that_does_not_answer_what_was_sent_may_be_held(run, squeue):
    squeue(run, code=1)
    assert run.held(names(run, 4, 8, 16, 32, 64)) == names(run, 4, 8, 16, 32)
    assert scheduler.silence()


def test_a_copy_of_a_run_has_sent_nothing(run, squeue, tmp_path):
    squeue(run, "0 PENDING ARRAYS/aa/.submission_file_1.sh")
    shutil.copytree(run.path, tmp_path / run.id)
    copy = Run.open(tmp_path / run.id)
    assert copy.held(names(copy, 4, 8, 16, 32, 64)) == set()
    assert scheduler.sent(copy.path) == set()


@pytest.mark.parametrize("arrays", [None, [], "odd", {"aa": 1}, {"aa": [1, {}]}, {1: []}], ids=str)
def test_odd_notes_are_no_notes(run, squeue, arrays):
    path = run.path / scheduler.SCHEDULER_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "arrays": arrays}))
    squeue(run, "0 PENDING ARRAYS/aa/.submission_file_1.sh")
    assert run.held(names(run, 4)) <= names(run, 4)


def test_a_launcher_on_this_host_holds_the_jobs_that_it_has_to_start(run, squeue):
    squeue(run)
    every = names(run, 4, 8, 16, 32, 64)
    run.launched(os.getpid(), sorted(names(run, 4, 64)))
    assert run.held(every) == names(run, 4, 64)
    assert run.is_launching()
    run.launched(os.getpid(), [])
    assert run.held(every) == set()
    (file,) = (run.path / "launcher").glob("process-*.json")
    for odd in ("[]", "{}", '{"jobs": 1}', file.read_text().replace('"jobs": []', '"jobs": 3')):
        file.write_text(odd)
        assert run.held(every) == set()
