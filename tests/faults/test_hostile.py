"""A run folder from somebody who means ill: nothing runs, nothing is written outside, no terminal takes orders."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.errors import RunFolderError
from resnet_limits.measurement.checkpoints import State
from resnet_limits.report.publish import collect
from resnet_limits.runs import status as states
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.runs.enclosed import require_enclosed
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job_folder import settings_of
from resnet_limits.runs.shared import SharedFolder
from resnet_limits.runs.summary import signed
from resnet_limits.settings.content import job_name
from tests.runs.conftest import replan

pytestmark = pytest.mark.slow

ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202e"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class Trap:
    """Unpickled, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of the finished run, with the command."""
    return trained.copy(tmp_path / "outputs")


def job_of(run: Path, depth: int) -> Path:
    return next(run.glob(f"jobs/{depth}-*"))


def accept(job: Path) -> None:
    """Make a finished job's status agree with whatever lies in its folder."""
    document = json.loads((job / "status.json").read_text())
    document["digests"] = {name: states.file_digest(job / name) for name in states.RESULTS}
    (job / "status.json").write_text(json.dumps(document))


# -- nothing runs ----------------------------------------------------------------------------------


def test_pickles_and_yaml_tags_all_over_the_folder_run_nothing(copy, tmp_path):
    run, reslim = copy
    mark = tmp_path / "executed"
    trap, tag = pickle.dumps(Trap(mark)), f"!!python/object/apply:os.mkdir ['{mark}']\n"
    two, four, eight = (job_of(run, depth) for depth in (2, 4, 8))
    (two / "records.parquet").write_bytes(trap)
    (two / "arrays.safetensors").write_bytes(trap)
    accept(two)
    (four / "checkpoint").mkdir()
    (four / "checkpoint" / f"job.trained-000001-{'0' * 64}.safetensors").write_bytes(trap)
    (four / "status.json").write_text('{"state": "queued", "process": null}')
    (eight / "config.yaml").write_text(tag)
    (run / "config.yaml").write_text(tag)
    (run / "summary.json").write_bytes(trap)
    for name in ("1_0_submitted.pkl", "1_0_result.pkl"):
        (run / "launcher" / ".submitit" / "1").mkdir(parents=True, exist_ok=True)
        (run / "launcher" / ".submitit" / "1" / name).write_bytes(trap)
    (run / "shared").mkdir(exist_ok=True)
    (run / "shared" / f"flow-0000000000-{'0' * 64}.safetensors").write_bytes(trap)

    answers = [
        reslim("runs"),
        reslim("runs", "latest"),
        reslim("report", "latest"),
        reslim("train", "--resume", "latest"),
    ]
    assert not mark.exists()
    for answer in answers:
        assert "Traceback" not in answer.out + answer.err, answer.err
        assert answer.code in (0, 2), answer
    assert "records.parquet is missing or damaged" in answers[2].err


def test_a_state_that_a_checkpoint_vouches_for_itself_is_still_no_pickle(tmp_path):
    mark = tmp_path / "executed"
    (tmp_path / "checkpoint").mkdir()
    beside = tmp_path / "checkpoint" / "trap"
    beside.write_bytes(pickle.dumps(Trap(mark)))
    beside.rename(beside.with_name(f"job-000001-{states.file_digest(beside)}.safetensors"))
    said: list[str] = []
    assert FolderCheckpoints(tmp_path / "checkpoint", said.append).load() is None
    assert "cannot be used" in said[0]
    assert not mark.exists()


@pytest.mark.parametrize(
    "line",
    [
        "hydra.launcher._target_=os.system",
        " hydra.sweeper._target_=os.system",
        "\thydra.callbacks.x._target_=os.system",
    ],
)
def test_overrides_of_the_folder_that_name_code_are_refused(copy, line):
    run, reslim = copy
    (sweep,) = Run.open(run).planned.sweeps
    replan(run, sweeps=[{"overrides": [*sweep.overrides, line], "jobs": list(sweep.jobs)}])
    (run / "overrides.txt").unlink()
    answer = reslim("train", "--resume", "latest", "--dry-run")
    assert answer.code == 2
    assert "could run code" in answer.err


# -- nothing is written outside --------------------------------------------------------------------

LINKS = [
    *("jobs", "shared", "figures", "launcher", "jobs/JOB", "jobs/JOB/checkpoint", "jobs/JOB/log.txt"),
    *("jobs/JOB/status.json", "records.csv", "provenance.json", "launcher/output.txt", "launcher/.submitit"),
]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("link", LINKS)
def test_a_link_out_of_the_folder_is_named_and_not_followed(copy, tmp_path, link, in_process):
    run, _ = copy
    link = link.replace("JOB", job_of(run, 4).name)
    outside = tmp_path / "outside"
    if (run / link).exists():
        shutil.move(run / link, outside)
    else:
        outside.mkdir()
        (outside / "precious").write_text("precious")
    (run / link).parent.mkdir(parents=True, exist_ok=True)
    (run / link).symlink_to(outside)
    before = contents(tmp_path) if outside.is_dir() else outside.read_bytes()
    for arguments in (("train", "--resume", str(run)), ("report", str(run))):
        answer = in_process(*arguments)
        assert answer.code == 2, answer
        assert str(run / link) in answer.err or "jobs" in link
        assert "Traceback" not in answer.err
    assert (contents(tmp_path) if outside.is_dir() else outside.read_bytes()) == before


def test_links_that_other_programs_make_do_not_stand_in_the_way_of_a_copy(copy, tmp_path):
    run, _ = copy
    (run / "launcher" / ".submitit" / "7").mkdir(parents=True)
    theirs = run / "launcher" / ".submitit" / "7" / "submission.sh"
    theirs.symlink_to(tmp_path / "the original")
    inside = run / "launcher" / "inside"
    inside.symlink_to(run / "jobs")
    require_enclosed(run)
    assert not theirs.is_symlink()
    assert inside.is_symlink()


