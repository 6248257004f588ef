"""A pipe, a socket or a device in the place of whatever a run folder can hold: said by its path, never waited for."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resnet_limits.errors import RunFolderError
from resnet_limits.files import locked, read_json, read_text, tail
from resnet_limits.measurement.checkpoints import State
from resnet_limits.runs import lease
from resnet_limits.runs import status as states
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.runs.collect import arrays
from resnet_limits.runs.job import run_job
from resnet_limits.runs.records import read_parquet
from resnet_limits.runs.reporter import Reporter, write_status_anyway
from resnet_limits.runs.shared import SharedFolder
from resnet_limits.sinks.journal import Journal
from tests.planting import plant

pytestmark = pytest.mark.slow

FILES = [
    *("provenance.json", "overrides.txt", "config.yaml", "records.csv", "summary.json", "report.html", "tables.tex"),
    *("papers.bib", "figures", "figures/a.svg", "jobs", "shared", "shared/flow-0.safetensors", "launcher"),
    *("launcher/output.txt", "launcher/process-1.json", "launcher/scheduler.json", "launcher/gpu-host-0.lock"),
    *("launcher/.submitit/0/1/1_submitted.pkl", "jobs/JOB", "jobs/JOB/config.yaml", "jobs/JOB/status.json"),
    *("jobs/JOB/owner.json", "jobs/JOB/log.txt", "jobs/JOB/records.parquet", "jobs/JOB/arrays.safetensors"),
    *("jobs/JOB/checkpoint", "jobs/JOB/checkpoint/sinks.jsonl", "jobs/JOB/tensorboard", "jobs/JOB/wandb/run.wandb"),
]
"""What a run folder can hold; JOB stands for the name of a job."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise where the block waits."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"it waited for {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def make_socket(path: Path) -> None:
    """A socket; its path may be longer than the system allows to bind."""
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as ours:
        ours.bind(f"{short}/s")
        os.rename(f"{short}/s", path)


def make_device(path: Path) -> None:
    """/dev/zero, which never ends."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("making a device needs more rights")


def put(path: Path, make: Callable[[Path], None]) -> None:
    """Put something into the place of a file or a folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)


def assert_said(in_process, run: Path, odd: Path) -> None:
    """Every command answers, in words; those that read one run name the path."""
    for arguments in (("runs",), ("runs", str(run)), ("report", str(run)), ("train", "--resume", str(run))):
        with at_most(30):
            answer = in_process(*arguments)
        assert "Traceback" not in answer.out + answer.err, answer
        if arguments == ("runs",):
            assert answer.code == 0, answer
        else:
            assert str(odd) in answer.err or f"{odd.parent} is not a run folder" in answer.err, (arguments, answer)
            assert answer.code == 2 or arguments[0] == "runs", answer


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_is_said_and_not_waited_for(trained, tmp_path, in_process, name):
    run, _ = trained.copy(tmp_path / "outputs")
    odd = run / name.replace("JOB", next(run.glob("jobs/4-*")).name)
    put(odd, os.mkfifo)
    assert_said(in_process, run, odd)
    assert stat.S_ISFIFO(odd.lstat().st_mode)


@pytest.mark.parametrize(("make", "kind"), [(make_socket, "a socket"), (make_device, "a device")])
def test_a_socket_and_a_device_are_said_and_not_read(trained, tmp_path, in_process, make, kind):
    run, _ = trained.copy(tmp_path / "outputs")
    odd = next(run.glob("jobs/4-*")) / "status.json"
    put(odd, make)
    assert_said(in_process, run, odd)
    assert f"{odd} is {kind}" in in_process("train", "--resume", str(run)).err


# -- each place that opens what it has not written: also where it was put there a moment ago --------------------


@pytest.fixture
def pipe(tmp_path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_no_reader_and_no_writer_opens_a_pipe(pipe):
    for call in (
        lambda: read_text(pipe),
        lambda: tail(pipe),
        lambda: states.file_digest(pipe),
        lambda: Journal(pipe, "0"),
        lambda: lease.try_lock(pipe),
        lambda: locked(pipe).__enter__(),
    ):
        with at_most(10), pytest.raises(OSError, match=r"not a plain file|Not a directory"):
            call()
    with at_most(10):
        assert read_json(pipe) is None
        for call in (lambda: read_parquet(pipe), lambda: arrays(pipe)("a")):
            with pytest.raises(RunFolderError, match="pipe is missing or damaged"):
                call()


def test_a_pipe_that_comes_between_the_look_and_the_opening_is_not_opened(tmp_path, monkeypatch):
    """As if the look had found a plain file."""
    from resnet_limits import files

    os.mkfifo(tmp_path / "pipe")
    plant(monkeypatch, files.require_plain, lambda path: None)
    with at_most(10), pytest.raises(OSError, match="not a plain file"):
        read_text(tmp_path / "pipe")


def test_states_and_solutions_in_pipes_are_made_anew(tmp_path):
    said: list[str] = []
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    os.mkfifo(folder / f"job-000001-{'0' * 64}.safetensors")
    with at_most(10):
        assert FolderCheckpoints(folder, said.append).load() is None
        FolderCheckpoints(folder, said.append).save(State(values={"a": 1}))
    assert "not a plain file" in said[0]
    solutions = SharedFolder(tmp_path / "shared")
    solutions.solve("flow", {}, lambda: {})
    (file,) = (tmp_path / "shared").glob("*.safetensors")
    put(file, os.mkfifo)
    with at_most(10):
        assert solutions.solve("flow", {}, lambda: {}) == {}


def test_a_job_whose_log_and_status_are_pipes_is_measured(make_run):
    run = make_run([4])
    (job,) = run.jobs()
    for name in ("log.txt", "status.json", "owner.json", "records.parquet"):
        put(job.path / name, os.mkfifo)
    with at_most(60):
        Reporter(job.path).log("nobody reads this")
        run_job(run.path, job.settings)
    assert states.verified(job.path, states.read_status(job.path)).state == "finished"
    put(job.path / "status.json", os.mkfifo)
    with at_most(10):
        write_status_anyway(job.path, states.Status("queued"))
