"""Readers that go away and signals: no traceback, no noise, no process left, and the word how to go on."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.command import wait_for
from tests.faults.sweep import TRAINS, launchers, processes, states

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")]
NOISE = ("Traceback", "Exception ignored", "BrokenPipe", "Errno")


def assert_quiet(text):
    for word in NOISE:
        assert word not in text, text


# -- a reader that goes away -----------------------------------------------------------------------


def pipe():
    """A pipe that takes four kilobytes: who leaves is noticed while there is still something to say."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    return read, write


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs", "latest", "--json"),
        ("runs",),
        ("studies", "ode"),
        ("train", "depth=range(1,60)", "--dry-run", "--json"),
        ("train", "--resume", "latest", "--json"),
        ("report", "latest", "--json", "--out", "OUT"),
    ],
    ids=" ".join,
)
def test_a_reader_that_wants_one_line_gets_it_in_peace(trained, tmp_path, arguments):
    _, reslim = trained.copy(tmp_path / "outputs")
    read, write = pipe()
    words = [str(tmp_path / "out") if word == "OUT" else word for word in arguments]
    client = reslim.start(*words, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    with os.fdopen(read) as reader:
        reader.readline()
    assert client.stderr is not None
    assert_quiet(client.stderr.read())
    assert client.wait(timeout=60) in (0, 128 + signal.SIGPIPE)


@pytest.mark.parametrize("arguments", [("runs",), ("train", "depth=0"), ("--help",), ("runs", "latest", "--json")])
def test_a_reader_that_was_never_there_is_no_trouble(trained, arguments):
    read, write = os.pipe()
    os.close(read)
    client = trained.reslim.start(*arguments, stdout=write)
    os.close(write)
    assert client.stderr is not None
    assert_quiet(client.stderr.read())
    assert client.wait(timeout=60) == (2 if arguments[-1] == "depth=0" else 128 + signal.SIGPIPE)


def test_a_terminal_that_knows_few_letters_is_no_trouble(trained, tmp_path):
    _, reslim = trained.copy(tmp_path / "outputs")
    reslim.variables["PYTHONIOENCODING"] = "ascii"
    assert_quiet(reslim("runs").done().err)
    assert_quiet(reslim("runs", "latest").done().err)
    answer = reslim("train", "depth=\udcff\udcfe")
    assert answer.code == 2
    assert_quiet(answer.err)


# -- signals ---------------------------------------------------------------------------------------


def started(reslim, *more, **options):
    """A client whose job runs, its run, and the groups of its launchers."""
    client = reslim.start("train", *TRAINS, "train.epochs=2000", *more, **options)
    run = wait_for(lambda: next((run for run in reslim.runs() if "running" in states(run)), None))
    return client, run, launchers(run)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_client_and_its_jobs_and_says_how_to_go_on(reslim, name):
    client, run, groups = started(reslim)
    client.send_signal(getattr(signal, name))
    out, err = client.communicate(timeout=30)
    assert_quiet(out + err)
    wait_for(lambda: not any(map(processes, groups)), seconds=5)
    if name == "SIGHUP":  # whoever could read a word is gone
        assert client.returncode in (130, -signal.SIGHUP)
    else:
        assert client.returncode == 130, err
        assert f"reslim train --resume {run} continues" in err
    assert reslim("runs", "--json").done().json[0]["state"] == "interrupted"


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_jobs_that_take_sigterm_for_a_warning_end_with_the_client(reslim, name):
    client, _, groups = started(reslim, "hydra/launcher=submitit_local")
    client.send_signal(getattr(signal, name))
    client.communicate(timeout=30)
    wait_for(lambda: not any(map(processes, groups)), seconds=5)


def test_the_other_jobs_of_a_launcher_that_gave_up_end_with_the_client(reslim):
    client, run, groups = started(reslim, "hydra/launcher=submitit_local")
    wait_for(lambda: states(run).count("running") == 3)
    first = json.loads(next(run.glob("jobs/2-*/status.json")).read_text())
    os.kill(first["process"]["pid"], signal.SIGKILL)
    wait_for(lambda: "Error" in (run / "launcher" / "output.txt").read_text())
    assert states(run).count("running") == 3, "the file of the killed one says so still"
    client.kill()
    client.communicate()
    wait_for(lambda: not any(map(processes, groups)), seconds=5)


def test_a_second_ctrl_c_right_after_the_first_changes_nothing(reslim):
    client, run, groups = started(reslim, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    for _ in range(4):
        client.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, err = client.communicate(timeout=30)
    assert client.returncode == 130, err
    assert_quiet(out + err)
    assert f"reslim train --resume {run} continues" in err
    wait_for(lambda: not any(map(processes, groups)), seconds=5)
