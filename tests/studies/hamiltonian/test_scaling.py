"""`hamiltonian.scaling`: decay proportional to L has a limit, constant decay leads to the infimum of the loss."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from resnet_limits.claims.judge import judge
from resnet_limits.limits.hamiltonian.shooting import shoot
from resnet_limits.measurement.job import FinishedJob, InMemory
from resnet_limits.runs.records import table
from resnet_limits.studies.hamiltonian.problem import Setup
from resnet_limits.studies.hamiltonian.scaling import compare as depths
from resnet_limits.studies.hamiltonian.scaling import measure as scaling
from resnet_limits.studies.hamiltonian.trained import measure as trained
from tests.planting import plant
from tests.studies.hamiltonian.small import SMALL, STUDY, measured
from tests.studies.verdicts import verdict


def test_decay_that_grows_with_depth_has_a_limit_and_constant_decay_leads_to_the_infimum_of_the_loss():
    jobs = measured(scaling)
    for claim in ("hamiltonian.scaling.constant", "hamiltonian.scaling.constant.rate"):
        judgement = verdict(claim, jobs, depths)
        assert judgement.verdict == "supported", judgement.why
    comparisons = depths.compare([FinishedJob(s, m.records, m.arrays.get) for s, m in jobs])
    values = {c.depth: c.record.value for c in comparisons if c.record.observable == "value_difference"}
    assert set(values) == {8, 16, 32}
    assert np.log2(values[16] / values[32]) == pytest.approx(1, abs=0.1)


@pytest.mark.slow
def test_a_decay_without_the_factor_of_depth_is_refuted(monkeypatch: pytest.MonkeyPatch):
    # the penalty nu/2 sum |w|^2 in place of nu L/2 sum |w|^2: what the study trains drifts away from its limit
    careful = Setup.network
    plant(monkeypatch, shoot, partial(shoot, iterations=0))
    monkeypatch.setattr(Setup, "network", lambda self, depth, constant=False: careful(self, depth, constant=True))
    jobs = measured(trained, depths=(8,), shared=InMemory())
    assert verdict("hamiltonian.residual", jobs).verdict == "refuted"
    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, points=5))
    comparisons = depths.compare(
        [FinishedJob(s, m.records, m.arrays.get) for s, m in measured(scaling, settings, (8, 16, 32, 64, 128))]
    )
    frame = pd.concat([table(replace(SMALL, depth=c.depth), [c.record]) for c in comparisons], ignore_index=True)
    for name in ("hamiltonian.scaling", "hamiltonian.scaling.observed"):
        (claim,) = [c for c in STUDY.claims if c.id == name]
        assert judge(claim, SMALL, frame, {}).verdict == "refuted"
