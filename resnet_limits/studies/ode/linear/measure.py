"""`ode.accuracy`: test accuracy of trained networks less that of linear least squares of the labels.

`accuracy_gain` is a mean over networks, its standard error that over networks and over test points. Pinned: data,
recipe, and a small network of two-matrix blocks with a tied start.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from ....engines import default_engine
from ....inference.linear import linear_classes
from ....measurement import estimate
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.classifier import accuracy, logits
from ....networks.steps import STEPS
from ....settings.training import Train
from ...pinned import pinned
from ..networks import data_of, drawn_trunk, trained_from, two_matrix_field
from ..settings import Ode
from .claims import PINS_OF_CIRCLES


def of_the_claim(settings: Ode) -> Ode:
    """The settings with the keys of `PINS_OF_CIRCLES`; of the recipe only its memory is the settings' own."""
    asked = settings.train
    recipe = Train(memory=asked.memory, checkpoint_seconds=asked.checkpoint_seconds)
    return pinned(replace(settings, train=recipe), {**PINS_OF_CIRCLES, "block.hidden": 2 * PINS_OF_CIRCLES["width"]})


def measure(job: Job) -> Measurement:
    """`accuracy_gain` at the job's depth."""
    settings = of_the_claim(job.settings)
    dataset, replicas = data_of(settings), settings.train.replicas
    trunk = drawn_trunk(
        settings, settings.init, settings.width, depth=settings.depth, replicas=replicas, purpose="accuracy"
    )
    trained = trained_from(replace(job, settings=settings), trunk, dataset, same_ends=False, cut=False)
    field, h = two_matrix_field(settings, settings.width), settings.horizon / settings.depth
    with torch.no_grad():
        scores = logits(field, STEPS["euler"], trained.parameters, dataset.x_test, h, through=default_engine().forward)
    of_networks, spread = estimate.mean(accuracy(scores, dataset.y_test))
    by_a_line = linear_classes(dataset.x_train, dataset.y_train, dataset.classes, dataset.x_test)
    of_a_line, error = estimate.fraction((by_a_line == dataset.y_test.cpu()).numpy())
    stderr = math.hypot(spread, error)
    record = Record(
        "accuracy_gain", of_networks - of_a_line, stderr=stderr, coordinates=PINS_OF_CIRCLES, replicas=replicas
    )
    return Measurement([record])
