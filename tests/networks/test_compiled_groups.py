"""What groups say of themselves: which take something that has no compiled form."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from resnet_limits.data import identity
from resnet_limits.engines import computed_by
from resnet_limits.engines.compiled import PROCESSORS
from resnet_limits.errors import SettingError
from resnet_limits.measurement.job import Job
from resnet_limits.settings.base import Settings
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from resnet_limits.studies.group import Group

pytestmark = [pytest.mark.long, pytest.mark.skipif(not PROCESSORS, reason="installed without a C compiler")]


def shallowest(study: str, group: Group) -> Settings | None:
    """The shallowest smoke job of a study that this group measures at, asking for it alone."""
    plan = import_module("reslim_cli.hydra_bridge").plan
    jobs = sorted((job.settings for job in plan([f"study={study}", "preset=smoke"]).jobs), key=lambda s: s.depth)
    asked = [replace(job, claims=[claim.id for claim in group.claims]) for job in jobs if job.depth in group.depths]
    return identity.filled(asked[:1])[0] if asked else None


@pytest.mark.parametrize(
    ("study", "group"),
    [(name, group) for name in STUDIES for group in studies.get(name).groups if not group.by_name],
    ids=lambda part: getattr(part, "name", part),
)
def test_a_group_is_measured_by_the_compiled_engine_unless_it_says_why_not(study, group):
    settings = shallowest(study, group)
    if settings is None:
        pytest.skip("no smoke job has a depth of this group")
    refusal = ""
    with computed_by("compiled"), np.errstate(all="ignore"):
        try:
            studies.get(study).measure(Job(settings))
        except SettingError as error:
            refusal = str(error)
    assert bool(refusal) == bool(group.uncompiled), refusal or group.uncompiled
