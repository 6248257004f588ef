"""The study `ode` as a whole: what lies outside its theorems, what a job depends on, its table of contents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.errors import SettingError
from resnet_limits.measurement.job import Job
from resnet_limits.networks.blocks.prenorm import PrenormBlock
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.law import Init
from resnet_limits.paths.laws.rough import RoughLaw
from resnet_limits.studies.ode.averaged import measure as averaged
from resnet_limits.studies.ode.forward import measure as forward
from resnet_limits.studies.ode.gradient import measure as gradient
from resnet_limits.studies.ode.reversed import measure as reversed
from resnet_limits.studies.ode.rough import measure as rough
from resnet_limits.studies.ode.trained import measure as trained
from tests.studies.ode.small import SMALL, STUDY, measured
from tests.studies.verdicts import verdict


@pytest.mark.parametrize("init", [IidLaw(), RoughLaw(), FractionalLaw()], ids=lambda i: i.name)
def test_claims_on_smooth_weights_say_that_the_setting_lies_outside(init: Init):
    settings = replace(SMALL, init=init)
    for part in (forward, gradient, reversed):
        assert part.measure(Job(settings)).records == []
    for claim in STUDY.claims:
        if claim.id.startswith(("ode.forward", "ode.frozen", "ode.gradient", "ode.reversed")):
            assert f"init={init.name}" in (claim.outside(settings) or "")


def test_a_field_that_jumps_is_outside_the_claims_on_smooth_ones():
    claims = {claim.id: claim for claim in STUDY.claims}
    on_a_line, in_the_plane = (replace(SMALL, block=PrenormBlock(), width=width) for width in (1, 2))
    for claim in ("ode.forward.heun", "ode.gradient.euler", "ode.reversed.euler"):
        assert "the sign of x" in str(claims[claim].outside(on_a_line))
        assert claims[claim].outside(in_the_plane) is None


def test_relu_is_outside_the_claims_that_need_derivatives_and_inside_those_that_do_not():
    settings = replace(SMALL, activation="relu")
    outside = {claim.id for claim in STUDY.claims if claim.outside(settings)}
    assert "ode.forward.rk4" in outside
    assert "ode.forward.euler" not in outside
    assert verdict("ode.forward.euler", measured(forward, settings)).verdict == "supported"


@pytest.mark.slow
@pytest.mark.parametrize("part", [forward, gradient, trained], ids=["forward", "gradient", "trained"])
def test_records_do_not_depend_on_other_depths(part):
    together = measured(part, depths=(8, 16))[1][1]
    alone = measured(part, depths=(16,))[0][1]
    assert [r.value for r in together.records] == [r.value for r in alone.records]
    assert all(np.array_equal(together.arrays[name], alone.arrays[name]) for name in alone.arrays)


def test_every_claim_belongs_to_one_part_and_every_observable_is_described():
    named = [claim for part in STUDY.parts.values() for claim in part]
    assert sorted(named) == sorted(claim.id for claim in STUDY.claims)
    assert {claim.observable for claim in STUDY.claims} <= set(STUDY.observables)
    job = STUDY.measure(Job(replace(SMALL, depth=8)))
    assert {r.observable for r in job.records} <= set(STUDY.observables)
    assert set(job.arrays) == set(STUDY.arrays)


def test_claims_restrict_what_is_measured():
    settings = replace(SMALL, depth=8, claims=["ode.reversed"])
    observables = {r.observable for r in STUDY.measure(Job(settings)).records}
    assert observables == {"reversed_gradient_error", "reversed_state_error"}
    assert [c.id for c in STUDY.chosen(["ode.frozen"])] == ["ode.frozen.heun", "ode.frozen.rk4"]


def test_an_unknown_claim_and_an_empty_list_are_refused():
    with pytest.raises(SettingError, match=r"ode\.foward.*did you mean 'ode\.forward\.heun'|ode\.foward"):
        STUDY.chosen(["ode.foward.heun"])
    with pytest.raises(SettingError, match="empty list"):
        STUDY.chosen([])


def test_pinned_keys_stand_in_the_records():
    for part, claim_id in ((averaged, "ode.averaged.rms"), (rough, "ode.rough"), (trained, "ode.trained")):
        (claim,) = [c for c in STUDY.claims if c.id == claim_id]
        assert claim.pins
        records = part.measure(Job(replace(SMALL, depth=8, replicas=4))).records
        others = {c.observable for c in STUDY.claims if c.pins != claim.pins}
        alike = [record for record in records if record.observable not in others]
        assert alike
        for record in alike:
            assert {k: record.coordinates[k] for k in claim.pins} == dict(claim.pins)
