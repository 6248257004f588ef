"""`gamma.real`: minimisers on a data set; `compare.py` compares the depths.

A job climbs to its depth, certifies the minimum, and keeps the weights.
"""

from __future__ import annotations

import numpy as np

from ....data.dataset import Dataset
from ....data.loading import embed
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....training.depth_regularised import DepthRegularised, DepthWeights
from ..norms import MAX_NORM_OF_ZERO_PATH, MINIMISER_IS_ZERO, largest_layer, roughness_of_path
from ..problem import boundary, certificate, minima, of_the_data
from ..settings import PROBLEM_OF_DATA, Gamma

COORDINATES_OF_DATA = {"problem": PROBLEM_OF_DATA}


def measure(job: Job) -> Measurement:
    """Certificate, loss, accuracy, boundary conditions, and the weights."""
    settings: Gamma = job.settings
    problem, dataset = of_the_data(settings)
    branches = minima(job, problem, PROBLEM_OF_DATA, settings.depth)
    w = problem.weights(branches[0].minimum.point)
    start, end, missed = boundary(problem, w)
    values = {
        "boundary_start": start,
        "boundary_end": end,
        "boundary_missed": missed,
        "train_loss": problem.loss_at(w),
        "roughness": roughness_of_path(w.path),
    }
    if dataset.classes:
        values |= _accuracies(settings, problem, w, dataset)
    nothing = ("boundary_start", "boundary_end") if largest_layer(w.path) < MAX_NORM_OF_ZERO_PATH else ()
    records = certificate(settings, problem, branches, COORDINATES_OF_DATA)
    records += [
        unknown(name, MINIMISER_IS_ZERO, COORDINATES_OF_DATA)
        if name in nothing
        else Record(name, value, coordinates=COORDINATES_OF_DATA, replicas=1)
        for name, value in values.items()
    ]
    return Measurement(records, {"real.K": w.K, "real.b": w.b, "real.W": w.W, "real.c": w.c})


def _accuracies(settings: Gamma, problem: DepthRegularised, w: DepthWeights, dataset: Dataset) -> dict[str, float]:
    """Fractions of the points classified rightly."""
    accuracies = {"train_accuracy": _right(problem, w, dataset.y_train.numpy())}
    if len(dataset.x_test):
        x = embed(dataset.x_test.double(), settings.width, seed=settings.seed).numpy()
        there = DepthRegularised(x, problem.loss, problem.activation, problem.penalties, problem.depth)
        accuracies["test_accuracy"] = _right(there, w, dataset.y_test.numpy())
    return accuracies


def _right(problem: DepthRegularised, w: DepthWeights, labels: np.ndarray) -> float:
    scores = problem.states(w)[0][-1] @ w.W.T + w.c
    return float((scores.argmax(axis=1) == labels).mean())
