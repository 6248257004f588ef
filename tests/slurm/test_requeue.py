"""A job that SLURM interrupts saves its state, waits again, and ends with the records of one that was left alone."""

from __future__ import annotations

import pytest

from tests.cli.command import Reslim, without_seconds
from tests.slurm.cluster import SLURM, TRAINING, Cluster, Watched, wait_for

pytestmark = pytest.mark.slow

EPOCHS = "train.epochs=200"


def under_way(reslim: Reslim, *arguments: str):
    """A client, and its run once the training is under way."""
    client = reslim.start("train", *TRAINING, *SLURM, *arguments)
    run = Watched.of(reslim)
    wait_for(lambda: run.is_running(2) and 0.1 < run.status(2)["progress"] < 0.8, "a training that is under way")
    assert "going on" not in run.log(2)
    return client, run


def assert_it_went_on(client, run: Watched, reference) -> None:
    _, err = client.communicate(timeout=180)
    assert client.returncode == 0, err
    assert "Traceback" not in err
    assert "interrupted by the scheduler" in run.log(2)
    assert run.log(2).count("going on from checkpoint") >= 1
    assert not (run.job(2) / "checkpoint").exists()
    assert without_seconds(run.path / "records.csv") == without_seconds(reference[0] / "records.csv")


@pytest.fixture(scope="session")
def undisturbed(local):
    return local("training", *TRAINING, EPOCHS)


def test_the_signal_before_the_end_makes_a_job_save_wait_and_go_on(cluster: Cluster, reslim: Reslim, undisturbed):
    client, run = under_way(reslim, EPOCHS)
    (task,) = cluster.tasks(run.path)
    cluster("scancel", "--signal=USR2", task)
    wait_for(lambda: run.status(2)["state"] == "queued", "a job that waits again", seconds=20)
    assert list((run.job(2) / "checkpoint").iterdir())
    assert_it_went_on(client, run, undisturbed)
    assert list(cluster.tasks(run.path)) == [task], "the same task, not a new one"
    assert cluster.restarts(task) == 1


def test_a_pre_empted_job_goes_on_when_there_is_room_again(cluster, reslim, undisturbed):
    client, run = under_way(reslim, EPOCHS, "cluster.partition=spare", "cluster.warning=10")
    (task,) = cluster.tasks(run.path)
    cluster("sbatch", "--partition=debug", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    wait_for(lambda: run.status(2)["state"] == "queued", "a job that waits again", seconds=40)
    assert_it_went_on(client, run, undisturbed)
    assert list(cluster.tasks(run.path)) == [task]
    assert cluster.restarts(task) >= 1


@pytest.mark.long
def test_a_job_longer_than_its_time_goes_on_in_the_next_one(cluster, reslim, local):
    """SLURM looks at the clock every 30 s: with a minute of time the signal comes after 20 to 50 s."""
    epochs = "train.epochs=2400"
    client, run = under_way(reslim, epochs, "cluster.time=1", "cluster.warning=10")
    wait_for(lambda: run.status(2)["state"] == "queued", "a job whose time is up", seconds=70)
    assert_it_went_on(client, run, local("long-training", *TRAINING, epochs))
    (task,) = cluster.tasks(run.path)
    assert cluster.restarts(task) >= 1
