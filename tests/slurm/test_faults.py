"""What goes wrong in a cluster: jobs that are killed or cancelled, and a SLURM that does not answer."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.cli.command import Reslim
from tests.faults.planted import executed, plant
from tests.slurm.cluster import SLURM, SMALL, Cluster, Watched, depths, wait_for

pytestmark = pytest.mark.slow


def test_a_job_that_is_killed_is_lost_and_done_again_alone(cluster: Cluster, reslim: Reslim):
    client = reslim.start("train", *SMALL, depths(4, 8), *SLURM)
    run = Watched.of(reslim)
    wait_for(lambda: run.is_running(8), "the job of depth 8")
    os.kill(run.status(8)["process"]["pid"], signal.SIGKILL)
    jobs = reslim("runs", "latest", "--json").done().json["jobs"]
    assert jobs[run.job(8).name] == "lost", "at once, on its own host"
    _, err = client.communicate(timeout=60)
    assert client.returncode == 1
    assert f"1 of 2 jobs did not finish: {run.job(8).name}" in err
    assert "Traceback" not in err
    assert run.states()[4] == "finished"

    sent = set(cluster.tasks(run.path))
    reslim("train", "--resume", str(run.path)).done()
    assert len(set(cluster.tasks(run.path)) - sent) == 1
    assert set(run.states().values()) == {"finished"}


def test_a_cancelled_task_is_named_and_done_again_alone(cluster, reslim):
    client = reslim.start("train", *SMALL, depths(4, 8, 16), *SLURM, "cluster.parallel=1")
    run = Watched.of(reslim)
    wait_for(run.any_runs, "a running job")
    pending = [task for task, state in cluster.tasks(run.path).items() if state == "PENDING"]
    cluster("scancel", pending[-1])
    _, err = client.communicate(timeout=90)
    assert client.returncode == 1, err
    assert "Traceback" not in err
    (left,) = [depth for depth, state in run.states().items() if state != "finished"]
    assert run.job(left).name in err

    sent = set(cluster.tasks(run.path))
    reslim("train", "--resume", str(run.path)).done()
    assert len(set(cluster.tasks(run.path)) - sent) == 1
    assert set(run.states().values()) == {"finished"}


def test_one_resume_sends_what_was_cancelled_while_others_of_the_array_live(cluster, reslim):
    client = reslim.start("train", *SMALL, depths(4, 8, 16, 32), *SLURM, "cluster.parallel=1")
    run = Watched.of(reslim)
    wait_for(lambda: run.states()[4] != "queued", "the job of depth 4, the first of the array")
    sent = cluster.tasks(run.path)
    assert [sent[task] for task in sorted(sent)][1:] == ["PENDING"] * 3, sent
    cluster("scancel", sorted(sent)[1])
    wait_for(lambda: len(cluster.tasks(run.path, ended=False)) < 4, "a shorter queue", seconds=10)
    would = reslim("train", "--resume", str(run.path), "--dry-run", "--json").done().json
    assert [job["job"] for job in would if job["missing"]] == [run.job(8).name]

    answer = reslim("train", "--resume", str(run.path)).done()
    assert "1 jobs go to SLURM" in answer.err
    _, err = client.communicate(timeout=60)
    assert client.returncode == 0, err
    tasks = cluster.tasks(run.path)
    assert len(set(tasks) - set(sent)) == 1
    assert set(run.states().values()) == {"finished"}
    assert [run.log(depth).count("started on") for depth in (4, 8, 16, 32)] == [1] * 4


def test_a_task_without_the_variables_of_its_sender_imports_nothing_from_where_it_was_sent(cluster, reslim, tmp_path):
    plant(tmp_path / "work", tmp_path / "mark", "reslim_cli", "sitecustomize")
    mine = tmp_path / "mine"
    variables = {**reslim.variables, "SBATCH_EXPORT": "NONE"}
    lines = f"hydra.launcher.setup=['echo $PYTHONSAFEPATH > {mine}']"
    Reslim(reslim.outputs, variables)("train", *SMALL, depths(4), *SLURM, lines, cwd=tmp_path / "work").done()
    assert mine.read_text() == "\n", "a user's own line runs first, and nothing was handed on"
    assert [line for line in executed(tmp_path / "mark") if "sys.exit(main())" not in line] == []
    assert set(Watched.of(reslim).states().values()) == {"finished"}


def test_a_cancelled_array_ends_the_client(cluster, reslim):
    client = reslim.start("train", *SMALL, depths(4, 8, 16), *SLURM, "cluster.parallel=1")
    run = Watched.of(reslim)
    wait_for(run.any_runs, "a running job")
    cluster("scancel", next(iter(cluster.tasks(run.path))).split("_")[0])
    _, err = client.communicate(timeout=90)
    assert client.returncode == 1, err
    # The one that ran may end well: it has a few seconds from SIGTERM to SIGKILL.
    left = {run.job(depth).name for depth, state in run.states().items() if state != "finished"}
    assert len(left) >= 2
    assert f"{len(left)} of 3 jobs did not finish" in err
    assert f"reslim train --resume {run.path}" in err
    assert "Traceback" not in err
    assert not cluster.tasks(run.path, ended=False)
    would = reslim("train", "--resume", str(run.path), "--dry-run", "--json").done().json
    assert {job["job"] for job in would if job["missing"]} == left


def silent(cluster: Cluster, folder: Path) -> Path:
    """The configuration of a SLURM at whose address nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    lines = (cluster.folder / "slurm.conf").read_text().splitlines()
    lines = [line for line in lines if not line.startswith(("SlurmctldPort", "MessageTimeout"))]
    path = folder / "slurm.conf"
    path.write_text("\n".join([*lines, f"SlurmctldPort={port}", "MessageTimeout=2"]) + "\n")
    return path


def test_a_slurm_that_does_not_answer_is_said_in_a_line(cluster, tmp_path):
    reslim = Reslim(tmp_path / "outputs", {"SLURM_CONF": str(silent(cluster, tmp_path))})
    start = time.monotonic()
    answer = reslim("train", *SMALL, depths(4), *SLURM)
    assert time.monotonic() - start < 60
    assert answer.code in (1, 2)
    assert "SLURM" in answer.err
    assert len(answer.err.splitlines()) <= 2, answer.err
    assert answer.out == ""


def test_a_machine_without_slurm_is_said_in_a_line(tmp_path):
    answer = Reslim(tmp_path / "outputs", {"PATH": str(tmp_path)})("train", *SMALL, depths(4), *SLURM)
    assert answer.code in (1, 2)
    assert "no sbatch here" in answer.err
    assert len(answer.err.splitlines()) == 1


def test_jobs_are_waited_for_while_squeue_fails(cluster, reslim, tmp_path):
    squeue, broken = tmp_path / "bin" / "squeue", tmp_path / "broken"
    squeue.parent.mkdir()
    squeue.write_text(f'#!/bin/sh\n[ ! -e {broken} ] || exit 1\nexec {shutil.which("squeue")} "$@"\n')
    squeue.chmod(0o755)
    path = f"{squeue.parent}:{os.environ['PATH']}"
    client = Reslim(reslim.outputs, {**reslim.variables, "PATH": path}).start("train", *SMALL, depths(4, 8), *SLURM)
    run = Watched.of(reslim)
    wait_for(run.any_runs, "a running job")
    broken.touch()
    _, err = client.communicate(timeout=60)
    assert client.returncode == 0, err
    assert set(run.states().values()) == {"finished"}
