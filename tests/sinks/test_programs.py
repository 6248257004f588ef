"""TensorBoard and W&B have what the records have, also of a job that was killed; results do not know of them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from resnet_limits.runs.records import read_parquet
from resnet_limits.sinks.programs.wandb import run_id
from tests.sinks import jobs
from tests.sinks.jobs import BOTH, settings
from tests.sinks.reading import Curves, tensorboard_curves, wandb_curves, wandb_file, wandb_run

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


def services(parent: int | None = None) -> list[int]:
    """Service processes of W&B, of this process or another."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, rest = stat.read_text(errors="replace").split("(", 1)[1].rsplit(")", 1)
            if name == "wandb-core" and int(rest.split()[1]) == (parent or os.getpid()):
                pids.append(int(stat.parent.name))
    return pids


def as_float32(curves: Curves) -> Curves:
    return {name: [(x, float(np.float32(value))) for x, value in points] for name, points in curves.items()}


def live(curves: Curves) -> Curves:
    return {name: points for name, points in curves.items() if not name.startswith("measured/")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a job that ran to its end with both sinks."""
    outputs = tmp_path_factory.mktemp("outputs")
    job = settings(BOTH)
    folder = jobs.queued(outputs, job)
    jobs.run(folder, job)
    return folder


@pytest.mark.slow
def test_both_hold_the_curves_of_the_records(finished):
    expected = jobs.live_curves(finished)
    assert live(wandb_curves(finished)) == expected, "bit for bit"
    assert live(tensorboard_curves(finished)) == as_float32(expected)


def test_both_hold_what_was_measured_over_layer_and_depth(finished):
    wandb, tensorboard = wandb_curves(finished), tensorboard_curves(finished)
    for init in ("tied", "iid"):
        records = [r for r in jobs.records(finished) if r.coordinates["init"] == init]
        (movement,) = [r.value for r in records if r.observable == "movement"]
        assert wandb[f"measured/movement init={init}"] == [(4, movement)]
        layers = [(r.layer, r.value) for r in records if r.observable == "increment"]
        assert [x for x, _ in layers] == [0, 1, 2]
        assert wandb[f"measured/increment_by_layer init={init}"] == layers
    (interpolated,) = [r.value for r in jobs.records(finished) if r.observable == "interpolated_error"]
    assert wandb["measured/interpolated_error"] == [(4, interpolated)]
    assert as_float32(wandb) == tensorboard


def test_the_wandb_run_is_the_job(finished):
    run = wandb_run(finished)
    assert run.run_id == run_id(finished.parent.parent.name, finished.name)
    assert run.run_id in wandb_file(finished).name
    assert (run.project, run.run_group) == ("reslim", finished.parent.parent.name)
    config = {update.key: update.value_json for update in run.config.update}
    assert config["train.batch_size"] == "14"
    assert config["init.correlation"] == "0.5"
    assert run.run_id.endswith(finished.name)


def test_nothing_is_left_but_files_in_the_folder_of_the_job(finished):
    assert services() == []
    assert "WANDB_SERVICE" not in os.environ
    assert not (finished / "checkpoint").exists()
    assert "sink" not in jobs.log(finished)
    assert not list((finished / "wandb").rglob("*.py")), "no code"
    assert not list((finished / "wandb").rglob("output.log")), "no console"


def test_results_are_the_same_without_sinks(finished, tmp_path):
    job = settings(None)
    folder = jobs.queued(tmp_path, job)
    assert folder.name == finished.name
    jobs.run(folder, job)
    one, other = (read_parquet(f / "records.parquet").drop(columns="seconds") for f in (folder, finished))
    assert one.equals(other)
    assert (folder / "arrays.safetensors").read_bytes() == (finished / "arrays.safetensors").read_bytes()
    assert not (folder / "tensorboard").exists()
    assert not (folder / "wandb").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from resnet_limits.runs import checkpoint, reporter
from tests.sinks import jobs

save, progress, saved = checkpoint.FolderCheckpoints.save, reporter.Reporter.progress, []

def save_some(self, state):  # then the steps that were shown run ahead of the state
    if "done" in state.values and state.values["done"] <= 20:
        saved.append(save(self, state))

def kill(self, fraction, message):
    if len(saved) == 20 and fraction > 0.5 * 30 / 40:  # saved at step 20 of 40, shown to 30, in the first of two parts
        os.kill(os.getpid(), signal.SIGKILL)

checkpoint.FolderCheckpoints.save, reporter.Reporter.progress = save_some, kill
jobs.run(Path(sys.argv[1]), jobs.settings(jobs.BOTH, train=jobs.Train(epochs=4, batch_size=14, replicas=3,
    checkpoint_seconds=0)))
"""


@pytest.mark.slow
def test_a_job_that_was_killed_goes_on_under_its_own_id_as_one_curve(finished, tmp_path):
    job = settings(BOTH)
    folder = jobs.queued(tmp_path, job)
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)])
    (service,) = wait_for(lambda: services(child.pid))
    assert child.wait(timeout=60) == -signal.SIGKILL
    assert len((folder / "checkpoint" / "sinks.jsonl").read_text().splitlines()) > 30
    assert wandb_file(folder).name.endswith(f"{folder.name}.wandb")
    left = list((folder / "tensorboard").iterdir())
    before = wandb_file(folder)

    jobs.run(folder, job)
    assert "going on from checkpoint job.trained-000020" in jobs.log(folder)
    assert "sink" not in jobs.log(folder)
    expected = jobs.live_curves(finished)
    assert live(wandb_curves(folder)) == expected
    assert live(tensorboard_curves(folder)) == as_float32(expected)
    assert wandb_run(folder).run_id == run_id(folder.parent.parent.name, folder.name)
    assert wandb_file(folder).name == before.name
    assert not any(path.exists() for path in left)
    wait_for(lambda: ended(service))


