"""One job in its folder: one owner, and results that are whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from resnet_limits.engines import compiled
from resnet_limits.engines.auto import Auto
from resnet_limits.engines.compiled import PROCESSORS
from resnet_limits.measurement.checkpoints import State
from resnet_limits.measurement.record import Measurement, Record
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.runs.collect import collected
from resnet_limits.runs.job import run_job
from resnet_limits.runs.merge import merge
from resnet_limits.runs.owner import owned
from resnet_limits.runs.records import read_parquet
from resnet_limits.runs.shared import SharedFolder
from resnet_limits.studies.study import Study
from tests.planting import resize
from tests.runs.conftest import settings


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
    run.add([too_many], ["ode.inputs=5000"])
    run_job(run.path, too_many)
    (job,) = [job for job in run.jobs() if job.settings.ode.inputs == 5000]
    assert job.status.state == "failed"
    assert "ode.inputs=5000" in job.status.message
    assert "ode.inputs=5000" in "\n".join(job.last_log_lines())
    assert not (job.path / "records.parquet").exists()
    assert not (job.path / "owner.json").exists()


def test_an_interrupted_job_waits_again_and_says_why(make_run, monkeypatch):
    def measure(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Study, "measure", measure)
    run = make_run((4,))
    with pytest.raises(KeyboardInterrupt):
        run_job(run.path, settings(4))
    (job,) = run.jobs()
    assert (job.status.state, job.status.message) == ("queued", "stopped by an interrupt")
    assert not (job.path / "owner.json").exists()


def test_a_reason_that_names_a_file_whose_name_is_no_text_is_told(make_run, monkeypatch):
    from resnet_limits.errors import DamagedData

    def measure(*arguments):
        raise DamagedData("cannot read /pets/\udcff.png: it is no image")

    monkeypatch.setattr(Study, "measure", measure)
    run = make_run((4,))
    run_job(run.path, settings(4))
    (job,) = run.jobs()
    assert (job.status.state, job.status.message) == (
        "failed",
        "DamagedData: cannot read /pets/\\udcff.png: it is no image",
    )
    assert "/pets/\\udcff.png" in (job.path / "log.txt").read_text(encoding="utf-8")


def test_arrays_with_strides_are_kept_as_they_read(make_run, monkeypatch):
    array = np.arange(12.0).reshape(3, 4).T[::2]
    monkeypatch.setattr(Study, "measure", lambda self, job: Measurement([Record("a", 1.0)], {"strided": array}))
    run = make_run([4])
    (job,) = run.jobs()
    run_job(run.path, job.settings)
    assert np.array_equal(load_file(job.path / "arrays.safetensors")["strided"], array)


def test_a_job_says_which_engine_computed_it_and_a_fit_over_jobs_of_several_says_so(make_run):
    run = make_run([4, 8])
    small, large = (replace(job.settings, engine=name) for job, name in zip(run.jobs(), ("eager", "auto"), strict=True))
    assert small.depth < large.depth
    run_job(run.path, small)
    run_job(run.path, large)
    first, second = (job.status.engine for job in run.jobs())
    assert first == "eager"
    assert second == (", ".join(("compiled", "eager")) if PROCESSORS else "eager")  # steps of Euler, and of Heun
    ways = sorted({"eager", Auto().way("cpu")})
    noted = {judgement.note for judgement, _ in collected(merge([run])).judged}
    assert noted == {f"jobs of several engines: {', '.join(ways)}" if PROCESSORS else ""}
    run.note_jobs()
    assert (run.provenance()["engines"], run.provenance()["ways"]) == (sorted({first, *second.split(", ")}), ways)


@pytest.mark.skipif(not PROCESSORS, reason="installed without a C compiler")
def test_a_job_names_no_engine_that_computed_nothing_and_such_jobs_are_of_one(make_run):
    heun, nothing = (settings(4, claims=[name]) for name in ("ode.forward.heun", "ode.averaged.mean"))
    run = make_run([4])
    run.add([heun, nothing], ["claims=..."])
    for job in (heun, nothing):
        run_job(run.path, job)
    named = {job.settings.claims[0]: job.status.engine for job in run.jobs() if job.status.state == "finished"}
    assert named == {"ode.forward.heun": "compiled, eager", "ode.averaged.mean": ""}


def test_a_solution_of_one_way_of_an_engine_is_none_of_another(tmp_path):
    def solved(way: str, value: float) -> float:
        return float(SharedFolder(tmp_path, way=way).solve("flow", {}, lambda: {"x": np.full(1, value)})["x"][0])

    assert [solved("eager", 1.0), solved("compiled for any", 2.0), solved("eager", 3.0)] == [1.0, 2.0, 1.0]


@pytest.mark.skipif(not PROCESSORS, reason="installed without a C compiler")
def test_a_job_that_asks_by_name_for_an_engine_without_a_form_of_its_steps_fails_with_the_reason(make_run):
    run, asked = make_run([4]), settings(4, engine="compiled", claims=["ode.forward.heun"])
    run.add([asked], ["claims=[ode.forward.heun]"])
    run_job(run.path, asked)
    (job,) = [job for job in run.jobs() if job.settings.claims == asked.claims]
    assert job.status.state == "failed"
    assert "engine=compiled: step heun has no compiled form; engine=auto takes another" in job.status.message


def test_a_job_of_any_engine_starts_anew_where_that_of_its_state_is_not_there(make_run, monkeypatch):
    resize(monkeypatch, compiled, PROCESSORS=())
    run = make_run([4])
    (job,) = run.jobs()
    state = State({"done": np.zeros(1)}, {})
    FolderCheckpoints(job.path / "checkpoint", print, way="compiled for x86-64-v4").part("of another measurement").save(
        state
    )
    run_job(run.path, job.settings)
    assert (run.jobs()[0].status.state, run.jobs()[0].status.engine) == ("finished", "eager")


@pytest.mark.parametrize("left_by", ["eager", *(f"compiled for {processor}" for processor in PROCESSORS)])
def test_a_job_of_any_engine_goes_on_by_that_and_for_the_processor_of_the_state_it_left(make_run, left_by):
    run = make_run([4])
    (job,) = run.jobs()
    state = State({"done": np.zeros(1)}, {})
    FolderCheckpoints(job.path / "checkpoint", print, way=left_by).part("of another measurement").save(state)
    run_job(run.path, job.settings)
    status = run.jobs()[0].status
    assert status.way == left_by
    assert status.engine == ("eager" if left_by == "eager" else "compiled, eager")