def test_a_link_in_the_place_of_a_file_that_is_being_written_is_not_written_through(tmp_path):
    """Nobody can know the name of a file that is still to get its own."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "checkpoint").mkdir()
    for number in range(1, 4):
        (tmp_path / "checkpoint" / f".job-{number:06d}").symlink_to(precious)
    checkpoints = FolderCheckpoints(tmp_path / "checkpoint", lambda text: None)
    checkpoints.save(State(values={"a": 1}))
    checkpoints.save(State(values={"a": 2}))
    SharedFolder(tmp_path / "checkpoint").solve("flow", {}, lambda: {})
    assert precious.read_text() == "precious"


def test_pipes_and_devices_in_the_place_of_files_do_not_hold_up_the_command(copy):
    run, reslim = copy
    two, four, eight = (job_of(run, depth) for depth in (2, 4, 8))
    for path in (two / "records.parquet", four / "config.yaml", eight / "status.json", run / "summary.json"):
        path.unlink()
        os.mkfifo(path)
    (eight / "log.txt").unlink()
    os.mkfifo(eight / "log.txt")
    states_of = reslim("runs", "latest", "--json").done().json["jobs"]
    assert states_of[eight.name] == "lost"
    answer = reslim("train", "--resume", "latest", "--dry-run")
    assert answer.code == 2
    assert "is a named pipe, which no run folder has" in answer.err


def test_yaml_that_stands_for_more_than_any_memory_holds_is_not_unfolded(copy):
    run, _ = copy
    job = job_of(run, 4)
    laughs = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30))
    (job / "config.yaml").write_text(f"study: ode\na0: &a0 [ha]\n{laughs}\ndepth: *a29\n")
    assert settings_of(job) is None
    for text in ("[" * 50_000, "- " * 5000, "depth: " + "9" * 10_000, f"horizon: {'9' * 400}", "depth: 2024-99-99"):
        (job / "config.yaml").write_text(f"study: ode\n{text}" if ":" in text else text)
        assert settings_of(job) is None


# -- nothing takes orders --------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


@pytest.fixture
def odd(copy):
    """The run with text that means ill wherever a text may stand: settings, messages, logs, names, overrides."""
    run, reslim = copy
    words = f"{MARKUP}{ESCAPE}[/red]$\\frac{{"
    real = Run.open(run).jobs()[0]
    data = ImageFolderData(folder=words)
    settings = replace(real.settings, data=data)
    Run.open(run).add([settings], [f"data.folder='{words}'"])
    job = run / "jobs" / job_name(settings)
    for name in states.RESULTS:
        shutil.copy(real.path / name, job / name)
    status = states.Status("finished", seconds=1.0, message=words, device=words)
    states.write_status(job, replace(status, digests={name: states.file_digest(job / name) for name in states.RESULTS}))
    failed = job_of(run, 8)
    states.write_status(failed, states.Status("failed", message=words))
    (failed / "log.txt").write_text(words)
    document = json.loads((run / "provenance.json").read_text())
    document["invocations"][0] |= {
        "command": [words, words],
        "host": words,
        "packages": {"reslim": words, words: words},
    }
    (run / "provenance.json").write_text(json.dumps(document))
    summary = collect(Run.open(run), figures=False)
    summary["claims"][0] |= {"id": words, "why": words, "verdict": "refuted", "setting": {words: words}}
    (run / "summary.json").write_text(json.dumps(signed(summary)))
    renamed = run.with_name(f"2026-01-01_00-00-00_{ESCAPE}[red]")
    run.rename(renamed)
    return renamed, reslim


def assert_no_orders(answer):
    assert answer.code in (0, 1, 2), answer
    assert "Traceback" not in answer.out + answer.err, answer.err
    for sign in ("\x1b", "\x07", "\x9b", "\u202e"):
        assert sign not in answer.out, repr(answer.out)
        assert sign not in answer.err, repr(answer.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs",),
        ("runs", "--json"),
        ("runs", "RUN"),
        ("runs", "RUN", "--json"),
        ("train", "--resume", "RUN", "--dry-run"),
        ("train", "--resume", "RUN", "--dry-run", "--json"),
    ],
    ids=" ".join,
)
def test_the_terminal_gets_no_orders_from_a_run_folder(odd, arguments):
    run, reslim = odd
    assert_no_orders(reslim(*(str(run) if word == "RUN" else word for word in arguments)))


def test_the_report_of_odd_text_shows_it_and_runs_none_of_it(odd, tmp_path):
    run, reslim = odd
    answer = reslim("report", str(run), "--out", str(tmp_path / "out"))
    assert_no_orders(answer)
    assert answer.code == 0, answer.err
    page = (tmp_path / "out" / "report.html").read_text()
    tags = Tags(page)
    assert not {"script", "img", "iframe"} & set(tags.tags)
    assert not [name for name in tags.attributes if name.startswith("on")]
    assert "&lt;script&gt;" in page
    assert not [
        path for path in tmp_path.rglob("*") if "script" in path.name and path.suffix not in (".png", ".svg", ".pdf")
    ]
    for svg in (tmp_path / "out" / "figures").glob("*.svg"):
        assert "script" not in Tags(svg.read_text()).tags


def test_a_collection_of_a_folder_with_links_writes_nothing(copy, tmp_path):
    run, _ = copy
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.png").write_text("precious")
    shutil.rmtree(run / "figures")
    (run / "figures").symlink_to(outside)
    with pytest.raises(RunFolderError, match="a link out of the run folder"):
        collect(Run.open(run))
    assert [path.name for path in outside.iterdir()] == ["precious.png"]
