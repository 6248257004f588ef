"""Where minimisations of the small problem and of the data start, and which of the starts lead to minima of their own.

Weights are drawn, `N(0, 1/d)`, the same in every layer; read-outs too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ...measurement.job import Job
from ...networks.activations import activation_named
from ...random import generator
from ...training.branches import distinct
from ...training.continuation import LOWEST_DEPTH
from ...training.depth_regularised import DepthRegularised, DepthWeights
from ...training.minimiser import minimise


def drawn(problem: DepthRegularised, seed: int, number: int, purpose: str) -> DepthWeights:
    """The weights of a start."""
    d, m, n = problem.width, problem.loss.outputs, problem.depth
    stream = generator(seed, purpose, number)
    K, b, W = (stream.standard_normal(shape) / d**0.5 for shape in ((d, d), (d,), (m, d)))
    return DepthWeights(np.tile(K, (n, 1, 1)), np.tile(b, (n, 1)), W, np.zeros(m))


def of_the_network(problem: DepthRegularised, seed: int, number: int) -> np.ndarray:
    """A start in scaled variables. The first is zero, where no activation is dead; the others are drawn."""
    if number == 0 and not activation_named(problem.activation).kinks:
        return np.zeros(problem.size)
    return problem.scaled(drawn(problem, seed, number, "gamma.start"))


def distinct_at_lowest(job: Job, problem: DepthRegularised, key: Mapping[str, Any]) -> list[int]:
    """The numbers of those of `gamma.starts` starts that lead to minima of their own at the lowest depth; kept, since
    all depths share it. `key` is what a minimiser depends on besides its depth."""
    settings, lowest = job.settings, problem.at_depth(LOWEST_DEPTH)
    keys = settings.minimiser

    def compute() -> dict[str, np.ndarray]:
        ends = [
            minimise(
                lowest,
                of_the_network(lowest, settings.seed, number),
                tolerance=keys.tolerance,
                iterations=keys.iterations,
                certify=False,
            )
            for number in range(settings.gamma.starts)
        ]
        reached = [number for number, end in enumerate(ends) if end.converged] or [0]
        return {"starts": np.array(distinct(reached, lambda number: ends[number].point))}

    kept = job.shared.solve("starts", {**key, "minimiser": asdict(keys)}, compute)
    return [int(number) for number in kept["starts"]]
