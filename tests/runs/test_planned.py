"""What a run is to do is known from `plan.json`, or known not to be known; and no number in it troubles other runs."""

from __future__ import annotations

import json
import os

import pytest

from resnet_limits.errors import OutputError, RunFolderError, SettingError
from resnet_limits.figures.write import write_figures
from resnet_limits.files import write_json, write_text
from resnet_limits.report.page import page
from resnet_limits.runs import planned
from resnet_limits.runs import status as states
from resnet_limits.runs.folder import Run, merged
from resnet_limits.runs.job_folder import queue
from resnet_limits.runs.owner import is_abandoned, owned
from resnet_limits.runs.provenance import invocation
from resnet_limits.runs.status import Process, Status
from tests.planting import plant
from tests.runs.conftest import replan, settings


def test_the_plan_holds_the_study_the_sweeps_and_their_jobs_in_order(make_run):
    run = make_run((8, 4))
    run.add([settings(16)], ["depth=16"])
    run.add([settings(16)], ["depth=16"])
    names = [job.name for job in run.jobs()]
    assert run.planned.study == "ode"
    assert [sweep.overrides for sweep in run.planned.sweeps] == [("depth=8,4",), ("depth=16",)]
    assert [name for sweep in run.planned.sweeps for name in sweep.jobs] == [names[1], names[0], names[2]]
    assert run.planned.jobs == names
    assert (run.path / "overrides.txt").read_text() == "depth=8,4\n\ndepth=16\n"
    assert run.remarks() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "", "cannot be read"),
        (lambda text: text[: len(text) // 2], "cannot be read"),
        (lambda text: text.replace("depth=4,8", "depth=4,9"), "was changed"),
        (lambda text: text.replace('"digest"', '"digets"'), "was changed"),
        (lambda text: "[]", "cannot be read"),
        (lambda text: '{"schema": 99}', "schema 99"),
        (lambda text: '{"schema": 2}', "was changed"),
    ],
)
def test_a_plan_that_was_changed_is_not_believed(make_run, change, words):
    run = make_run()
    text = (run.path / "plan.json").read_text()
    (run.path / "plan.json").write_text(change(text))
    with pytest.raises(RunFolderError, match=words):
        Run.open(run.path)
    (run.path / "plan.json").unlink()
    with pytest.raises(RunFolderError, match="is missing"):
        Run.open(run.path)


@pytest.mark.parametrize(
    "change",
    [
        {"sweeps": [{"overrides": ["depth=4"], "jobs": ["../../elsewhere"]}]},
        {"sweeps": [{"overrides": "depth=4", "jobs": ["4-0123456789"]}]},
        *({"sweeps": value} for value in ([], None, 3, [3], [{}], {"a": 1})),
        *({"study": value} for value in ("nothing", None, [], 3)),
        {"config": None},
    ],
    ids=str,
)
def test_a_plan_of_another_shape_is_refused_even_with_a_digest(make_run, change):
    run = make_run()
    replan(run.path, **change)
    with pytest.raises(RunFolderError, match="is no plan"):
        Run.open(run.path)
    assert [run_listed.path for run_listed in Run.all(run.path.parent.parent)] == [run.path], "it is there all the same"


def test_a_run_of_an_older_schema_is_refused_with_its_number(make_run):
    run = make_run()
    (run.path / "plan.json").unlink()
    document = json.loads((run.path / "provenance.json").read_text())
    (run.path / "provenance.json").write_text(json.dumps({**document, "schema": 1}))
    with pytest.raises(RunFolderError, match="run-folder schema 1; this version of reslim reads schema 2"):
        Run.open(run.path)


# -- wild numbers ----------------------------------------------------------------------------------

WILD = ["1.8e308", "1e400", "1e308", "-1e308", "-1", "NaN", "Infinity", '"text"', "null", "[1]", "true", "9" * 400]
WILD += ["1e12", "32503680000.0", "32503680001"]


@pytest.mark.slow
@pytest.mark.parametrize("number", WILD)
@pytest.mark.parametrize("file", ["plan.json", "provenance.json"])
def test_a_wild_time_in_one_run_neither_stops_nor_misorders_the_next(make_run, file, number):
    old = make_run()
    document = json.loads((old.path / file).read_text())
    if file == "plan.json":
        del document["digest"]
        try:  # as somebody who knows of the digest
            digest = planned.digest_of_document({**document, "started": json.loads(number)})
        except ValueError:
            digest = ""
        document["digest"] = digest
    (old.path / file).write_text(json.dumps({**document, "started": 12345.5}).replace("12345.5", number))
    root = old.path.parent.parent
    made = [make_run() for _ in range(3)]
    assert [run.path for run in Run.all(root)] == [old.path, *(run.path for run in made)]
    assert Run.find(root, "latest") == made[-1]


@pytest.mark.parametrize("name", ["9999-12-31_23-59-59_00000000", "0000-00-00_00-00-00_00000000"])
def test_a_folder_named_after_a_time_that_cannot_be_is_no_later_than_the_next_run(make_run, name):
    old = make_run()
    replan(old.path, started=None)
    old.path.rename(old.path.with_name(name))
    new = make_run()
    assert Run.find(new.path.parent.parent, "latest") == new


