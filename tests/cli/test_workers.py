"""Jobs side by side: how many, in which order, with the same records as one after another."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest

from resnet_limits import device, memory
from resnet_limits.cores import cores
from resnet_limits.errors import SettingError
from resnet_limits.memory import Room
from resnet_limits.studies.study import get
from tests.cli.command import TINY, without_seconds
from tests.planting import plant


@pytest.fixture(scope="module")
def workers():
    return import_module("reslim_cli.workers")


@pytest.fixture(scope="module")
def plan():
    return import_module("reslim_cli.hydra_bridge").plan


@pytest.fixture
def sixteen_cores(monkeypatch):
    plant(monkeypatch, cores, lambda: 16)
    plant(monkeypatch, memory.shared_room, lambda: Room(1e12, 1e12, "here"))


def settings(plan, *overrides):
    return [job.settings for job in plan([*overrides, "depth=range(1,21)"]).jobs]


@pytest.mark.parametrize(
    ("overrides", "many"), [((), 16), (("threads=4",), 4), (("threads=64",), 1), (("jobs=3",), 3), (("jobs=99",), 20)]
)
def test_as_many_as_cores_and_threads_allow_unless_the_key_jobs_says(workers, plan, sixteen_cores, overrides, many):
    assert workers.side_by_side(settings(plan, *overrides)) == many


def test_no_more_than_fit_into_the_memory_that_is_free(workers, plan, sixteen_cores, monkeypatch):
    large = settings(plan, "study=sde", "width=256", "replicas=1000")
    need = sorted(map(workers.least, large), reverse=True)
    assert need[0] > workers.OF_A_WORKER
    for fit in (1, 2, 5):
        plant(monkeypatch, memory.shared_room, lambda fit=fit: Room(sum(need[:fit]) + 1, 1e12, "here"))
        assert workers.side_by_side(large) == fit
    plant(monkeypatch, memory.shared_room, lambda: Room(0.0, 1e12, "here"))
    assert workers.side_by_side(large) == 1, "what fits is for the job itself to find out"


def test_one_on_each_gpu(workers, plan, sixteen_cores, monkeypatch):
    plant(monkeypatch, device.gpus, lambda name: 0 if name == "cpu" else 2)
    assert workers.side_by_side(settings(plan)) == 2
    assert workers.side_by_side(settings(plan, "device=cpu")) == 16


def test_a_quota_of_a_container_counts_and_what_is_none_does_not(tmp_path):
    here = cores(tmp_path / "missing")
    for text, many in (("100000 100000", 1), ("max 100000", here), ("99999900000 100000", here), ("1 100000", 1)):
        (tmp_path / "cpu.max").write_text(text)
        assert cores(tmp_path / "cpu.max") == many


def test_the_deepest_come_first(workers, plan):
    crew = workers.Crew.of(settings(plan))
    assert [job_settings.depth for job_settings in crew.settings] == list(range(20, 0, -1))


@pytest.mark.parametrize("other", ["hydra/launcher=joblib", "hydra/launcher=basic", "cluster=slurm"])
def test_a_launcher_that_does_not_heed_the_key_jobs_refuses_it(plan, other):
    with pytest.raises(SettingError, match="jobs: the launcher"):
        plan(["jobs=2", other])


def test_jobs_is_no_content_and_leaves_with_the_launcher_that_replaces_it(plan):
    names = [[job.name for job in plan(overrides).jobs] for overrides in (["depth=4,8"], ["depth=4,8", "jobs=2"])]
    assert names[0] == names[1]
    overridden = import_module("reslim_cli.hydra_bridge").overridden
    assert overridden(["jobs=2", "width=4"], ["cluster=slurm"]) == ["width=4", "cluster=slurm"]
    assert overridden(["hydra/launcher=joblib", "width=4"], ["jobs=2"]) == ["width=4", "jobs=2"]


@pytest.mark.slow
def test_side_by_side_or_one_after_another_the_records_are_the_same(finished):
    few = (*TINY, "depth=3,4,5,6")
    three, one = finished("three at a time", *few, "jobs=3"), finished("one at a time", *few, "hydra/launcher=basic")
    assert without_seconds(three.path / "records.csv") == without_seconds(one.path / "records.csv")
    assert len(list((three.path / "launcher").glob("process-*.json"))) == 3


# -- what is told before ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forecast():
    return import_module("reslim_cli.forecast")


def test_claims_that_lie_outside_are_counted_once_with_their_reason(forecast, plan):
    jobs = [job.settings for job in plan(["study=sde", "activation=relu", "depth=8,16,32,64"]).jobs]
    (line,) = forecast.claims_left_out(jobs)
    study = get("sde")
    out = [claim for claim in study.claims if claim.outside(jobs[0])]
    stay = [claim for claim in study.claims if not claim.outside(jobs[0])]
    setting_their_own = sum("activation" in claim.pins for claim in stay)
    assert line.startswith(f"{len(out)} of {len(study.claims)} claims are left out (activation=relu: ")
    assert line.endswith(f"; {len(stay)} stay, of which {setting_their_own} pin their own activation")
    assert not list(forecast.claims_left_out([job.settings for job in plan(["depth=8"]).jobs]))
    (line,) = forecast.claims_left_out([job.settings for job in plan(["activation=relu", "claims=[ode.trained]"]).jobs])
    assert line.startswith("1 of 1 claim will not be judged (activation=relu: ")
    assert line.endswith("; none stays")


def test_too_few_depths_for_an_order_are_told_and_enough_are_not(forecast, plan):
    def lines_of(depths):
        planned = plan(["claims=[ode.forward.euler,ode.trained]", f"depth={depths}"])
        return list(forecast.too_few_depths([job.settings for job in planned.jobs]))

    assert lines_of("8,16,32,64,128") == []
    order, pairs = "an order needs 4 usable depths, and these give", "1 claim will stay inconclusive"
    assert lines_of("8,16,32,64") == [f"{order} 3: {pairs}"], "what compares L and 2L has one fewer"
    assert lines_of("8,16,32") == [f"{order} 2: {pairs}", f"{order} 3: {pairs}"]


def test_a_dry_run_tells_how_many_how_long_and_how_much(reslim):
    out = reslim("train", "--dry-run", "jobs=2").done().out
    assert "6 jobs, 2 at a time: about " in out
    assert "GB of memory each" in out


def test_an_estimate_follows_depths_and_is_unknown_where_a_cost_is_not_declared(forecast, plan):
    job_settings = [job.settings for job in plan(["claims=[ode.random_start.*]"]).jobs]
    whole = forecast.forecast(job_settings)
    assert whole.total == pytest.approx(get("ode").group("random_start").seconds)
    assert whole.seconds[-1] == max(whole.seconds)
    assert whole.wall(2) < whole.wall(1)
    assert forecast.forecast(job_settings, slowness=2).total == pytest.approx(2 * whole.total)
    twice = forecast.forecast([replace(s, ode=replace(s.ode, draws=2 * s.ode.draws)) for s in job_settings])
    assert twice.total == pytest.approx(2 * whole.total)
