"""What a checkpoint promises: whole or not there, the last two kept, damage noticed and said, the one before used."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import nullcontext, suppress
from functools import partial
from importlib import import_module

import numpy as np
import pytest

from resnet_limits.errors import OutputError
from resnet_limits.measurement.checkpoints import State
from resnet_limits.measurement.job import Job
from resnet_limits.measurement.record import Measurement, Record
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.runs.owner import owned
from resnet_limits.runs.provenance import version
from resnet_limits.runs.records import read_parquet
from resnet_limits.studies import study as studies
from tests.planting import plant, resize
from tests.runs.conftest import settings


def state(number: int) -> State:
    arrays = {"weights": np.full((2, 3), float(number)), "step": np.float32(number), "none": np.zeros((0, 4))}
    return State(arrays, {"done": number, "odd": [0.1, float("inf"), None, "ä"]})


@pytest.fixture
def log():
    return []


@pytest.fixture
def checkpoints(tmp_path, log):
    return FolderCheckpoints(tmp_path / "checkpoint", log.append)


def files(checkpoints):
    return sorted(checkpoints.folder.iterdir())


def assert_is(loaded: State | None, number: int) -> None:
    assert loaded is not None
    expected = state(number)
    assert loaded.values == expected.values
    assert loaded.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        assert loaded.arrays[name].dtype == array.dtype
        assert loaded.arrays[name].shape == array.shape
        assert np.array_equal(loaded.arrays[name], array)


def test_the_newest_state_comes_back_as_it_was_and_two_are_kept(checkpoints):
    assert checkpoints.load() is None
    for number in range(12):
        checkpoints.save(state(number))
        assert len(files(checkpoints)) == min(number + 1, 2)
        assert_is(checkpoints.load(), number)


def test_a_state_goes_on_by_its_own_engine_and_is_left_alone_by_another(checkpoints, log):
    other = FolderCheckpoints(checkpoints.folder, log.append, way="compiled for x86-64-v3")
    checkpoints.save(state(1))
    assert other.load() is None
    assert "is of engine eager, not compiled for x86-64-v3" in log[-1]
    assert_is(checkpoints.load(), 1)
    other.save(state(2))
    assert_is(other.load(), 2)
    assert_is(checkpoints.load(), 1)
    part = other.part("a")
    part.save(state(3))
    assert checkpoints.part("a").load() is None
    assert_is(part.load(), 3)
    for number in (4, 5, 6):
        other.save(state(number))
    assert len(files(checkpoints)) == 1 + 2 + 1
    assert_is(checkpoints.load(), 1)
    assert_is(other.load(), 6)


def test_a_state_is_saved_in_the_order_of_its_entries_whatever_its_memory(checkpoints):
    turned = np.arange(12.0).reshape(3, 4).T[::2]
    checkpoints.save(State({"turned": turned}, {}))
    loaded = checkpoints.load()
    assert loaded is not None
    assert np.array_equal(loaded.arrays["turned"], turned)


def test_parts_of_a_job_have_checkpoints_of_their_own(checkpoints):
    one, other = checkpoints.part("trained"), checkpoints.part("trained.rk4")
    one.save(state(1))
    assert other.load() is None
    for number in (2, 3, 4):
        other.save(state(number))
    assert_is(one.load(), 1)
    assert_is(other.load(), 4)
    assert checkpoints.load() is None


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def flip_the_header(path):
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def exchange(path):
    """A file with the content of the other one under its name."""
    (other,) = [p for p in path.parent.iterdir() if p != path]
    path.write_bytes(other.read_bytes())


@pytest.mark.parametrize("damage", [truncate, empty, flip, flip_the_header, exchange])
def test_a_damaged_checkpoint_is_said_and_the_one_before_is_used(checkpoints, log, damage):
    for number in (1, 2, 3):
        checkpoints.save(state(number))
    newest = files(checkpoints)[-1]
    damage(newest)
    assert_is(checkpoints.load(), 2)
    assert f"checkpoint {newest.name} cannot be used: it is damaged" in log[0]
    assert "the one before" in log[0]
    checkpoints.save(state(4))
    assert_is(checkpoints.load(), 4)


def test_a_missing_checkpoint_leaves_the_one_before(checkpoints):
    for number in (1, 2):
        checkpoints.save(state(number))
    files(checkpoints)[-1].unlink()
    assert_is(checkpoints.load(), 1)


def test_where_all_are_damaged_the_job_begins_anew(checkpoints, log):
    for number in (1, 2):
        checkpoints.save(state(number))
    for path in files(checkpoints):
        flip(path)
    assert checkpoints.load() is None
    assert len(log) == 2


def test_every_single_flipped_bit_is_noticed(checkpoints):
    checkpoints.save(state(1))
    (path,) = files(checkpoints)
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        checkpoints.folder.mkdir(exist_ok=True)
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        assert checkpoints.load() is None, position


def test_a_checkpoint_of_another_version_is_not_used_and_said(checkpoints, log, monkeypatch):
    plant(monkeypatch, version, lambda: "0.0.1")
    checkpoints.save(state(1))
    monkeypatch.undo()
    assert checkpoints.load() is None
    assert "written by reslim 0.0.1" in log[0]


def test_files_that_are_none_of_ours_are_left_alone(checkpoints):
    checkpoints.save(state(1))
    for name in ("notes.txt", "job-000009.safetensors", f"job-000009-{'0' * 64}.pickle", ".job-000002"):
        (checkpoints.folder / name).write_bytes(b"left by somebody")
    assert_is(checkpoints.load(), 1)


def test_a_state_is_done_with_its_arrays_when_it_is_saved(checkpoints):
    saved = state(1)
    checkpoints.save(saved)
    saved.arrays["weights"][:] = 7
    assert_is(checkpoints.load(), 1)


def test_what_cannot_be_written_is_an_error_with_the_reason_and_leaves_those_before(checkpoints, monkeypatch):
    checkpoints.save(state(1))

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match=r"No space left on device; make room"):
        checkpoints.save(state(2))
    monkeypatch.undo()
    assert len(files(checkpoints)) == 1
    assert_is(checkpoints.load(), 1)


# -- jobs --------------------------------------------------------------------------------------------


def test_what_a_finished_part_measured_is_kept_bit_for_bit(checkpoints):
    record = Record("error", 1 / 3, layer=2, coordinates={"scheme": "euler", "beta": 0.5}, replicas=4)
    measurement = Measurement([record, Record("other", np.float64(0.1), step=3)], {"x": np.arange(3.0)})
    checkpoints.save(measurement.state())
    loaded = checkpoints.load()
    assert loaded is not None
    kept = Measurement.of(loaded)
    assert repr(kept.records[0]) == repr(record)
    assert kept.records[1].value == 0.1
    assert np.array_equal(kept.arrays["x"], measurement.arrays["x"])


def test_an_interrupted_job_does_not_repeat_its_finished_groups(tmp_path, monkeypatch):
    """Two groups; the job is interrupted in the second, and what is measured in the end is the same."""
    study = studies.get("ode")
    job_settings = settings(8, claims=["ode.forward", "ode.reversed.euler"])
    parts = [group.name for group in study.needed(job_settings)]
    assert len(parts) == 2
    undisturbed = study.measure(Job(job_settings))
    resize(monkeypatch, studies, SECONDS_WORTH_KEEPING=0.0)
    calls, interrupted = [], {parts[1]}

    def counted(part, measure, job):
        calls.append(part)
        if part in interrupted:
            raise KeyboardInterrupt
        return measure(job)

    for part in parts:
        measure = import_module(f"resnet_limits.studies.ode.{part}.measure").measure
        plant(monkeypatch, measure, partial(counted, part, measure))

    def job():
        return Job(job_settings, checkpoints=FolderCheckpoints(tmp_path / "checkpoint", lambda text: None))

    with pytest.raises(KeyboardInterrupt):
        study.measure(job())
    interrupted.clear()
    resumed = study.measure(job())
    assert calls == [*parts, parts[1]], "the first part was measured once"
    assert repr(resumed.records) == repr(undisturbed.records)
    for name, array in undisturbed.arrays.items():
        assert np.array_equal(resumed.arrays[name], array)


def test_a_finished_job_leaves_no_checkpoints_behind(make_run):
    run = make_run([4])
    (job,) = run.jobs()
    left = FolderCheckpoints(job.path / "checkpoint", lambda text: None)
    left.part("another").save(state(1))
    run_job(run.path, job.settings)
    assert run.jobs()[0].status.state == "finished"
    assert not (job.path / "checkpoint").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a quarter of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system needs more rights")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(path):
    """Write until there is no room."""
    with suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def said_in(run, words):
    status = json.loads(next(run.path.glob("jobs/8-*/status.json")).read_text())
    assert status["state"] == "failed"
    assert words in status["message"]
    assert "No space left on device" in status["message"]


def test_on_a_full_disk_the_job_fails_with_the_reason_and_earlier_records_stay(make_run, small_disk, monkeypatch):
    finished, failing = settings(4), settings(8)
    run = Run.create(small_disk, [finished, failing], ["depth=4,8"], ["reslim", "train"])
    run_job(run.path, finished)
    records = next(run.path.glob("jobs/4-*/records.parquet"))
    before = read_parquet(records)
    ballast = small_disk / "ballast"
    fill(ballast)
    run_job(run.path, failing)
    said_in(run, "cannot write to")
    # and where the disk fills up while the job runs
    plant(monkeypatch, owned, lambda folder: nullcontext(True))
    run_job(run.path, failing)
    said_in(run, "")
    assert read_parquet(records).equals(before)
    ballast.unlink()
    run_job(run.path, failing)
    assert [job.status.state for job in run.jobs(verify=True)] == ["finished", "finished"]
