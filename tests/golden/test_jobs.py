"""Names and configurations of the smoke jobs are those that were committed: a move of code changes neither."""

from __future__ import annotations

import json

import pytest

from tests.golden.jobs import FILE, smoke_jobs

COMMITTED = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def planned():
    return smoke_jobs()


def test_every_study_is_committed(planned):
    assert sorted(planned) == sorted(COMMITTED)


@pytest.mark.parametrize("study", sorted(COMMITTED))
def test_names_and_configurations_are_the_committed_ones(planned, study):
    assert sorted(planned[study]) == sorted(COMMITTED[study])
    for name, configuration in planned[study].items():
        assert configuration == COMMITTED[study][name], name
