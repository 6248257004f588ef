"""Memory that runs out is one error of one line, whoever ran out: how much, where, and which keys help."""

from __future__ import annotations

import errno
import json
import re
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resnet_limits.errors import MeasurementError, OutOfMemory
from resnet_limits.memory import (
    Room,
    by_excess,
    control_group,
    explained,
    host_limit,
    host_room,
    message,
    ran_out_of,
    rooms,
)
from resnet_limits.python import run
from resnet_limits.settings.training import Train
from resnet_limits.studies import study as studies
from resnet_limits.studies.least import little
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from tests.cli.command import TINY, Reslim
from tests.planting import plant

SMALL = Ode(depth=8, device="cpu")
GB = 10**9
LIMIT = 4 * GB


def limit_addresses() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))


# -- who may say that memory ran out --------------------------------------------------------------


def refused(allocate) -> Exception:
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        allocate()
    return caught.value


@pytest.mark.parametrize(
    ("error", "where", "asked"),
    [
        (refused(lambda: np.empty(10**15)), "host", 8e15),
        (refused(lambda: torch.empty(10**15, dtype=torch.float64)), "host", 8e15),
        (refused(lambda: torch.empty(2**62, dtype=torch.float64)), "host", None),
        (MemoryError(), "host", None),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "host", None),
        (RuntimeError("std::bad_alloc"), "host", None),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has ..."), "gpu", 20 * 2**30),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "gpu", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_way_to_run_out_of_memory_becomes_one_error_that_names_the_amount(error, where, asked):
    assert ran_out_of(error) == where
    with pytest.raises(OutOfMemory) as caught, explained(SMALL, ["width"], "forward"):
        raise error
    text = str(caught.value)
    assert text.startswith("out of memory in 'forward' at depth=8, width=16, replicas=256: ")
    amount = re.search(r"([\d,.]+) GB more asked for", text)
    assert (amount is None) == (asked is None)
    if amount and asked:
        assert float(amount[1].replace(",", "")) * GB == pytest.approx(asked, rel=2e-3)
    assert "smaller width (now 16)" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "error", [RuntimeError("the size of tensor a (3) must match"), ValueError("x"), OSError(errno.ENOSPC, "full")]
)
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, explained(SMALL, [], "forward"):
        raise error
    assert caught.value is error


def test_what_the_measurement_held_is_let_go_although_somebody_keeps_the_error():
    alive = []

    class Large:
        def __init__(self) -> None:
            alive.append(self)

        def __del__(self) -> None:
            gone.append(True)

    gone = []

    def measure() -> None:
        held = Large()
        alive.clear()
        held.itself = held  # type: ignore[attr-defined]
        np.empty(10**15)

    with pytest.raises(OutOfMemory) as kept, explained(SMALL, [], "forward"):
        measure()
    assert gone == [True]
    assert isinstance(kept.value, MeasurementError)


# -- which keys help ------------------------------------------------------------------------------


def test_the_key_that_was_raised_most_is_named_first():
    keys = ["ode.paths", "width", "ode.inputs", "depth"]
    for settings, first in (
        (SMALL, "ode.inputs"),
        (replace(SMALL, width=4096), "width"),
        (replace(SMALL, width=4096, ode=OdeKeys(paths=100_000)), "ode.paths"),
        (replace(SMALL, depth=10**6), "depth"),
    ):
        text = message(settings, keys, "forward", None, None)
        assert text.split("smaller ")[1].split(" ")[0] == ("ode.paths" if settings is SMALL else first)


@pytest.mark.parametrize("name", studies.STUDIES)
def test_every_part_of_every_study_says_which_of_its_keys_memory_grows_with(name):
    study = studies.get(name)
    settings = studies.STUDIES[name](study=name)
    for group in study.groups:
        assert group.memory or group.least is little  # of pinned sizes alone
        assert sorted(by_excess(settings, group.memory)) == sorted(group.memory)


# -- how much there is ----------------------------------------------------------------------------


def test_the_tightest_control_group_counts_and_idle_pages_of_files_are_free(tmp_path: Path):
    proc, mounted = tmp_path / "cgroup", tmp_path / "fs"
    job = mounted / "slurm" / "job_1"
    job.mkdir(parents=True)
    proc.write_text("0::/slurm/job_1\n")
    assert control_group(proc, mounted) is None
    (job / "memory.max").write_text("max\n")
    (job / "memory.current").write_text("5\n")
    assert control_group(proc, mounted) is None
    (job.parent / "memory.max").write_text(f"{4 * GB}\n")
    (job.parent / "memory.current").write_text(f"{3 * GB}\n")
    (job.parent / "memory.stat").write_text(f"anon 17\ninactive_file {GB // 2}\n")
    assert control_group(proc, mounted) == Room(1.5 * GB, 4 * GB, "limit of the control group")

    proc.write_text("9:cpuset:/\n4:cpu,memory:/here\n0::/\n")
    group = mounted / "memory" / "here"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text(f"{2 * GB}\n")
    (group / "memory.usage_in_bytes").write_text(f"{GB}\n")
    assert control_group(proc, mounted) == Room(GB, 2 * GB, "limit of the control group")


