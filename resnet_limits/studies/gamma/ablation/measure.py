"""`gamma.ablation`: what becomes of the limit with other penalties, from the same i.i.d. start at every depth.

    h1          the penalty of the theorem: the minimiser that is reached from zero too
    none        no penalty: the layers stay where they started, but for what the data need
    decay       (a/n) sum_k |K_k|^2, its own small a: each layer has an equation of its own with several roots
    unscaled    a sum_k |K_k|^2: K -> 0

`replicas` starts (without a penalty four times as many), weights `N(0, 1/d)`, biases `N(0, 1/4)`, functions of the time
of a layer: networks of depth n and 2n share those of common times. The points are the same at every seed
(`SEED_OF_POINTS`): starts of several seeds are starts of one problem, and the scatter over starts is that over
seeds. Where all starts end in one minimiser (h1, unscaled) nothing is random: the scatter is how well it is reached,
and no standard error.

Without a penalty the layers stay near their start, whose roughness grows like n^2 whether trained or not. What is
judged is the movement, the path less its start, relative to its size: for independent layers `2 n^2`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.blocks import field
from ....networks.blocks.one import OneBlock
from ....paths.draw import draw_path
from ....paths.laws.iid import IidLaw
from ....training.depth_regularised import DepthRegularised, DepthWeights, Penalty
from ....training.minimiser import Minimum, minimise
from ...pinned import pinned
from ..norms import largest_layer, roughness_of_path
from ..problem import penalties, small
from ..settings import Gamma
from .claims import (
    CONTROLS_OF_SCATTERED_MINIMA,
    PENALTY_SIZES,
    PINS_OF_ABLATION,
    POINTS_BY_CONTROL,
    SEED_OF_POINTS,
    STARTS_BY_CONTROL,
)
from .starts import mean_over_starts, relative_roughness


def measure(job: Job) -> Measurement:
    """Roughness and size of the weights by penalty, means over starts; `start_distance` with the H1 penalty."""
    settings = of_the_controls(job.settings)
    measurement = Measurement()
    for i, control in enumerate(PENALTY_SIZES):
        job.progress(i / len(PENALTY_SIZES), control)
        problem = small(
            settings, "regression", dimension=PINS_OF_ABLATION["gamma.dimension"], points=POINTS_BY_CONTROL[control]
        )
        problem = replace(problem, penalty=control, penalties=_penalties(settings, control))
        begun = starts(job.settings, problem, STARTS_BY_CONTROL[control] * settings.replicas)
        ends = [_minimum(settings, problem, start) for start in begun]
        weights = [problem.weights(end.point) for end in ends]
        moved = [end.path - problem.weights(start).path for end, start in zip(weights, begun, strict=True)]
        where = {
            "problem": "ablation",
            "control": control,
            **PINS_OF_ABLATION,
            "gamma.points": POINTS_BY_CONTROL[control],
        }
        values = {
            "roughness": [roughness_of_path(w.path) for w in weights],
            "weights_size": [largest_layer(w.path) for w in weights],
            "loss": [problem.loss_at(w) for w in weights],
        }
        if control in CONTROLS_OF_SCATTERED_MINIMA:
            paths = moved if control == "none" else [w.path for w in weights]
            values["relative_roughness"] = [relative_roughness(path) for path in paths]
        if control == "h1":
            zero = _minimum(settings, problem, np.zeros(problem.size))
            size = float(np.linalg.norm(zero.point)) or 1.0
            values["start_distance"] = [float(np.linalg.norm(end.point - zero.point)) / size for end in ends]
        measurement.records += [
            mean_over_starts(name, values_of_starts, control, where) for name, values_of_starts in values.items()
        ]
        if control != "none":  # without a penalty the value tends to 0: it says itself what was reached
            worst = max(end.relative_gradient for end in ends)
            tolerance = settings.minimiser.tolerance
            measurement.records.append(
                Record("gradient_norm", worst, reference=tolerance, coordinates=where, replicas=len(ends))
            )
        measurement.arrays[f"ablation.{control}"] = np.stack([w.path for w in weights])
        if control == "none":
            measurement.arrays["ablation.movement"] = np.stack(moved)
    return measurement


PENALTIES_OF_ONE_SIZE = {"gamma.alpha_b": None, "gamma.alpha_w": None, "gamma.alpha_c": None, "gamma.tau_b": None}
"""All penalties have the size and the `tau` of the first."""


def of_the_controls(settings: Gamma) -> Gamma:
    """The settings with the keys that the claims pin, one size of all penalties, and the seed of their points."""
    return replace(pinned(settings, {**PINS_OF_ABLATION, **PENALTIES_OF_ONE_SIZE}), seed=SEED_OF_POINTS)


def _penalties(settings: Gamma, control: Penalty):
    weights, a = penalties(settings), PENALTY_SIZES[control]
    return replace(weights, K=a, b=a)


def starts(settings: Gamma, problem: DepthRegularised, count: int) -> list[np.ndarray]:
    """So many i.i.d. starts in scaled variables; read-outs zero."""
    n, d, m = problem.depth, problem.width, problem.loss.outputs
    path = draw_path(
        IidLaw(sigma_w=1.0, sigma_b=0.5),
        field(OneBlock(), settings.activation, d).shapes,
        depth=n,
        horizon=1.0,
        replicas=count,
        first_replica=0,
        seed=settings.seed,
        dtype=torch.float64,
    ).at(torch.arange(n, dtype=torch.float64) / n)
    K, b = path["W"].numpy(), path["b"].numpy()
    return [problem.scaled(DepthWeights(K[r], b[r], np.zeros((m, d)), np.zeros(m))) for r in range(count)]


def _minimum(settings: Gamma, problem: DepthRegularised, start: np.ndarray) -> Minimum:
    keys = settings.minimiser
    return minimise(problem, start, tolerance=keys.tolerance, iterations=keys.iterations, certify=False)