@pytest.mark.parametrize("key", ["heartbeat", "progress", "seconds"])
@pytest.mark.parametrize("number", ["1.7e308", "1e400", "-1e308", "NaN", '"text"', "[]", "9" * 400])
def test_wild_numbers_in_a_status_neither_stop_a_collection_nor_are_shown(make_run, key, number):
    from resnet_limits.report.publish import collect

    run = make_run((4, 8), measured=True)
    for job in run.jobs():
        text = json.dumps({**json.loads((job.path / "status.json").read_text()), key: 12345.5})
        (job.path / "status.json").write_text(text.replace("12345.5", number))
        owner = json.dumps({"host": "elsewhere", "pid": 1, "started": "1", "folder": ""})
        (job.path / "owner.json").write_text(owner)
        is_abandoned(job.path)
    summary = collect(run, figures=False)
    assert summary["seconds"] < states.MAX_SECONDS_OF_JOB
    assert set(summary["jobs"].values()) <= {"finished", "lost"}


@pytest.mark.parametrize("pid", ["9" * 400, str(2**64), "-1", "0", "1e300", "true", '"1"', "null"])
def test_a_process_whose_id_cannot_be_is_gone(make_run, pid):
    run = make_run((4,))
    (job,) = run.jobs()
    text = json.dumps({"host": Process.this().host, "pid": 12345, "started": "1", "folder": ""}).replace("12345", pid)
    (job.path / "owner.json").write_text(text)
    (run.path / "launcher").mkdir()
    (run.path / "launcher" / "process-1.json").write_text(text)
    states.write_status(job.path, Status("queued"))
    assert run.held([job.name]) == set()
    with owned(job.path) as mine:
        assert mine
    run.launched(2**22 - 1, [job.name])  # which nobody is
    (run.path / "launcher" / "scheduler.json").write_text(text)
    assert run.state() == "interrupted"


# -- half-made folders -----------------------------------------------------------------------------

WRITES = {write_json: 4, write_text: 7}
"""How often each is called while a run of one job is made."""
ERRORS = [KeyboardInterrupt(), MemoryError(), OSError(28, "No space left on device"), SettingError("no"), ValueError()]


def failing(error, original=None, good=0):
    """A function that raises the error, once `original` has been called `good` times."""
    calls = iter(range(good))

    def fail(*arguments, **options):
        if original is None or next(calls, None) is None:
            raise error
        return original(*arguments, **options)

    return fail


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    ("function", "good"),
    [
        *((write_json, good) for good in range(WRITES[write_json])),
        *((write_text, good) for good in range(WRITES[write_text])),
        (planned.write_plan, 0),
        (queue, 0),
        (states.write_status, 0),
        (os.rename, 0),
        (invocation, 0),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else f"{value.__module__}.{value.__name__}",
)
def test_whatever_strikes_while_a_run_is_made_nothing_of_it_is_left(tmp_path, monkeypatch, error, function, good):
    if function is os.rename:
        monkeypatch.setattr(os, "rename", failing(error))
    else:
        plant(monkeypatch, function, failing(error, function, good))
    expected = OutputError if isinstance(error, OSError) and function is not invocation else type(error)
    with pytest.raises(expected):
        Run.create(tmp_path / "outputs", [settings(4)], ["depth=4"], ["reslim"])
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    run = Run.create(tmp_path / "outputs", [settings(4)], ["depth=4"], ["reslim"])
    plant(monkeypatch, merged, failing(error))
    with pytest.raises(type(error)):
        run.add([settings(8)], ["depth=8"])
    assert run.planned.jobs == [job.name for job in run.jobs()], "the run that was there is as it was"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_job_folder_half_made_is_taken_away(make_run, monkeypatch, error):
    run = make_run((4,))
    plant(monkeypatch, states.write_status, failing(error))
    with pytest.raises(type(error)):
        run.add([settings(8)], ["depth=8"])
    monkeypatch.undo()
    assert len(list((run.path / "jobs").iterdir())) == 1
    assert [status.state for status in run.look().statuses.values()] == ["queued", "lost"], (
        "it was planned, and is missing"
    )
    run.add([settings(8)], ["depth=8"])
    assert [status.state for status in run.look().statuses.values()] == ["queued", "queued"]


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS[:3], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("function", [write_figures, page, write_json], ids=lambda value: value.__name__)
def test_folders_of_figures_and_reports_that_were_not_finished_are_taken_away(
    make_run, tmp_path, monkeypatch, error, function
):
    from importlib import import_module

    from resnet_limits.report.publish import collect

    run = make_run((4, 8), measured=True)
    plant(
        monkeypatch,
        function,
        failing(error),
        within="resnet_limits.report" if function is write_json else "resnet_limits",
    )
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path / "outputs"))
    with pytest.raises(type(error)):
        collect(run)
    if function is write_figures:
        assert not (run.path / "figures").exists()
    with pytest.raises(OutputError if isinstance(error, OSError) else type(error)):
        import_module("reslim_cli.report").report(["latest"], out=str(tmp_path / "some" / "where"), json_out=True)
    assert not (tmp_path / "some").exists()


def test_what_others_put_into_a_folder_that_was_there_stays(make_run, tmp_path, monkeypatch):
    from importlib import import_module

    make_run((4,), measured=True)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "precious").touch()
    plant(monkeypatch, page, failing(ValueError("no")))
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path / "outputs"))
    with pytest.raises(ValueError, match="no"):
        import_module("reslim_cli.report").report(["latest"], out=str(tmp_path / "there"), json_out=True)
    assert "precious" in [path.name for path in (tmp_path / "there").iterdir()]