def test_a_limit_on_addresses_counts_where_it_is_tighter():
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))\n"
        "from resnet_limits.memory import host_room\n"
        "room = host_room(); print(room.free, room.total, room.where)"
    )
    free, total, where = subprocess.check_output([sys.executable, "-c", script], text=True).split(maxsplit=2)
    assert 0 < float(free) < float(total) == GB
    assert "ulimit -v" in where
    here = host_room()
    assert here is not None
    assert 0 < here.free <= here.total


# -- for a user -----------------------------------------------------------------------------------


def test_the_python_interface_raises_the_error_of_the_part_that_ran():
    absurd = replace(SMALL, claims=["ode.gradient.euler"], width=60_000, ode=OdeKeys(paths=100_000))
    with pytest.raises(OutOfMemory, match=r"'gradient' at depth=8, width=60000.* smaller ode.paths \(now 100000\)"):
        run(absurd)


@pytest.mark.parametrize(
    ("claim", "key", "part"),
    [("ode.reversed.euler", "ode.paths=100000", "reversed"), ("ode.trained", "train.replicas=100000", "trained")],
)
def test_memory_that_cannot_suffice_is_refused_at_planning(tmp_path: Path, claim, key, part):
    reslim = Reslim(tmp_path / "outputs", {"OMP_NUM_THREADS": "1"})
    request = [o for o in TINY if not o.startswith(("claims", "ode.paths", "width"))]
    answer = reslim("train", *request, f"claims=[{claim}]", key, "width=512", "depth=2", preexec_fn=limit_addresses)
    assert answer.code == 2
    name, value = key.split("=")
    said = (
        rf"reslim: memory: '{part}' takes at least [\d,.]+ GB at depth=2, width=512, replicas=256, and there are 4.0 GB"
    )
    assert re.match(rf"{said} \(limit on addresses, ulimit -v\); .*smaller {name} \(now {value}\)", answer.err)
    assert answer.err.count("\n") == 1
    assert reslim.runs() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "key", "part"),
    [("ode.reversed.euler", "ode.paths=290", "reversed"), ("ode.trained", "train.replicas=110", "trained")],
)
def test_a_job_that_runs_out_of_memory_fails_with_one_message_and_no_traceback(tmp_path: Path, claim, key, part):
    reslim = Reslim(tmp_path / "outputs", {"OMP_NUM_THREADS": "1"})
    request = [o for o in TINY if not o.startswith(("claims", "ode.paths", "width"))]
    answer = reslim("train", *request, f"claims=[{claim}]", key, "width=512", "depth=2", preexec_fn=limit_addresses)
    assert answer.code == 1
    assert "Traceback" not in answer.out + answer.err
    (folder,) = (reslim.runs()[0] / "jobs").iterdir()
    status = json.loads((folder / "status.json").read_text())
    name, value = key.split("=")
    said = f"out of memory in '{part}' at depth=2, width=512"
    assert status["state"] == "failed"
    assert status["message"].startswith(f"OutOfMemory: {said}")
    assert "of 4.0 GB (limit on addresses, ulimit -v)" in status["message"]
    assert f"{name} (now {value})" in status["message"].split("less is needed with a smaller")[1]
    assert status["message"] in " ".join(answer.err.split())
    log = (folder / "log.txt").read_text()
    assert said in log
    assert "Traceback" not in log


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_that_is_full_is_named_and_given_back():
    absurd = replace(SMALL, device="cuda", claims=["ode.trained"], train=Train(replicas=20_000), width=512, depth=64)
    with pytest.raises(OutOfMemory, match=r"'trained'.* more asked for, .* free .*, cuda.*train.replicas") as kept:
        run(absurd)
    assert kept.value is not None
    assert torch.cuda.memory_allocated() < GB


def test_what_there_is_at_all_is_the_tightest_limit_and_not_the_one_that_is_fullest(monkeypatch):
    """A host of 64 GB that others fill, and a container of 4 GB that is nearly empty."""
    host, container = Room(2e9, 64e9, "memory of this host"), Room(3.5e9, 4e9, "limit of the control group")
    plant(monkeypatch, rooms, lambda: [host, container])
    assert host_room() == host
    assert host_limit() == container
