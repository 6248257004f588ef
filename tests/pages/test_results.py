"""The page of results: every claim was measured, as it is expected today, and the page says what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_limits.claims.words import expectation
from resnet_limits.report.publish import collect
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from tests.pages import results

AGAIN = "`reslim train study={0}`, then `python -m tests.pages.results RUN` with the folder of that run"


def test_the_committed_page_is_that_of_what_was_measured():
    """After other words of a claim: `python -m tests.pages.results`."""
    assert results.PAGE.read_text(encoding="utf-8") == results.page()


@pytest.mark.parametrize("name", STUDIES)
def test_every_claim_was_measured_as_it_is_expected_today(name: str):
    study, measured = studies.get(name), results.rows(name)
    settings = study.settings(study=name)
    assert list(measured) == [claim.id for claim in study.chosen(None)], AGAIN.format(name)
    for claim in study.chosen(None):
        expected = claim.expected.at(settings)
        words = expectation({"what": expected.what, "along": expected.along, **vars(expected)})
        assert measured[claim.id].expected == words, AGAIN.format(name)
        assert measured[claim.id].verdict == claim.verdicts["full"], claim.id


def test_rows_and_the_line_above_them_come_from_the_folder_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    keys = OdeKeys(inputs=2, paths=1)
    jobs = [Ode(depth=depth, width=2, claims=["ode.reversed.euler"], ode=keys) for depth in (4, 8)]
    run = Run.create(tmp_path, jobs, [], ["reslim", "train"])
    for settings in jobs:
        run_job(run.path, settings)
    collect(run, figures=False)
    source, rows = results.judged(run)
    (row,) = rows
    assert (source.study, source.seed) == ("ode", "0")
    assert (row.id, row.expected, row.verdict) == ("ode.reversed.euler", "order 1 ± 0.1", "inconclusive")

    measured = tmp_path / "measured"
    monkeypatch.setattr(results, "MEASURED", measured)
    monkeypatch.setattr(results, "RUNS", measured / "runs.csv")
    results.keep([(source, rows)])
    assert results.rows("ode") == {row.id: row}
    page = results.page()
    assert f"| {row.expected} | {row.measured} | inconclusive: {row.why} |" in page
    assert page.count("not measured") == sum(len(studies.get(name).chosen(None)) for name in STUDIES) - 1


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path):
    run = Run.create(tmp_path, [Ode(depth=4)], [], ["reslim", "train"])
    with pytest.raises(SystemExit, match="give finished sweeps"):
        results.judged(run)
