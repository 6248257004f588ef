"""Zeros, constants, and what is no number are drawn without a warning: a figure shows what there is."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resnet_limits.claims.claim import Claim, Expected, Judgement, What
from resnet_limits.figures.overview import overview_figure
from resnet_limits.figures.panels import claim_figure
from resnet_limits.figures.style import styled
from resnet_limits.figures.write import NamedRequest, write_figures
from resnet_limits.measurement.job import FinishedJob, Job
from resnet_limits.papers import THORPE
from resnet_limits.settings.registry import FIGURES
from resnet_limits.studies import study as studies
from tests.studies.extremes import TINY

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("error")]

DEPTHS = np.array([8, 16, 32, 64])
NOTHING = [np.nan, np.nan, np.nan, np.nan]
VALUES = {
    "zeros": [0.0, 0.0, 0.0, 0.0],
    "equal": [0.3, 0.3, 0.3, 0.3],
    "tiny": [1e-300, 1e-300, 1e-300, 1e-300],
    "huge": [1e300, 1e299, 1e298, 1e297],
    "far apart": [1e-300, 1.0, 1e100, 1e300],
    "negative": [-1.0, -0.5, -0.2, -0.1],
    "no numbers": NOTHING,
    "infinite": [np.inf, np.inf, np.inf, np.inf],
    "some": [np.nan, 0.0, np.inf, 0.1],
    "one": [0.0, 0.0, 0.0, 0.1],
}
ERRORS = {
    "without errors": NOTHING,
    "no errors": [0.0] * 4,
    "infinite errors": [np.inf] * 4,
    "large errors": [1e300] * 4,
}


@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("values", VALUES)
def test_claims_of_any_values_are_drawn(values: str, errors: str, tmp_path: Path):
    judged = []
    for what in ("order", "value", "at_least"):
        points = pd.DataFrame({"depth": DEPTHS, "at": DEPTHS, "value": VALUES[values], "stderr": ERRORS[errors]})
        judged.append((judgement(what), points.assign(reference_error=np.nan, scaled=points["value"])))
    with styled():
        for figure in (*(claim_figure(*of_claim) for of_claim in judged), overview_figure(judged)):
            figure.savefig(tmp_path / "figure.svg")


def judgement(what: What) -> Judgement:
    expected = Expected(what, 1.0, 0.1)
    claim = Claim("ode.test", THORPE, "a statement", "theorem", "forward_error", expected)
    return Judgement(claim, expected, {}, None, "inconclusive", "why")


@functools.cache
def arrays(study: str) -> dict[str, np.ndarray]:
    """What a tiny job keeps for figures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of measurements: it is figures that are looked at
        measured = studies.get(study).measure(Job(TINY[study])).arrays
        if study == "exponents":  # the map is measured where it is asked for by name
            measured |= studies.get(study).measure(Job(replace(TINY[study], claims=["exponents.frontier"]))).arrays
        return measured


COORDINATES = (
    *("functions.inputs", "functions.grid", "trained.layers", "trained.labels"),
    *("ratio.betas", "frontier.betas", "frontier.index"),
)


def changed(name: str, array: np.ndarray, change: str) -> np.ndarray:
    """Values as the change says; where they are drawn at stays."""
    if name in COORDINATES:
        return array
    new = CHANGES[change](array)
    if name.startswith(("diagram.", "inference.distance", "correlation.")):  # the first row: widths, or layers
        new[0] = array[0]
    return new


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as they are": lambda a: a,
    "zeros": np.zeros_like,
    "equal": lambda a: np.full_like(a, 1),
    "no numbers": lambda a: np.full_like(a, np.nan) if a.dtype.kind == "f" else a,
    "infinite": lambda a: np.full_like(a, np.inf) if a.dtype.kind == "f" else a,
}
OF_STUDY = {
    "implicit_regularisation": "ode",
    "function_draws": "sde",
    "correlation_by_layer": "sde",
    "width_and_depth": "kernel",
    "kernel_regression": "kernel",
    "deformed_points": "hamiltonian",
    "minimisers": "gamma",
    "deformed_grid": "flow",
    "folding": "flow",
    "scaled_ratios": "exponents",
    "smooth_ratios": "exponents",
    "norm_law": "exponents",
    "frontier": "exponents",
}
FROM_SEVERAL_JOBS = {"trained_exponents": "exponents"}
"""Drawn from what jobs of several depths compare."""


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", OF_STUDY)
def test_figures_of_papers_are_drawn_from_any_arrays(name: str, change: str, tmp_path: Path):
    kept = {key: changed(key, array, change) for key, array in arrays(OF_STUDY[name]).items()}
    job = FinishedJob(TINY[OF_STUDY[name]], [], kept.get)
    drawn = write_figures(tmp_path / "figures", [], named=[NamedRequest(name, {}, [job], [])])
    assert [figure.name for figure in drawn] == [name]


def test_every_figure_of_a_paper_is_tried():
    assert {*OF_STUDY, *FROM_SEVERAL_JOBS} == set(FIGURES)


@pytest.mark.parametrize("name", FROM_SEVERAL_JOBS)
def test_a_figure_of_several_jobs_is_left_out_where_there_is_one(name: str, tmp_path: Path):
    job = FinishedJob(TINY[FROM_SEVERAL_JOBS[name]], [], arrays(FROM_SEVERAL_JOBS[name]).get)
    assert write_figures(tmp_path / "figures", [], named=[NamedRequest(name, {}, [job], [])]) == []
