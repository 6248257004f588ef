"""`hamiltonian.optimal`: geodesics against a search over all paths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.measurement.job import InMemory
from resnet_limits.studies.hamiltonian.optimal import measure as optimal
from tests.planting import resize
from tests.studies.hamiltonian.small import SMALL, measured
from tests.studies.verdicts import verdict

SHARED = InMemory()


@pytest.mark.parametrize("claim", ["", ".above", ".branch", ".conjugate", ".beyond", ".time"])
def test_what_shooting_finds_is_least_up_to_a_conjugate_point(claim: str):
    assert verdict(f"hamiltonian.optimal{claim}", measured(optimal, SMALL, (8,), SHARED)).verdict == "supported"


def test_a_branch_that_no_start_reaches_is_said(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, optimal, STANDARD_DEVIATION_OF_STARTS=0.1)
    jobs = measured(optimal, replace(SMALL, replicas=3), (8,), InMemory())
    assert verdict("hamiltonian.optimal", jobs).verdict == "supported"
    judgement = verdict("hamiltonian.optimal.branch", jobs)
    assert judgement.verdict == "inconclusive"
    assert "no random start" in judgement.why


def test_turns_are_followed_through():
    angles = np.linspace(0, 2.6 - 2 * np.pi, 50)
    q = np.stack([-np.stack([np.cos(angles), np.sin(angles)], 1), np.stack([np.cos(angles), np.sin(angles)], 1)], 1)
    assert optimal.turning(torch.from_numpy(q)) == pytest.approx(2.6 - 2 * np.pi)
