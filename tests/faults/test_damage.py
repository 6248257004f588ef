"""A changed bit or a lost end, anywhere in what a run holds: noticed, and never taken for a result."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest

from resnet_limits.report.publish import collect
from resnet_limits.runs import status as states
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.runs.owner import owned
from resnet_limits.runs.shared import SharedFolder
from tests.cli.command import without_seconds
from tests.faults.sweep import arrays, assert_same_results

pytestmark = pytest.mark.slow


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the finished run."""
    path = tmp_path / "ode" / trained.path.name
    shutil.copytree(trained.path, path)
    return Run.open(path)


def damages(content: bytes, count: int):
    """The content with one bit flipped, at some places from the first byte to the last, and cut off there."""
    for at in np.unique(np.linspace(0, len(content) - 1, count).astype(int)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << int(at) % 8
        yield f"bit {at % 8} of byte {at}", bytes(flipped)
        yield f"cut at byte {at}", content[:at]


@pytest.mark.parametrize("name", ["records.parquet", "arrays.safetensors"])
def test_results_with_any_bit_flipped_or_cut_anywhere_are_not_counted(run, name):
    job = run.jobs()[1]
    content = (job.path / name).read_bytes()
    for what, damaged in damages(content, 60):
        (job.path / name).write_bytes(damaged)
        seen = {listed.name: listed.status for listed in run.jobs(verify=True)}[job.name]
        assert seen.state == "lost", what
        assert name in seen.message


def test_a_status_with_any_bit_flipped_says_nothing_else_of_the_results(run):
    """It may be unreadable, or say other seconds; it never vouches for other results, nor lets the job be forgotten."""
    job = run.jobs()[1]
    content = (job.path / "status.json").read_bytes()
    good = states.read_status(job.path)
    (job.path / "records.parquet").write_bytes(b"other results")
    seen = set()
    for what, damaged in damages(content, len(content)):
        (job.path / "status.json").write_bytes(damaged)
        status = states.verified(job.path, states.read_status(job.path))
        seen.add(status.state)
        assert status.state != "finished", what
        assert status.progress >= 0
        assert (status.seconds or 0) >= 0
    assert "lost" in seen
    assert good.state == "finished"


def test_a_finished_status_without_digests_vouches_for_nothing(run):
    job = run.jobs()[0]
    for digests in ({}, {"records.parquet": states.file_digest(job.path / "records.parquet")}):
        states.write_status(job.path, states.Status("finished", digests=digests))
        assert states.verified(job.path, states.read_status(job.path)).state == "lost"


def test_settings_with_any_bit_flipped_are_the_jobs_own_or_not_read(run):
    job = run.jobs()[1]
    content = (job.path / "config.yaml").read_bytes()
    lost = 0
    for what, damaged in damages(content, 60):
        (job.path / "config.yaml").write_bytes(damaged)
        settings = {listed.name: listed.settings for listed in run.jobs()}.get(job.name)
        lost += settings is None
        if settings is not None:  # of a key that is no content, such as the device; the records do not depend on it
            assert {**asdict(settings)}.keys() == {**asdict(job.settings)}.keys(), what
    assert lost > 60


def test_a_job_whose_settings_are_damaged_is_done_again_and_whole(run, tmp_path):
    job = run.jobs()[0]
    (job.path / "config.yaml").write_text("depth: [")
    assert job.name not in [listed.name for listed in run.jobs()]
    run.add([job.settings], [])
    run_job(run.path, job.settings)
    assert [listed.status.state for listed in run.jobs(verify=True)] == ["finished"] * 3


@pytest.mark.parametrize("state", ["running", "finished"])
def test_an_owner_with_any_bit_flipped_blocks_nobody_for_ever(run, state, monkeypatch):
    monkeypatch.setenv("RESLIM_LOST_AFTER", "0.05")
    job = run.jobs()[0]
    dead = states.Process(states.Process.this().host, 2**22 - 1, "1", str(job.path))
    states.write_status(job.path, states.Status(state, dead, heartbeat=1.0))
    for what, damaged in damages(json.dumps(asdict(dead)).encode(), 12):
        (job.path / "owner.json").write_bytes(damaged)
        with owned(job.path) as mine:
            assert mine, what


def test_a_shared_solution_with_any_bit_flipped_is_computed_again(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.linspace(0, 1, 40), "error": np.array([1e-12])}

    def solved():
        return SharedFolder(tmp_path / "shared").solve("flow", {"seed": 0}, compute)

    first = solved()
    (path,) = (tmp_path / "shared").glob("*.safetensors")
    content = path.read_bytes()
    for count, (what, damaged) in enumerate(damages(content, 60), start=1):
        path.write_bytes(damaged)
        again = solved()
        assert len(calls) == 1 + count, what
        assert all(np.array_equal(first[name], again[name]) for name in first), what
        assert path.read_bytes() == content, "and stored again"


def test_a_collection_leaves_out_what_is_damaged_and_says_so(run, trained):
    first, _, last = run.jobs()
    (first.path / "records.parquet").write_bytes(b"")
    (last.path / "status.json").write_bytes(b'{"state": "fin')
    summary = collect(run, figures=False)
    assert [summary["jobs"][job.name] for job in (first, last)] == ["lost", "lost"]
    rows = without_seconds(run.path / "records.csv")
    names = {row[rows[0].index("job")] for row in rows[1:]}
    assert first.name not in names
    assert last.name not in names


def test_a_run_damaged_all_over_resumes_to_the_same_results(trained, tmp_path):
    run, reslim = trained.copy(tmp_path / "outputs")
    two, four, eight = sorted((run / "jobs").iterdir(), key=lambda path: int(path.name.split("-")[0]))
    damaged = bytearray((two / "arrays.safetensors").read_bytes())
    damaged[-1] ^= 1
    (two / "arrays.safetensors").write_bytes(bytes(damaged))
    (four / "status.json").write_bytes((four / "status.json").read_bytes()[:40])
    (eight / "config.yaml").write_text("- [")
    for name in ("records.csv", "summary.json", "config.yaml"):
        (run / name).write_bytes(b"\x80\x04")
    assert arrays(run) != arrays(trained.path)
    reslim("train", "--resume", run.name).done()
    assert_same_results(run, trained.path)


def test_overrides_that_are_lost_are_not_replaced_by_the_defaults(trained, tmp_path):
    run, reslim = trained.copy(tmp_path / "outputs")
    jobs = sorted(path.name for path in (run / "jobs").iterdir())
    for content in (None, b"", b"\x80\x04"):
        (run / "overrides.txt").unlink() if content is None else (run / "overrides.txt").write_bytes(content)
        answer = reslim("train", "--resume", run.name, "--dry-run", "--json").done()
        assert sorted(job["job"] for job in answer.json) == jobs
        assert "overrides.txt is missing or damaged; plan.json says what was planned" in answer.err
        (run / "overrides.txt").touch()
