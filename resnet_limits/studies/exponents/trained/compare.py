"""`exponents.trained`: exponents over depth of the sizes of trained weights, and the limit that they tell of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ....claims.order import FEWEST_POINTS
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record, unknown
from .claims import ARRAY_OF_SIZES, SIZES, trained_activations
from .exponents import Exponent, limit_of, mean_exponent, slopes_in_depth

OF_LIMIT = "delta A"
"""The weights whose exponents tell of the limit."""


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """The exponents of each activation, at the deepest depth that was trained."""
    arrays = {job.settings.depth: a for job in jobs if (a := job.array(ARRAY_OF_SIZES)) is not None}
    if not arrays:
        return []
    settings, depths = jobs[0].settings, sorted(arrays)
    rule = str(settings.exponents.trained.stopping)
    records: list[Record] = []
    for i, activation in enumerate(trained_activations(settings)):
        where = {"activation": activation, "stopping": rule}
        records += _records(np.array(depths), np.stack([arrays[depth][i] for depth in depths]), where)
    return [Comparison(depths[-1], record) for record in records]


def _records(depths: np.ndarray, sizes: np.ndarray, where: Mapping[str, Any]) -> Iterator[Record]:
    """Of sizes (depths, quantities, networks), those of exploded networks not positive numbers."""
    usable = (np.isfinite(sizes) & (sizes > 0)).all(axis=(0, 1))
    why = None
    if len(depths) < FEWEST_POINTS:
        why = f"an exponent needs {FEWEST_POINTS} depths, and networks were trained at {len(depths)}"
    elif not usable.any():
        why = "no network was trained at every depth without exploding"
    if why is not None:
        yield unknown("regularity", why, where)
        for quantity, of in SIZES:
            yield unknown("exponent", why, {**where, "quantity": quantity, "of": of})
        return
    each = {size: slopes_in_depth(depths, sizes[:, i, usable]) for i, size in enumerate(SIZES)}
    for (quantity, of), values in each.items():
        yield _record("exponent", mean_exponent(values), {**where, "quantity": quantity, "of": of})
    size, root = each["weight_size", OF_LIMIT], each["increment_root_sum", OF_LIMIT]
    regularity = mean_exponent(root - size)
    yield _record("regularity", regularity, where)
    limit, evidence = limit_of(mean_exponent(size), mean_exponent(root), regularity)
    agreeing = float(usable.mean())
    yield Record(
        "limit", agreeing, coordinates={**where, "limit": limit, "evidence": evidence}, replicas=int(usable.sum())
    )


def _record(observable: str, exponent: Exponent, where: Mapping[str, Any]) -> Record:
    return Record(observable, exponent.value, stderr=exponent.stderr, coordinates=where, replicas=exponent.networks)
