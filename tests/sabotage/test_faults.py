"""Planted errors: each is found where it is planted, turned red what it must, and gave the rivals of the claims."""

from __future__ import annotations

import pytest

from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.checkout import HERE, Checkout
from tests.sabotage.campaign import TABLE as PAGE
from tests.sabotage.campaign import committed, problems, results, table
from tests.sabotage.fault import Fault, copied, faults

FAULTS = {fault.id: fault for fault in faults()}
CLAIMS = {claim.id: claim for name in STUDIES for claim in studies.get(name).claims}
ROWS = committed()
TOLERANCES = 3
"""How many of them a rival is away at least."""


def test_every_error_has_a_name_of_its_own_and_something_that_must_see_it():
    assert len(FAULTS) == len(faults())
    assert [fault.id for fault in FAULTS.values() if not fault.claims and not fault.tests] == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_the_place_of_an_error_is_found(fault: Fault):
    text = (HERE / fault.file).read_text(encoding="utf-8")
    assert fault.planted(text) != text


def test_a_place_that_is_not_there_or_not_one_fails():
    fault = Fault("ode", "X", "x.py", "a = 1", "a = 2", "another a")
    assert fault.planted("a = 1\nb = 1\n") == "a = 2\nb = 1\n"
    with pytest.raises(LookupError, match="0 times"):
        fault.planted("b = 1\n")
    with pytest.raises(LookupError, match="2 times"):
        fault.planted("a = 1\na = 1\n")
    second = Fault("ode", "X", "x.py", "a = 1", "a = 2", "another a", nth=1)
    assert second.planted("a = 1\na = 1\n") == "a = 1\na = 2\n"
    with pytest.raises(LookupError, match="nth = 1"):
        second.planted("a = 1\n")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_the_committed_campaign_saw_every_error(fault: Fault):
    rows = [row for row in ROWS if row.fault == fault.id]
    assert {row.seen_by for row in rows} >= set(fault.tests)
    assert problems(fault, rows) == []


def test_the_committed_page_is_that_of_the_committed_results():
    assert PAGE.read_text(encoding="utf-8") == table(list(FAULTS.values()), ROWS)
    assert {row.fault for row in ROWS} == set(FAULTS)


@pytest.mark.parametrize("group", [f"{name}.{g.name}" for name in STUDIES for g in studies.get(name).groups])
def test_every_group_has_an_error_that_its_claims_see(group: str):
    study, name = group.split(".")
    ids = {claim.id for claim in studies.get(study).group(name).claims}
    assert any(row.red and row.seen_by in ids for row in ROWS)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_the_rival_of_a_claim_was_measured_under_its_error_and_is_three_tolerances_away(claim):
    assert claim.rival is not None, "a claim names the planted error that turns it red"
    rows = [row for row in ROWS if (row.fault, row.seen_by) == (claim.rival.fault, claim.id)]
    assert [row.red for row in rows] == [True]
    if claim.kind == "identity":
        return
    (row,) = rows
    assert row.value is not None
    assert claim.rival.value == pytest.approx(row.value, rel=5e-3)
    assert row.off is not None
    assert row.off >= TOLERANCES


QUICK = [fault for fault in FAULTS.values() if fault.quick]


@pytest.mark.slow
@pytest.mark.parametrize("fault", QUICK, ids=[fault.id for fault in QUICK])
def test_a_planted_error_turns_red_what_it_must(fault: Fault, tmp_path):
    checkout = Checkout(copied(tmp_path / "tree"), tmp_path / "outputs")
    assert problems(fault, results(fault, checkout, fault.claims)) == []


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_every_planted_error_turns_red_what_it_must(fault: Fault, tmp_path):
    checkout = Checkout(copied(tmp_path / "tree"), tmp_path / "outputs")
    assert problems(fault, results(fault, checkout, fault.claims)) == []


@pytest.mark.slow
def test_an_unchanged_copy_is_green(tmp_path):
    """Nothing is red because it was copied: the reds of the campaign are those of the errors."""
    checkout = Checkout(copied(tmp_path / "tree"), tmp_path / "outputs")
    assert checkout.verified(["ode", "--smoke", "claims=[ode.forward,ode.gradient]"])["ok"]
