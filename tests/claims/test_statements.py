"""What claims say: one sentence each, that stands alone, without pins, names of claims or of keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from resnet_limits.claims.claim import Claim
from resnet_limits.settings.keys import describe
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies

LONGEST = 110
ASSIGNED = re.compile(r"\w=\w")
"""`width=4`; a formula has spaces: `q_0 = 1`."""


def _claims() -> Iterator[Claim]:
    for name in STUDIES:
        yield from studies.get(name).claims


CLAIMS = list(_claims())
KEYS = {
    entry.key for name in STUDIES for entry in describe(studies.get(name).settings(study=name)) if "." in entry.key
} | {key for claim in CLAIMS for key in claim.pins if "." in key}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_statement_is_one_sentence_in_words_of_the_field(claim: Claim):
    statement = claim.statement
    assert len(statement) <= LONGEST
    assert statement[0].isupper()
    assert statement[-1] not in ".;,: "
    assert "  " not in statement
    assert not ASSIGNED.search(statement), "what is pinned stands in a column of its own"
    assert not [key for key in KEYS if key in statement], "a reader does not know our keys"


def test_no_statement_names_a_claim_or_an_observable():
    ids = {claim.id for claim in CLAIMS if claim.id.count(".") > 0}
    observables = {claim.observable for claim in CLAIMS if "_" in claim.observable or "." in claim.observable}
    named = [
        (claim.id, word) for claim in CLAIMS for word in ids | observables if re.search(rf"\b{word}\b", claim.statement)
    ]
    assert named == []


def test_no_statement_occurs_twice():
    assert [text for text, n in Counter(claim.statement for claim in CLAIMS).items() if n > 1] == []


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_what_is_said_beside_a_statement_is_said_in_words(claim: Claim):
    assert claim.expected.scale == claim.expected.scale.strip()
    assert not (claim.expected.is_order and claim.expected.scale), "an order has no unit"
    for words in filter(None, (claim.needs, claim.rival.means if claim.rival else "")):
        assert words == words.strip()
        assert not words.endswith(".")
