"""Verdicts do not hang on the seed, and standard errors are the scatter between seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.seeds import campaign
from tests.seeds.campaign import COLUMNS, PAGE, SIZES, Run, changed, claims, committed, miscalibrated, refuted, scatter

SEEDS = (1, 2, 3)
"""At the smoke size; seed 0 is that of all other tests."""
TEN = 10
FEWEST = 5
"""Replicas of which a standard error is: the root of fewer is less than what `changed` sees."""


@pytest.fixture(scope="module")
def runs_of_campaign(once) -> list[Run]:
    """All studies at three seeds."""
    return campaign.read(once("three-seeds", lambda folder: campaign.run(list(STUDIES), SEEDS, "smoke", folder)))


@pytest.mark.slow
@pytest.mark.parametrize("study", list(STUDIES))
def test_no_claim_is_refuted_at_three_seeds(runs_of_campaign, study):
    table = campaign.verdicts([run for run in runs_of_campaign if run.study == study])
    assert set(table["claim"]) == set(claims([study]))
    assert refuted(table, "smoke") == []


@pytest.mark.slow
@pytest.mark.parametrize("study", list(STUDIES))
def test_standard_errors_are_the_scatter_between_three_seeds(runs_of_campaign, study):
    table = scatter([run for run in runs_of_campaign if run.study == study])
    assert miscalibrated(table) == []
    assert changed(table, committed("scatter", "smoke")) == []


@pytest.mark.parametrize("study", list(STUDIES))
@pytest.mark.parametrize("power", [-0.5, 0.5], ids=["n in place of its root", "one replica for all"])
def test_a_root_of_n_in_the_wrong_place_is_seen_in_every_standard_error(study, power):
    table = committed("scatter", "smoke")
    scattered = table[(table["study"] == study) & (table["replicas"] >= FEWEST)]
    assert len(scattered)
    wrong = scattered.assign(error=scattered["error"] * scattered["replicas"] ** power)
    assert len(changed(wrong, table)) == len(scattered)


# -- the committed campaign -----------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_the_committed_campaign_refuted_nothing_and_has_every_claim(size):
    table = committed("verdicts", size)
    assert set(table["claim"]) == set(claims())
    assert refuted(table, size) == []


def test_the_committed_campaign_supports_what_it_must_at_nearly_all_of_ten_seeds():
    table = committed("verdicts", "full")
    seeds = campaign.counts(table).sum(axis=1)
    assert [claim for claim in campaign.short(table, "full") if seeds[claim] >= TEN] == []


@pytest.mark.parametrize("size", SIZES)
def test_the_committed_standard_errors_are_the_scatter_between_seeds(size):
    table = committed("scatter", size)
    assert set(table["study"]) == set(STUDIES)
    assert miscalibrated(table) == []


def test_the_committed_page_is_that_of_the_committed_tables():
    assert PAGE.read_text(encoding="utf-8") == campaign.page()


@pytest.mark.parametrize("name", list(STUDIES))
def test_what_is_conditional_is_measured(name):
    table = pd.concat([committed("scatter", size) for size in SIZES])
    assert campaign.conditional(name) <= set(table[table["study"] == name]["observable"])
    declared = [condition for group in studies.get(name).groups for condition in group.conditional]
    assert len(declared) == len(set(declared))


# -- the campaign itself --------------------------------------------------------------------------


def a_run(seed: int, *, started: float = 0.0, error: float = 0.1, **verdicts: str) -> Run:
    """A run of eight depths whose values scatter by 0.1 between seeds."""
    values = 1 + 0.1 * np.random.default_rng(seed).standard_normal(8)
    records = pd.DataFrame({"depth": 2 ** np.arange(8), "observable": "strong_error", "value": values})
    return Run("sde", seed, "full", started, "abc", verdicts, records.assign(stderr=error, replicas=64, seed=seed))


def test_the_latest_run_of_a_claim_counts():
    runs = [a_run(1, a="refuted", b="supported"), a_run(2, a="supported", b="supported"), a_run(1, a="supported")]
    table = campaign.verdicts(runs).set_index("claim")
    assert table.loc["a", ["supported", "refuted"]].tolist() == ["1 2", ""]
    assert table.loc["b", "supported"] == "1 2"


def test_the_scatter_of_right_errors_is_one_and_of_wrong_ones_is_not():
    ratios = {}
    for factor in (1 / 8, 1, 8):
        (row,) = scatter([a_run(seed, error=0.1 * factor) for seed in range(10)]).to_dict("records")
        ratios[factor] = row["ratio"]
    assert ratios[1] == pytest.approx(1, abs=0.3)
    assert ratios[1 / 8] == pytest.approx(8 * ratios[1], rel=0.01)
    assert len(miscalibrated(_table(ratios[1 / 8]))) == len(miscalibrated(_table(ratios[8]))) == 1
    assert miscalibrated(_table(ratios[1])) == []


def _table(ratio: float) -> campaign.Table:
    return pd.DataFrame([("sde", "strong_error", 8, 10, 64, 0.1, ratio)], columns=COLUMNS)


def test_an_error_of_zero_beside_values_that_scatter_is_too_small():
    (row,) = scatter([a_run(seed, error=0.0) for seed in range(10)]).to_dict("records")
    assert len(miscalibrated(_table(row["ratio"]))) == 1


@pytest.mark.long
def test_no_claim_is_refuted_at_ten_seeds(tmp_path):
    table = campaign.verdicts(campaign.run(list(STUDIES), range(10), "full", tmp_path))
    assert refuted(table, "full") == []
    assert campaign.short(table, "full") == []
