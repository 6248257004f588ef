"""Kill, interrupt and resume: what is missing is done, nothing else, and the records are the same bit for bit."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.command import Reslim, wait_for, without_seconds
from tests.cli.conftest import REQUEST

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


def status_of(run, depth):
    for folder in (run / "jobs").glob(f"{depth}-*"):
        try:
            return json.loads((folder / "status.json").read_text())
        except FileNotFoundError:
            return None
    return None


def running(reslim: Reslim, depth: int):
    """The one run, once its job of this depth runs."""
    for run in reslim.runs():
        status = status_of(run, depth)
        if status and status["state"] == "running":
            return run
    return None


def launcher_groups(run):
    """The process groups of the launchers that the run remembers."""
    return {json.loads(path.read_text())["pid"] for path in (run / "launcher").glob("process-*.json")}


def alive(groups):
    """Processes of these groups that still run."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.parent.name, stat.read_text(errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(rest[2]) in groups and rest[0] not in "ZX":
            pids.append(int(pid))
    return pids


def modified(run):
    return {path.parent.name: path.stat().st_mtime_ns for path in run.glob("jobs/*/status.json")}


@pytest.mark.slow
def test_a_run_killed_without_warning_is_interrupted_and_resumes_to_the_same_records(reslim, sweep):
    client = reslim.start("train", *REQUEST, "hydra/launcher=basic", start_new_session=True)  # the deepest comes last
    run = wait_for(lambda: running(reslim, 2048))
    (launcher,) = launcher_groups(run)
    os.killpg(launcher, signal.SIGKILL)
    os.killpg(client.pid, signal.SIGKILL)
    client.communicate()

    document = reslim("runs", "latest", "--json").done().json
    assert document["state"] == "interrupted"
    states = {name.split("-")[0]: state for name, state in document["jobs"].items()}
    assert states == {"4": "finished", "8": "finished", "16": "finished", "2048": "lost"}
    assert document["continue"] == f"reslim train --resume {run}"
    before = modified(run)

    answer = reslim("train", "--resume", "latest").done()
    assert "2048" in answer.err
    assert "its process is gone" in answer.err
    changed = {name.split("-")[0] for name, when in modified(run).items() if when != before[name]}
    assert changed == {"2048"}
    assert without_seconds(run / "records.csv") == without_seconds(sweep.path / "records.csv")
    assert not list(run.rglob("owner.json"))
    assert len(json.loads((run / "provenance.json").read_text())["invocations"]) == 2


@pytest.mark.slow
def test_an_interrupted_client_answers_130_and_leaves_no_process(reslim):
    client = reslim.start("train", *REQUEST)
    run = wait_for(lambda: running(reslim, 2048))
    groups = launcher_groups(run)
    client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=30)
    assert client.returncode == 130, err
    assert "Traceback" not in out + err
    assert f"reslim train --resume {run} continues" in err
    assert alive(groups) == []
    assert reslim("runs", "--json").done().json[0]["state"] == "interrupted"
    stopped = status_of(run, 2048)
    assert stopped is not None
    assert (stopped["state"], stopped["message"]) == ("queued", "stopped by an interrupt")
    assert "its process is gone" not in reslim("train", "--resume", "latest").done().err


def test_the_launcher_dies_with_a_client_that_is_killed(reslim):
    client = reslim.start("train", *REQUEST)
    run = wait_for(lambda: running(reslim, 2048))
    groups = launcher_groups(run)
    assert alive(groups)
    client.kill()
    client.communicate()
    wait_for(lambda: not alive(groups), seconds=5)


def test_resuming_with_further_depths_runs_only_what_is_new(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    before = modified(run)
    summary = reslim("train", "--resume", run.name, "depth=4,32,16", "--json").done().json
    after = modified(run)
    assert {name: after[name] for name in before} == before
    assert [name.split("-")[0] for name in set(after) - set(before)] == ["32"]
    assert [row["depth"] for row in summary["table"]] == [4, 8, 16, 32, 2048], "the run shows all its depths"
    assert sum(1 for line in (run / "overrides.txt").read_text().split("\n\n") if line.strip()) == 2


@pytest.mark.slow
def test_resuming_a_finished_run_launches_nothing_and_says_the_same(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    for path in (run / "launcher").glob("process-*.json"):
        path.unlink()
    before = modified(run)
    summary = reslim("train", "--resume", str(run), "--json").done().json
    assert modified(run) == before
    assert not list((run / "launcher").glob("process-*.json"))
    assert {**summary, "run": None} == {**sweep.answer.json, "run": None}


@pytest.mark.slow
def test_clients_that_collect_one_run_at_the_same_time_all_show_it(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    clients = [reslim.start("train", "--resume", run.name, "--json") for _ in range(3)]
    answers = [client.communicate(timeout=120) for client in clients]
    assert [client.returncode for client in clients] == [0, 0, 0], answers
    assert len({out for out, _ in answers}) == 1
    assert len(json.loads((run / "provenance.json").read_text())["invocations"]) == 4


@pytest.mark.slow
def test_keys_that_are_no_content_do_not_make_a_finished_job_new(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    jobs = reslim("train", "--resume", "latest", "threads=2", "device=auto", "--dry-run", "--json").done().json
    assert [job["missing"] for job in jobs] == [False] * 4
    changed = reslim("train", "--resume", "latest", "activation=relu", "--dry-run", "--json").done().json
    assert [job["missing"] for job in changed] == [True] * 4
    assert len(list((run / "jobs").iterdir())) == 4


@pytest.mark.slow
def test_damaged_results_are_detected_named_and_done_again(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    (flipped,) = run.glob("jobs/4-*/records.parquet")
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    (truncated,) = run.glob("jobs/8-*/arrays.safetensors")
    truncated.write_bytes(truncated.read_bytes()[:-1])
    (run / "records.csv").unlink()
    before = modified(run)

    answer = reslim("train", "--resume", "latest").done()
    assert f"{flipped.parent.name}: records.parquet is missing or damaged" in answer.err
    assert f"{truncated.parent.name}: arrays.safetensors is missing or damaged" in answer.err
    after = modified(run)
    assert {n.split("-")[0] for n in after if after[n] != before[n]} == {"4", "8"}
    assert without_seconds(run / "records.csv") == without_seconds(sweep.path / "records.csv")


@pytest.mark.slow
def test_resuming_another_study_or_code_in_the_overrides_of_a_folder_is_refused(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    for line in (
        "hydra.launcher._target_=os.system",
        "hydra.sweeper._target_=os.system",
        "hydra.searchpath=[/tmp]",
        "++hydra.callbacks.x._target_=os.system",
        "hydra.launcher.temp_folder=/tmp",
    ):
        (run / "overrides.txt").write_text("\n".join([*REQUEST, line]) + "\n")
        answer = reslim("train", "--resume", "latest", "depth=2")
        assert answer.code == 2
        assert line in answer.err
        assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize("override", ["threads=1,2", "hydra.sweep.dir=/x", "++threads=2", "depth=range(8,1e9)"])
def test_resuming_refuses_what_a_new_run_refuses(one_job, in_process, override):
    before = sorted(path.name for path in one_job.path.iterdir())
    answer = in_process("train", "--resume", str(one_job.path), override)
    assert answer.code == 2
    assert override.split("=")[0] in answer.err
    assert sorted(path.name for path in one_job.path.iterdir()) == before
