"""The list of claims is pinned: a claim that goes, a tolerance that widens or a kind that changes is a decision."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.claims.table import PINNED, row, table


def test_every_study_is_pinned():
    assert sorted(path.stem for path in PINNED.glob("*.csv")) == sorted(STUDIES)


@pytest.mark.parametrize("study", list(STUDIES))
def test_the_claims_are_the_pinned_ones(study):
    """After a change that was meant: `python -m tests.claims.table`; read what it changed, then commit."""
    assert table(study) == (PINNED / f"{study}.csv").read_text(encoding="utf-8")


def test_a_wider_tolerance_and_another_kind_are_other_rows():
    study = studies.get("ode")
    claim, settings = study.claims[0], study.settings(study="ode")
    with (PINNED / "ode.csv").open(encoding="utf-8", newline="") as file:
        pinned = next(iter(csv.DictReader(file)))
    assert row(claim, settings) == pinned
    wider = replace(claim.expected, tolerance=2 * claim.expected.tolerance)
    assert row(replace(claim, expected=wider), settings) != pinned
    assert row(replace(claim, kind="observation"), settings) != pinned
