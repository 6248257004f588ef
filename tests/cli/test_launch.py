"""What is launched of a sweep: exactly the missing jobs, as few products of values."""

from __future__ import annotations

import itertools
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_limits.errors import SettingError

VALUES = {"depth": ("4", "8", "16"), "seed": ("0", "1"), "claims": ("[ode.forward]", "[ode.forward,ode.reversed]")}
POINTS = [dict(zip(VALUES, point, strict=True)) for point in itertools.product(*VALUES.values())]


@pytest.fixture(scope="module")
def bridge():
    return import_module("reslim_cli.hydra_bridge")


@pytest.fixture(scope="module")
def whole(bridge):
    return bridge.plan([f"{key}={','.join(values)}" for key, values in VALUES.items()])


def test_a_whole_sweep_is_one_product(bridge, whole):
    (box,) = bridge.boxes(whole, {job.name for job in whole.jobs})
    assert box.count == len(whole.jobs) == len(POINTS)
    digest = f"data.digest={whole.jobs[0].settings.data.digest}"  # no other data are taken for the planned ones
    assert set(box.overrides) == {digest, *(f"{key}={','.join(values)}" for key, values in VALUES.items())}


def test_missing_depths_are_one_product(bridge, whole):
    missing = {job.name for job in whole.jobs if job.settings.depth != 8}
    (box,) = bridge.boxes(whole, missing)
    assert "depth=4,16" in box.overrides


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, len(POINTS) - 1), min_size=1))
def test_whatever_is_missing_is_launched_once_and_nothing_else(bridge, whole, chosen):
    missing = {whole.jobs[i].name for i in chosen}
    launched = []
    for box in bridge.boxes(whole, missing):
        jobs = bridge.plan(box.overrides).jobs
        assert tuple(job.name for job in jobs) == box.jobs, "in the order of the sweeper: SLURM knows them by it"
        launched += [job.name for job in jobs]
    assert sorted(launched) == sorted(missing)


SLURM = ["width=4", "cluster=slurm", "cluster.memory=1", "hydra.launcher.qos=low"]
JOBLIB = ["width=4", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]


@pytest.mark.parametrize(
    ("before", "new"),
    [(SLURM, "cluster=workstation"), (SLURM, "hydra/launcher=joblib"), (JOBLIB, "cluster=slurm")],
    ids=str,
)
def test_a_run_goes_on_elsewhere_without_the_keys_of_where_it_was(bridge, before, new):
    assert bridge.overridden(before, [new]) == ["width=4", new]
    assert bridge.plan(bridge.overridden(before, [new])).jobs
    assert bridge.overridden(before, ["depth=4"]) == [*before, "depth=4"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["cluster=slurm,workstation"], "cluster: .* in one place"),
        (["hydra/launcher=joblib,basic"], "hydra/launcher: .* in one place"),
        (["cluster=slurm", "hydra/launcher=joblib"], "its launcher is submitit_slurm"),
    ],
)
def test_jobs_of_one_sweep_are_not_sent_to_two_places(bridge, overrides, words):
    with pytest.raises(SettingError, match=words):
        bridge.plan(overrides)


TYPICAL = {
    "mmap_mode": "r",
    "max_nbytes": "1M",
    "stderr_to_stdout": "true",
    "batch_size": "auto",
    "pre_dispatch": "all",
}
"""Values of launchers' keys that are no numbers; where a job runs is a name."""


def test_what_a_launcher_is_told_is_taken_from_a_run_folder_again_but_for_code_and_folders():
    """A request that is accepted makes a run that can be resumed."""
    harmless = import_module("reslim_cli.train").HARMLESS
    of_where = ("partition", "account", "qos", "comment", "constraint", "exclude", "gres")
    keys = {
        key for launcher in import_module("reslim_cli.launchers").LAUNCHERS.values() for key in launcher.open_keys or ()
    }
    for key in keys - {"setup", "temp_folder"}:
        value = TYPICAL.get(key, "gpu-1" if key in of_where else "8G" if key.startswith("mem_per") else "2")
        assert harmless.fullmatch(f"hydra.launcher.{key}={value}"), key
    for line in ("setup=[reboot]", "temp_folder=/tmp", "partition=$(reboot)", "comment=a b"):
        assert not harmless.fullmatch(f"hydra.launcher.{line}"), line
