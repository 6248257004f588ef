"""The figures of a study are drawn in every run that measured what they show, and stand first on its page."""

from __future__ import annotations

import re

import pytest


@pytest.mark.slow
def test_a_run_draws_the_figures_of_its_study_and_shows_them_below_the_claims(reslim):
    reslim("train", "study=sde", "claims=[sde.functions]", "depth=4,8", "width=4", "replicas=8").done()
    (run,) = reslim.runs()
    assert (run / "figures" / "function_draws.svg").exists()
    assert not (run / "figures" / "correlation_by_layer.png").exists()  # it was not measured
    page = (run / "report.html").read_text(encoding="utf-8")
    shown = re.findall(r"<article class=\"claim\">|<code>(\w+)</code></figcaption>", page)
    assert shown == ["", "function_draws"]
