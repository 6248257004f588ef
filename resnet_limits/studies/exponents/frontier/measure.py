"""`exponents.frontier.*`: how far the setting's networks move their inputs, on a grid of beta and around one level.

A sweep over `init.hurst` makes the map. Weights are drawn once for all beta, in float32. The level is found on a local
grid, by linear interpolation of the mean logarithm; its error is that of the mean over its slope.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ....limits.first_order import first_order_sum
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....networks.blocks import field
from ..networks import drawn_weights, log_changes, orthogonal_inputs
from ..settings import Exponents
from ..theory import exponent_of, index_of
from .claims import LEVEL_OF_FRONTIER

POINTS_OF_LEVEL = 9
"""Of the local grid around the level."""


def measure(job: Job) -> Measurement:
    """The map's column of this setting, and the level in it."""
    settings = replace(job.settings, dtype="float32")
    keys, vector_field = settings.exponents, field(settings.block, settings.activation, settings.width)
    grid, x0 = np.linspace(keys.lowest, keys.highest, keys.betas), orthogonal_inputs(settings, keys.inputs)
    columns, around, local = [], [], np.array([])
    for first, weights in drawn_weights(settings, vector_field.shapes, settings.depth, keys.networks):
        job.progress(first / keys.networks, "networks of the map")
        columns.append(log_changes(vector_field, weights, grid, x0))
        if not first:
            local = _local(grid, columns[0].mean(axis=-1))
        around.append(log_changes(vector_field, weights, local, x0))
    means = np.concatenate(columns, axis=-1).mean(axis=-1) / math.log(10)
    arrays = {"betas": grid, "changes": means}
    arrays |= {"critical": np.array([exponent_of(settings)]), "index": np.array([index_of(settings.init)])}
    records = [
        Record("frontier_change", float(change), coordinates={"beta": float(beta)}, replicas=keys.networks)
        for beta, change in zip(grid, means, strict=True)
        if math.isfinite(change)
    ]
    records.append(_level(settings, local, np.concatenate(around, axis=-1)))
    return Measurement(records, {f"frontier.{name}": array for name, array in arrays.items()})


def _local(grid: Float[np.ndarray, " betas"], changes: Float[np.ndarray, " betas"]) -> Float[np.ndarray, " points"]:
    """The step of the grid over which the level is crossed, divided; empty where none is."""
    above = np.flatnonzero(changes > math.log(LEVEL_OF_FRONTIER))
    if not len(above) or above[-1] + 1 == len(grid):
        return np.array([])
    return np.linspace(grid[above[-1]], grid[above[-1] + 1], POINTS_OF_LEVEL)


def _level(settings: Exponents, betas: np.ndarray, changes: Float[np.ndarray, "points r"]) -> Record:
    """The level's beta less the expected one, or why there is none."""
    level, keys = math.log(LEVEL_OF_FRONTIER), settings.exponents
    if not len(betas):
        why = f"no beta from {keys.lowest:g} to {keys.highest:g} changes inputs by {LEVEL_OF_FRONTIER:g}"
        return unknown("frontier_error", why, {})
    total = first_order_sum(settings.init, settings.block, settings.activation, settings.depth, settings.horizon)
    if not total > 0:
        return unknown("frontier_error", f"init={settings.init.name}: no first-order sum is known", {})
    expected = (math.log(total) / 2 - level) / math.log(settings.depth)
    means = changes.mean(axis=-1)
    i = min(int(np.flatnonzero(means > level)[-1]) if (means > level).any() else 0, len(betas) - 2)
    slope = (means[i + 1] - means[i]) / (betas[i + 1] - betas[i])
    at = betas[i] + (level - means[i]) / slope
    stderr = float(changes[i].std(ddof=1)) / math.sqrt(changes.shape[-1]) / abs(slope)
    return Record("frontier_error", float(at - expected), stderr, reference=expected, replicas=keys.networks)
