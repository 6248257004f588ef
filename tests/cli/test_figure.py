"""The key `figure`: a figure of a paper sets study, keys and what is drawn."""

from __future__ import annotations

import json

import pytest

SMALL = ("preset=smoke", "width=4", "train.replicas=1", "data.train_size=280", "device=cpu", "depth=2,4,8")


@pytest.mark.slow
def test_a_named_figure_sets_study_and_keys_and_is_drawn(reslim):
    summary = reslim("train", "figure=implicit_regularisation", *SMALL, "--json").done().json
    assert {claim["id"].split(".")[1] for claim in summary["claims"]} == {"trained", "trained_iid"}
    (run,) = reslim.runs()
    for suffix in ("png", "svg"):
        assert (run / "figures" / f"implicit_regularisation.{suffix}").stat().st_size > 1000
    page = (run / "report.html").read_text()
    figures = page.split('<section id="figures">')[1].split("</section>")[0]
    assert "<svg" in figures
    assert "<code>implicit_regularisation</code></figcaption>" in figures
    assert "2309.01213" in (run / "papers.bib").read_text()


@pytest.mark.slow
def test_its_keys_can_be_overridden(reslim):
    jobs = reslim("train", "figure=implicit_regularisation", "depth=4,8", "--dry-run", "--json").done().json
    assert [job["job"].split("-")[0] for job in jobs] == ["4", "8"]
    assert "epochs: 7" in reslim("train", "figure=implicit_regularisation", "train.epochs=7", "--cfg", "job").done().out


@pytest.mark.slow
def test_the_figure_is_not_content(reslim):
    """The same keys without the name are the same jobs."""
    figure = reslim("train", "figure=implicit_regularisation", "--dry-run", "--json").done().json
    keys = ("claims=[ode.trained,ode.trained_iid]", "train.epochs=12", "depth=16,32,64,128,256")
    plain = reslim("train", *keys, "--dry-run", "--json").done().json
    assert [job["job"] for job in figure] == [job["job"] for job in plain]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("figure=implicit_regularization", "did you mean 'implicit_regularisation'"),
        ("figure=implicit_regularisation,implicit_regularisation", "one named figure"),
        ("figure=null", "expected one name of correlation_by_layer"),
        ("figure=3", "expected one name of correlation_by_layer"),
    ],
)
def test_a_wrong_figure_is_said_in_a_line(reslim, override, said):
    answer = reslim("train", override)
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_studies_shows_the_figures(reslim):
    (entry,) = [key for key in reslim("studies", "ode", "--json").done().json["keys"] if key["key"] == "figure"]
    assert entry["range"].startswith("one of correlation_by_layer, ")
    assert json.dumps(entry["default"]) == "null"
