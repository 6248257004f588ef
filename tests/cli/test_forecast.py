"""The forecast of finished runs against the seconds that their jobs took."""

from __future__ import annotations

from importlib import import_module

import pytest

from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies.study import get

forecast = import_module("reslim_cli.forecast").forecast
plan = import_module("reslim_cli.hydra_bridge").plan

RECORDED = {
    "ode": {8: 2.4, 16: 3.2, 32: 5.0, 64: 6.9, 128: 13.6, 256: 38.3},
    "sde": {16: 5.2, 32: 12.0, 64: 22.7, 128: 46.0, 256: 85.7, 512: 136.5},
    "kernel": {16: 99.0, 32: 153.3, 64: 279.8, 128: 88.6, 256: 187.5, 512: 926.4},
    "flow": {16: 0.1, 32: 0.2, 64: 0.4, 128: 0.9, 256: 2.6, 512: 59.5},
    "exponents": {16: 0.3, 32: 0.4, 64: 1.0, 128: 1.8, 1024: 97.0},
    "gamma": {8: 2.0, 16: 1.4, 32: 2.3, 64: 4.4, 128: 8.1, 256: 223.8},
    "hamiltonian": {4: 0.8, 8: 0.9, 16: 1.2, 32: 5.2, 64: 7.0, 128: 11.3, 256: 10.9, 512: 57.9},
}
"""Seconds by depth of default runs on 2026-11-30, `jobs=1`, the deepest first; others used the two cores as well."""
QUIET = ("ode", "flow")
"""Runs that had a core for themselves."""
COUNTS = 0.1
"""Share of a run from which on a job matters to how long it takes."""
FACTOR = 2.0


@pytest.fixture(params=list(RECORDED))
def planned(request) -> tuple[str, dict[int, float]]:
    jobs = [job.settings for job in plan([f"study={request.param}"]).jobs]
    return request.param, {job.depth: seconds for job, seconds in zip(jobs, forecast(jobs).seconds, strict=True)}


def test_a_run_of_each_study_was_recorded():
    assert set(RECORDED) == set(STUDIES)


def test_each_job_that_counts_takes_the_share_of_its_run_that_was_planned_within_a_factor_of_two(planned):
    study, seconds = planned
    recorded, whole, whole_planned = RECORDED[study], sum(RECORDED[study].values()), sum(seconds.values())
    assert set(seconds) == set(recorded)
    for depth, took in recorded.items():
        if took / whole > COUNTS:
            assert 1 / FACTOR < (took / whole) / (seconds[depth] / whole_planned) < FACTOR, (study, depth)


@pytest.mark.parametrize("study", QUIET)
def test_a_run_with_a_core_for_itself_took_what_was_planned_within_a_factor_of_two(study):
    jobs = [job.settings for job in plan([f"study={study}"]).jobs]
    assert 1 / FACTOR < sum(RECORDED[study].values()) / forecast(jobs).total < FACTOR


def test_what_depths_share_is_paid_for_once_by_the_deepest_of_each_setting_and_seed():
    (group,) = [group for group in get("flow").groups if group.name == "images"]
    assert group.shared
    seconds = forecast(
        [job.settings for job in plan(["study=flow", "claims=[flow.images]", "depth=16,64,32", "seed=0,1"]).jobs]
    )
    paid = [s for s in seconds.seconds if s >= group.shared]
    assert len(paid) == 2


def test_what_is_shared_is_part_of_what_a_group_costs():
    for name in STUDIES:
        for group in get(name).groups:
            assert 0 <= group.shared <= (group.seconds or 0.0), (name, group.name)


def test_the_end_of_a_run_grows_with_its_claims():
    one, all_of_them = (
        forecast([job.settings for job in plan([*overrides, "depth=8"]).jobs])
        for overrides in (["claims=[ode.forward.euler]"], [])
    )
    assert 0 < one.around < all_of_them.around
    assert one.wall(2) > one.total