def ended(pid: int) -> bool:
    """Whether the process is gone, or waits for nothing but its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def wait_for(condition: Callable, seconds: float = 30.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def test_a_program_that_dies_is_said_once_and_fails_nothing(tmp_path, monkeypatch):
    """W&B's service is killed, and TensorBoard's disk is full, in the middle of training."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    from resnet_limits.training.shown import Shown

    step, write, counts = Shown.step, RecordWriter.write, {"steps": 0}

    def full(self, data):
        if counts["steps"] > 10:
            raise OSError(28, "No space left on device")
        return write(self, data)

    def step_and_kill(self, trained, *, is_last):
        counts["steps"] += 1
        if counts["steps"] == 10:
            (service,) = services()
            os.kill(service, signal.SIGKILL)
            wait_for(lambda: ended(service))
        step(self, trained, is_last=is_last)

    monkeypatch.setattr(Shown, "step", step_and_kill)
    monkeypatch.setattr(RecordWriter, "write", full)
    monkeypatch.setattr("threading.excepthook", lambda arguments: None)  # TensorBoard's own thread says so, too
    job = settings(BOTH)
    folder = jobs.queued(tmp_path, job)
    jobs.run(folder, job)
    text = jobs.log(folder)
    assert re.search(r"finished in .* with \d+ records", text.splitlines()[-1])
    assert text.count("sink wandb: ") == 1
    assert text.count("sink tensorboard: OSError: [Errno 28] No space left on device") == 1
    assert len([line for line in text.splitlines() if "no compiled form" not in line]) == 4
    assert all(map(ended, services()))


def test_a_program_that_cannot_begin_is_said_once_and_fails_nothing(tmp_path):
    job = settings(["tensorboard"], claims=["ode.reversed.euler"])
    folder = jobs.queued(tmp_path, job)
    (folder / "tensorboard").write_text("in the way")
    jobs.run(folder, job)
    assert jobs.log(folder).count("sink tensorboard: FileExistsError") == 1
    assert "finished" in jobs.log(folder)


def test_a_study_that_does_not_train_has_something_to_show(tmp_path):
    job = settings(["tensorboard"], claims=["ode.forward.heun", "ode.forward.rk4"])
    folder = jobs.queued(tmp_path, job)
    jobs.run(folder, job)
    curves = tensorboard_curves(folder)
    assert {"measured/forward_error scheme=heun", "measured/forward_error scheme=rk4"} <= curves.keys()
    for r in jobs.records(folder):
        if r.observable == "forward_error":
            assert curves[f"measured/forward_error scheme={r.coordinates['scheme']}"] == [(4, np.float32(r.value))]
