"""`runs` and `report` say what is there: nothing that is stale, edited, missing or damaged looks final."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from resnet_limits.errors import RunFolderError
from resnet_limits.files import locked
from resnet_limits.report.publish import collect
from resnet_limits.runs import status as states
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.runs.merge import merge
from resnet_limits.runs.provenance import version
from resnet_limits.runs.status import Process, Status
from resnet_limits.runs.summary import signed
from tests.cli.command import without_seconds
from tests.faults.sweep import assert_same_results
from tests.planting import plant
from tests.runs.conftest import settings

pytestmark = pytest.mark.slow

DEPTHS = (8, 16, 32, 64)


@pytest.fixture(scope="session")
def measured(once):
    """A run of four depths whose client was killed between the last job and collecting."""

    def make(folder: Path) -> None:
        jobs = [settings(depth) for depth in DEPTHS]
        run = Run.create(folder / "outputs", jobs, ["depth=8,16,32,64"], ["reslim", "train"])
        for job in jobs:
            run_job(run.path, job)

    return once("measured", make) / "outputs"


@dataclass
class Shown:
    """A copy of the run, and what the command says of it."""

    run: Run
    capfd: Any

    @property
    def path(self) -> Path:
        return self.run.path

    def listed(self) -> dict[str, Any]:
        import_module("reslim_cli.runs").runs(None, json_out=True)
        (document,) = json.loads(self.capfd.readouterr().out)
        return document

    def shown(self) -> dict[str, Any]:
        import_module("reslim_cli.runs").runs(self.run.id, json_out=True)
        return json.loads(self.capfd.readouterr().out)

    def text(self) -> str:
        import_module("reslim_cli.runs").runs(self.run.id, json_out=False)
        return self.capfd.readouterr().out

    def job(self, depth: int) -> Path:
        return next(self.path.glob(f"jobs/{depth}-*"))

    def deeper(self, *depths: int) -> None:
        """Further depths, measured, by a client that is killed before it collects."""
        self.run.add([settings(depth) for depth in depths], [f"depth={','.join(map(str, depths))}"])
        for depth in depths:
            run_job(self.path, settings(depth))


@pytest.fixture
def uncollected(measured, tmp_path, monkeypatch, capfd) -> Shown:
    shutil.copytree(measured, tmp_path / "outputs")
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("COLUMNS", "200")
    return Shown(Run.find(tmp_path / "outputs", "latest"), capfd)


@pytest.fixture
def view(uncollected) -> Shown:
    """The same, collected."""
    collect(uncollected.run, figures=False)
    return uncollected


def said(document: dict[str, Any]) -> str:
    return "\n".join(document["remarks"])


# -- stale -----------------------------------------------------------------------------------------


def test_a_run_that_was_never_collected_is_collected_by_whoever_looks(uncollected, measured):
    assert uncollected.listed()["verdicts"] == {"supported": 1}
    assert (uncollected.path / "records.csv").exists()
    before = (uncollected.path / "summary.json").read_bytes()
    again = uncollected.listed()
    assert (again["state"], again["verdicts"], again["remarks"]) == ("finished", {"supported": 1}, [])
    assert (uncollected.path / "summary.json").read_bytes() == before
    collect(uncollected.run, figures=False)
    assert (uncollected.path / "summary.json").read_bytes() == before, "it is what a client would have written"


@pytest.mark.parametrize("look", ["listed", "shown"])
def test_depths_that_finished_after_a_collection_are_not_missing_from_it(view, look):
    view.deeper(128)
    document = getattr(view, look)()
    assert "collected anew" in said(document)
    summary = view.shown()["summary"]
    assert [row["depth"] for row in summary["table"]] == [8, 16, 32, 64, 128]
    assert summary["state"] == document["state"] == "finished"
    assert said(view.shown()) == ""


def test_figures_of_an_earlier_collection_are_said_to_be(uncollected):
    collect(uncollected.run)
    assert said(uncollected.shown()) == ""
    uncollected.deeper(128)
    for _ in range(2):
        assert "report.html and the figures are of an earlier collection" in said(uncollected.shown())
    assert "earlier collection" in uncollected.text()
    collect(uncollected.run)
    assert said(uncollected.shown()) == ""


def test_old_verdicts_are_not_shown_while_further_jobs_run(view):
    view.run.add([settings(128)], ["depth=128"])
    folder = view.job(128)
    states.write_status(folder, Status("running", Process.this(folder)))
    view.deeper(256)
    document = view.shown()
    assert document["state"] == "running"
    assert document["verdicts"] == {}
    assert document["summary"] is None
    assert "its jobs are under way" in said(document)
    states.write_status(folder, Status("queued"))
    document = view.shown()
    assert document["state"] == "interrupted"
    assert [row["depth"] for row in document["summary"]["table"]] == [8, 16, 32, 64, 256]


def test_what_another_version_collected_is_shown_as_its_own_and_not_written_over(view, monkeypatch):
    plant(monkeypatch, version, lambda: "99.0")
    before = (view.path / "summary.json").read_bytes()
    document = view.listed()
    assert document["verdicts"] == {"supported": 1}
    assert "collected by reslim" in said(document)
    (view.job(16) / "records.parquet").unlink()
    document = view.listed()
    assert (document["state"], document["verdicts"]) == ("interrupted", {})
    assert "judges it with this version" in said(document)
    assert (view.path / "summary.json").read_bytes() == before


# -- edited ----------------------------------------------------------------------------------------


def edited(path: Path, change) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [
        lambda summary: summary["claims"][0].update(verdict="refuted"),
        lambda summary: summary["claims"][0]["measured"].update(value=7.0),
        lambda summary: summary.update(claims=[]),
        lambda summary: summary.update(state="failed"),
        lambda summary: summary.update(collected=None),
        lambda summary: summary.pop("collected"),
        lambda summary: summary["collected"].update(digest="0" * 64),
        lambda summary: summary["collected"].pop("records"),
        lambda summary: summary["collected"].update(jobs="0" * 64),
    ],
)
def test_a_summary_that_was_edited_is_not_believed(view, change):
    good = (view.path / "summary.json").read_bytes()
    edited(view.path / "summary.json", change)
    document = view.listed()
    assert document["verdicts"] == {"supported": 1}
    assert "summary.json was changed or damaged; collected anew" in said(document)
    assert (view.path / "summary.json").read_bytes() == good


def test_a_summary_from_another_run_is_not_believed_though_it_vouches_for_itself(view):
    good = (view.path / "summary.json").read_bytes()
    document = json.loads(good)
    document["claims"][0]["verdict"] = "refuted"
    document["collected"]["jobs"] = "0" * 64
    (view.path / "summary.json").write_text(json.dumps(signed(document)))
    assert view.listed()["verdicts"] == {"supported": 1}
    assert (view.path / "summary.json").read_bytes() == good


def test_records_that_were_edited_are_written_again(view):
    good = (view.path / "records.csv").read_bytes()
    for content in (good.replace(b"0.", b"1.", 1), good[:-9], b"", None):
        (view.path / "records.csv").unlink() if content is None else (view.path / "records.csv").write_bytes(content)
        assert "records.csv" in said(view.listed())
        assert (view.path / "records.csv").read_bytes() == good


def test_a_copy_of_a_run_is_as_good_and_says_where_it_is(view, tmp_path):
    copy = view.path.with_name("2030-01-01_00-00-00_abcdef01")
    view.path.rename(copy)
    document = Shown(Run.open(copy), view.capfd).shown()
    assert document["remarks"] == []
    assert document["summary"]["run"] == str(copy)


LINES = {
    "a line more": ("depth=8,16,32,64", "depth=8,16,32,64\nwidth=8", "'width=8' was not planned"),
    "another depth": ("depth=8,16,32,64", "depth=8,16,32,128", "'depth=8,16,32,128' was not planned"),
    "a line less": ("depth=8,16,32,64", "# nothing", "it lacks what was planned"),
    "a sweep more": ("depth=8,16,32,64", "depth=8,16,32,64\n\ndepth=2", "'depth=2' was not planned"),
}


@pytest.mark.parametrize("name", LINES)
def test_overrides_that_were_edited_plan_nothing(view, name, in_process):
    old, new, words = LINES[name]
    path = view.path / "overrides.txt"
    path.write_text(path.read_text().replace(old, new))
    answer = in_process("train", "--resume", str(view.path), "--dry-run")
    assert answer.code == 2
    assert words in answer.err
    assert "plan.json" in answer.err
    assert len(answer.err.splitlines()) == 1
    document = view.listed()
    assert f"overrides.txt was edited ({words})" in said(document)
    assert (document["state"], document["depths"]) == ("damaged", list(DEPTHS))
    assert view.run.sweeps() == [["depth=8,16,32,64"]]


@pytest.mark.parametrize("more", [(), ("depth=128",), ("device=cpu",)], ids=str)
def test_overrides_that_make_other_jobs_now_are_not_mixed_with_what_was_planned(view, more, in_process):
    """As with other defaults, data or versions: here the jobs have a width that their overrides do not name."""
    answer = in_process("train", "--resume", str(view.path), *more, "--dry-run")
    assert answer.code == 2
    assert "make other jobs now than were planned" in answer.err
    assert len(answer.err.splitlines()) == 1


def test_overrides_that_lack_the_last_sweep_are_those_of_a_client_that_was_killed(view, in_process):
    text = (view.path / "overrides.txt").read_text()
    view.deeper(128)
    (view.path / "overrides.txt").write_text(text)
    assert view.run.edited() == ""
    assert "was edited" not in said(view.listed())


def test_a_configuration_that_was_edited_is_named(view):
    (view.path / "config.yaml").write_text("width: 7\n")
    document = view.listed()
    assert document["remarks"] == ["config.yaml is missing, or not what was planned; jobs go by their own"]
    view.run.add([settings(8)], ["depth=8,16,32,64"])
    assert view.listed()["remarks"] == []


# -- missing and damaged ---------------------------------------------------------------------------

WAYS = {
    "deleted": (shutil.rmtree, "its folder is missing"),
    "emptied": (lambda job: [path.unlink() for path in job.iterdir()], "its folder is empty"),
    "unreadable": (lambda job: (job / "config.yaml").write_text("depth: ["), "its config.yaml is missing, damaged"),
    "another job's": (lambda job: edited_depth(job), "its config.yaml is missing, damaged"),
    "no folder": (lambda job: (shutil.rmtree(job), job.touch()), "its folder is none"),
    "without results": (lambda job: (job / "records.parquet").unlink(), "records.parquet is missing or damaged"),
    "without status": (lambda job: (job / "status.json").unlink(), "status.json is missing or damaged"),
}


def edited_depth(job: Path) -> None:
    text = (job / "config.yaml").read_text()
    (job / "config.yaml").write_text(text.replace("depth: 16", "depth: 17"))


@pytest.mark.parametrize("way", WAYS)
def test_a_planned_job_is_shown_whatever_has_become_of_its_folder(view, way):
    damage, why = WAYS[way]
    job = view.job(16)
    damage(job)
    for document in (view.listed(), view.shown()):
        assert document["state"] == "interrupted"
        assert document["jobs"][job.name] == "lost"
        assert document["depths"] == list(DEPTHS)
        assert document["verdicts"] == {"inconclusive": 1}, "three depths are too few"
        assert document["continue"] == f"reslim train --resume {view.path}"
    assert why in view.text()
    assert view.run.state() == "interrupted"
    merged = merge([view.run])
    assert why in merged.left_out[f"{view.run.id}/{job.name}"]
    summary = collect(view.run, figures=False)
    assert (summary["state"], summary["jobs"][job.name]) == ("interrupted", "lost")
    assert "16" not in {row[2] for row in without_seconds(view.path / "records.csv")}


def test_a_job_that_one_of_two_runs_lost_is_that_of_the_other(view, tmp_path):
    other = view.path.with_name("2030-01-01_00-00-00_abcdef01")
    shutil.copytree(view.path, other)
    shutil.rmtree(view.job(16))
    merged = merge([view.run, Run.open(other)])
    assert merged.state() == "finished"
    assert len(merged.finished) == 4
    shutil.rmtree(next(other.glob("jobs/16-*")))
    merged = merge([view.run, Run.open(other)])
    assert merged.state() == "interrupted"
    assert [status.state for status in merged.statuses.values()] == ["finished", "lost", "finished", "finished"]


def test_a_job_that_runs_is_not_lost_with_its_settings(view):
    folder = view.job(16)
    states.write_status(folder, Status("running", Process.this(folder)))
    (folder / "config.yaml").unlink()
    assert view.listed()["state"] == "running"


def test_job_folders_that_were_not_planned_are_named_and_not_counted(view):
    foreign = replace(settings(64), seed=5)
    run = Run.create(view.path.parent.parent / "other", [foreign], ["depth=64"], ["reslim"])
    run_job(run.path, foreign)
    (job,) = (run.path / "jobs").iterdir()
    shutil.copytree(job, view.path / "jobs" / job.name)
    document = view.listed()
    assert document["depths"] == list(DEPTHS)
    assert f"jobs/{job.name} was not planned and does not count" in said(document)
    assert "not among the jobs that were planned" in merge([view.run]).left_out[f"{view.run.id}/{job.name}"]
    assert len(collect(view.run, figures=False)["jobs"]) == 4


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"invocations": []}', '{"invocations": [3]}'])
def test_a_run_whose_provenance_is_damaged_goes_on(view, content, in_process):
    path = view.path / "provenance.json"
    path.unlink() if content is None else path.write_text(content)
    document = view.listed()
    assert (document["state"], document["verdicts"]) == ("damaged", {"supported": 1})
    assert document["remarks"] == ["provenance.json is missing or damaged; commands and versions are not known"]
    assert Run.find(view.path.parent.parent, "latest") == view.run
    collect(view.run, figures=False)
    assert json.loads(path.read_text())["seeds"] == [0]
    view.run.note(["reslim", "again"])
    assert [entry["command"] for entry in json.loads(path.read_text())["invocations"]] == [["reslim", "again"]]


@pytest.mark.parametrize("damage", [lambda text: "", lambda text: text.replace("16", "17"), None])
def test_a_run_whose_plan_is_damaged_is_listed_with_what_is_left_and_refused(view, damage, in_process, tmp_path):
    path = view.path / "plan.json"
    path.unlink() if damage is None else path.write_text(damage(path.read_text()))
    document = view.listed()
    assert (document["id"], document["study"], document["state"]) == (view.run.id, "ode", "damaged")
    assert (document["depths"], document["verdicts"]) == (list(DEPTHS), {})
    assert str(path) in said(document)
    assert "damaged" in view.text()
    for arguments in (("report", "latest"), ("train", "--resume", "latest"), ("report", str(view.path))):
        answer = in_process(*arguments)
        assert answer.code == 2
        assert str(path) in answer.err
        assert len(answer.err.splitlines()) == 1
    assert not list(view.path.glob("figures"))


def test_a_run_of_another_schema_is_listed_as_unknown(view):
    (view.path / "plan.json").unlink()
    edited(view.path / "provenance.json", lambda document: document.update(schema=1))
    document = view.listed()
    assert (document["state"], document["jobs"]) == ("unknown", {})
    assert "run-folder schema 1" in said(document)


# -- surroundings ----------------------------------------------------------------------------------


def test_what_cannot_be_kept_is_shown_all_the_same(uncollected, mounted, monkeypatch):
    place = mounted("-t", "tmpfs", "-o", "size=8m", "tmpfs")
    shutil.copytree(uncollected.path, place / "ode" / uncollected.path.name)
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    monkeypatch.setenv("RESLIM_OUTPUTS", str(place))
    document = uncollected.listed()
    assert (document["state"], document["verdicts"]) == ("finished", {"supported": 1})
    assert "what is shown was collected now, and cannot be kept: Read-only file system" in said(document)


def test_a_client_that_is_collecting_is_not_disturbed(uncollected):
    with locked(uncollected.path):
        document = uncollected.listed()
    assert document["verdicts"] == {"supported": 1}
    assert "cannot be kept" in said(document)
    assert not (uncollected.path / "summary.json").exists()
    assert "collected anew" in said(uncollected.listed())


def test_several_that_look_at_once_see_the_same(uncollected):
    """Each in a process of its own, while a client collects, too."""
    program = (
        "import sys; from importlib import import_module; from resnet_limits.runs.folder import Run\n"
        "runs, collect = import_module('reslim_cli.runs').runs, import_module('resnet_limits.report.publish').collect\n"
        "collect(Run.open(__import__('pathlib').Path(sys.argv[1]))) if len(sys.argv) > 1 else runs(None, json_out=True)"
    )
    clients = [
        subprocess.Popen([sys.executable, "-c", program, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for more in ([str(uncollected.path)], [], [], [])
    ]
    answers = [client.communicate(timeout=120) for client in clients]
    assert [client.returncode for client in clients] == [0] * 4, answers
    for out, _ in answers[1:]:
        assert json.loads(out)[0]["verdicts"] == {"supported": 1}
    assert said(uncollected.listed()) == ""


def test_results_that_nobody_touched_since_the_collection_are_not_read_again(view, monkeypatch):
    for path in view.path.rglob("*"):
        os.utime(path, (1e9, 1e9))
    collect(view.run, figures=False)
    read = []
    digest = states.file_digest
    plant(monkeypatch, states.file_digest, lambda path: read.append(path.name) or digest(path))
    (view.job(8) / "arrays.safetensors").touch()
    assert view.listed()["state"] == "finished"
    assert read.count("arrays.safetensors") == 1, "the one that was touched"


# -- anything, anywhere ----------------------------------------------------------------------------


def damages(content: bytes):
    """Nothing, a lost end, and a flipped bit."""
    yield None
    yield content[: len(content) // 2]
    flipped = bytearray(content)
    flipped[2 * len(content) // 5] ^= 1
    yield bytes(flipped)


def test_whatever_one_file_became_no_other_results_look_final(view):
    """Deleted, cut or with a bit flipped: the same results, or words; `report` counts only what is certain."""
    good = view.shown()
    files = [path for path in sorted(view.path.rglob("*")) if path.is_file() and path.stat().st_size]
    assert len(files) > 20
    quiet = 0
    for path in files:
        before = path.read_bytes()
        for damaged in damages(before):
            path.unlink() if damaged is None else path.write_bytes(damaged)
            what = f"{path.relative_to(view.path)}, {'deleted' if damaged is None else len(damaged)} of {len(before)}"
            document = view.listed()
            same = all(document[key] == good[key] for key in ("verdicts", "jobs", "depths"))
            if document["state"] == "finished":
                assert same, what
            quiet += same and not document["remarks"]
            assert same or document["remarks"] or "lost" in document["jobs"].values(), what
            with contextlib.suppress(RunFolderError):
                summary = collect(view.run, figures=False)
                lost = "lost" in summary["jobs"].values()
                assert lost or summary["claims"] == good["summary"]["claims"], what
                assert lost == (summary["state"] != "finished"), what
            path.write_bytes(before)
    collect(view.run, figures=False)
    assert view.shown()["summary"] == good["summary"]
    assert 0 < quiet < 2 * len(files), "such as logs; more of them is not seen"


def test_a_run_that_lost_a_job_in_every_way_is_resumed_to_the_same_results(trained, tmp_path):
    run, reslim = trained.copy(tmp_path / "outputs")
    two, four, eight = sorted((run / "jobs").iterdir(), key=lambda path: int(path.name.split("-")[0]))
    shutil.rmtree(two)
    WAYS["emptied"][0](four)
    WAYS["unreadable"][0](eight)
    (run / "provenance.json").unlink()
    (run / "overrides.txt").unlink()
    answer = reslim("train", "--resume", str(run)).done()
    for job, why in ((two, "is missing"), (four, "is empty"), (eight, "damaged")):
        assert [line for line in answer.err.splitlines() if job.name in line and why in line], answer.err
    assert_same_results(run, trained.path)
    assert reslim("runs", "--json").done().json[0]["remarks"] == []
