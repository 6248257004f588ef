"""A study in one file, as somebody's own package may hold it: Euler's method for `x' = -x`, `x(0) = 1`.

x_{k+1} = (1 - h) x_k,  h = T/L   ->   x(T) = e^{-T},      |x_L - x(T)| of order 1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_limits.claims.claim import Claim, Expected
from resnet_limits.errors import Undetermined
from resnet_limits.measurement.job import FinishedJob, Job
from resnet_limits.measurement.record import Comparison, Measurement, Record
from resnet_limits.papers import HAIRER
from resnet_limits.settings.base import Settings
from resnet_limits.settings.keys import fixed, key
from resnet_limits.studies.group import Depths, Group
from resnet_limits.studies.study import Study


@dataclass
class DecayKeys:
    """The keys that only the study `decay` has."""

    start: float = key(1.0, "x(0)", low=0, high=10)


@dataclass
class Decay(Settings):
    """Settings of the study `decay`."""

    study: str = fixed("decay", "the study")
    decay: DecayKeys = key(DecayKeys, "keys of this study")


def output(settings: Decay) -> float:
    """`x_L`."""
    return settings.decay.start * (1 - settings.horizon / settings.depth) ** settings.depth


def euler(job: Job) -> Measurement:
    settings = job.settings
    exact = settings.decay.start * math.exp(-settings.horizon)
    error = abs(output(settings) - exact)
    return Measurement([Record("error", error, reference=exact, reference_error=1e-15)])


def pairs(job: Job) -> Measurement:
    return Measurement([Record("output", output(job.settings))])


def differences(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """|x_L - x_2L|"""
    outputs = {job.settings.depth: r.value for job in jobs for r in job.records if r.observable == "output"}
    return [
        Comparison(depth, Record("difference", abs(outputs[depth] - outputs[2 * depth]), reference_error=1e-15))
        for depth in outputs
        if 2 * depth in outputs
    ]


def shallow(job: Job) -> Measurement:
    if job.settings.decay.start == 0:
        raise Undetermined("decay.start=0: nothing decays")
    ratio = output(job.settings) / job.settings.decay.start
    return Measurement([Record("ratio", ratio, reference_error=1e-3)])


def _claim(name: str, statement: str, observable: str, expected: Expected) -> Claim:
    return Claim(
        id=f"decay.{name}",
        source=HAIRER,
        statement=statement,
        kind="theorem",
        observable=observable,
        expected=expected,
    )


DEEPEST = 16
STUDY = Study(
    name="decay",
    title="Euler's method for x' = -x",
    question="Does Euler's method follow the decay?",
    equation="x_{k+1} = (1 - h) x_k   ->   x' = -x",
    settings=Decay,
    groups=(
        Group(
            name="euler",
            title="Does Euler's method converge?",
            claims=(_claim("euler", "x_L converges at order 1", "error", Expected("order", 1, 0.1)),),
            observables={"error": "|x_L - x(T)|"},
            measure=euler,
        ),
        Group(
            name="pairs",
            title="Do depths L and 2L approach each other?",
            claims=(_claim("pairs", "x_L and x_2L approach each other", "difference", Expected("order", 1, 0.1)),),
            observables={"output": "x_L", "difference": "|x_L - x_2L|"},
            compared=("decay.pairs",),
            measure=pairs,
            compare=differences,
        ),
        Group(
            name="shallow",
            title="How much is left?",
            claims=(_claim("shallow", "e^{-1} is left, T = 1", "ratio", Expected("value", 0.36, 0.05)),),
            observables={"ratio": "x_L/x_0"},
            depths=Depths(high=DEEPEST),
            measure=shallow,
        ),
    ),
)
