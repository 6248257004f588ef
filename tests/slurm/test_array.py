"""An array of SLURM jobs: the numbers of a local run, and clients that come and go."""

from __future__ import annotations

import signal

import pytest

from tests.cli.command import Reslim, without_seconds
from tests.slurm.cluster import SLURM, SMALL, Cluster, Watched, depths, wait_for

pytestmark = pytest.mark.slow

FOUR = (*SMALL, depths(4, 8, 16, 32), *SLURM)
ONE_BY_ONE = "cluster.parallel=1"
"""One task at a time: the array stays in the queue for a while."""


def verdicts(summary):
    return [(claim["id"], claim["verdict"], claim["measured"]) for claim in summary["claims"]]


def test_an_array_gives_the_records_verdicts_and_report_of_a_local_run(cluster: Cluster, reslim: Reslim, sweep):
    path, summary_of_workstation = sweep
    summary = reslim("train", *FOUR, "--json").done().json
    run = Watched.of(reslim)
    assert without_seconds(run.path / "records.csv") == without_seconds(path / "records.csv")
    assert verdicts(summary) == verdicts(summary_of_workstation)
    assert summary["table"] == summary_of_workstation["table"]
    tasks = cluster.tasks(run.path)
    assert len({task.split("_")[0] for task in tasks}) == 1, "one array"
    assert len(tasks) == 4
    reslim("report", str(run.path)).done()
    assert (run.path / "report.html").stat().st_size > 0


def test_a_client_that_is_killed_leaves_its_jobs_and_the_next_one_waits_for_them(cluster, reslim, sweep):
    client = reslim.start("train", *FOUR, ONE_BY_ONE, start_new_session=True)
    run = Watched.of(reslim)
    wait_for(run.any_runs, "a running job")
    client.kill()
    client.communicate()
    sent = set(cluster.tasks(run.path))
    assert len(sent) == 4

    (listed,) = reslim("runs", "--json").done().json
    assert listed["state"] == "running"
    assert listed["continue"] == f"reslim train --resume {run.path}"
    summary = reslim("train", "--resume", str(run.path), "--json").done().json
    assert set(cluster.tasks(run.path)) == sent, "nothing more was sent"
    assert set(run.states().values()) == {"finished"}
    assert summary["table"] == sweep[1]["table"]
    assert without_seconds(run.path / "records.csv") == without_seconds(sweep[0] / "records.csv")


def test_an_interrupted_client_says_how_to_go_on_and_a_further_depth_is_all_that_the_next_one_sends(cluster, reslim):
    client = reslim.start("train", *SMALL, depths(4, 8, 16), *SLURM, ONE_BY_ONE)
    run = Watched.of(reslim)
    wait_for(run.any_runs, "a running job")
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=30)
    assert client.returncode == 130, err
    assert "Traceback" not in err
    assert f"reslim train --resume {run.path}" in err
    assert "scancel" in err
    sent = set(cluster.tasks(run.path))
    assert len(sent) == 3
    assert len(cluster.tasks(run.path, ended=False)) >= 2, "they stay in the queue"

    answer = reslim("train", "--resume", str(run.path), "depth=4,64", "--json").done()
    assert len(set(cluster.tasks(run.path)) - sent) == 1
    assert run.states()[4] == run.states()[64] == "finished"
    assert 64 in [row["depth"] for row in answer.json["table"]]
