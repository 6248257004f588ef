"""One owner a job: on this host, and on another whose clock says nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from resnet_limits.runs import status as states
from resnet_limits.runs.owner import owned
from resnet_limits.runs.status import Process, Status

RACE = """
import sys, time
from pathlib import Path
from resnet_limits.runs.owner import owned
folder, count = Path(sys.argv[1]), int(sys.argv[2])
(folder / f"ready-{sys.argv[3]}").touch()
while len(list(folder.glob("ready-*"))) < count:
    pass
with owned(folder) as mine:
    print(mine, flush=True)
    sys.stdin.read(1)
"""


def race(folder, count):
    """How many of several processes own the folder, each asking at once and staying until all have asked."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(folder), str(count), str(i)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(count)
    ]
    answers = [process.stdout.readline().strip() for process in processes if process.stdout]
    for process in processes:
        process.communicate("\n", timeout=30)
    return answers.count("True")


def test_of_several_processes_that_want_a_job_exactly_one_gets_it(tmp_path):
    assert race(tmp_path, 4) == 1
    assert not list(tmp_path.glob("*owner*")), "and gives it back"


def test_of_several_processes_exactly_one_replaces_a_dead_owner(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    owner = {"host": Process.this().host, "pid": child.pid, "started": states.process_start(child.pid) or "1"}
    child.wait()
    (tmp_path / "owner.json").write_text(json.dumps(owner))
    assert race(tmp_path, 4) == 1


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"host": "a"}', "null"])
def test_a_damaged_owner_file_is_no_owner(tmp_path, text):
    (tmp_path / "owner.json").write_text(text)
    with owned(tmp_path) as mine:
        assert mine


def test_a_live_owner_keeps_the_job(tmp_path):
    with owned(tmp_path) as first, owned(tmp_path) as second:
        assert (first, second) == (True, False)
    with owned(tmp_path) as again:
        assert again


def test_an_owner_of_a_folder_of_which_this_is_a_copy_does_not_run_this_job(tmp_path):
    original, copy = tmp_path / "original", tmp_path / "copy"
    original.mkdir()
    copy.mkdir()
    with owned(original):
        (copy / "owner.json").write_bytes((original / "owner.json").read_bytes())
        with owned(copy) as mine:
            assert mine


@pytest.mark.parametrize("skew", [0.0, -3600.0, 3600.0, -1.0])
@pytest.mark.parametrize("alive", [True, False])
def test_on_another_host_its_beating_heart_decides_whatever_its_clock_says(tmp_path, monkeypatch, skew, alive):
    monkeypatch.setenv("RESLIM_LOST_AFTER", "1.2")
    elsewhere = Process("another-host", 1, "1", str(tmp_path))
    (tmp_path / "owner.json").write_text(json.dumps(vars(elsewhere)))
    os.utime(tmp_path / "owner.json", (0, 0))
    stop = threading.Event()

    def beat():
        states.write_status(tmp_path, Status("running", elsewhere, heartbeat=time.time() + skew))

    def live():
        while not stop.wait(states.heartbeat_seconds()):
            beat()

    beat()
    other = threading.Thread(target=live)
    if alive:
        other.start()
    try:
        with owned(tmp_path) as mine:
            assert mine is not alive
    finally:
        stop.set()
        if alive:
            other.join()
