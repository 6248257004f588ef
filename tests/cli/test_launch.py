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
