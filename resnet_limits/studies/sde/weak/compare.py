"""`sde.weak.*.limit`: multilevel sums over the depths (Giles 2008). Free of torch.

    E f(x_2L) = E f(x_2l) + sum over the depths l < l' <= L of E[f(x_2l') - f(x_l')]

l the shallowest of the depths that double up to L, the deepest. Each job has noise of its own, so variances add. At
weak order 1 the last difference `D_L` is once more what is left to the limit: `multilevel_error` is that of the sum
with `D_L` added twice, and `D_L - D_{L/2}/2`, which would vanish if order 1 were all, its error of the reference.

What it costs depends on how fast variances fall (`sde.weak.multilevel`, `sde.weak.saving`). On one noise that of a
difference falls as h, the square of the strong error. Less the martingale, where the limit is linear, all that is left
of `f(x_L)` is what the errors of the layers, `h^2` each, vary by along the path: of size h in the sum, `h^2` in the
variance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ....claims.plateau import doubling
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """The sums, at the deepest depth, with their savings against networks of depth 2L alone."""
    by_depth = {job.settings.depth: job for job in jobs}
    chain = [by_depth[depth] for depth in doubling(list(by_depth))]
    if not chain:
        return []
    shallowest, deepest = chain[0], chain[-1]
    comparisons: list[Comparison] = []
    if len(chain) < 2:
        return comparisons
    for base in shallowest.records:
        scheme = base.coordinates.get("scheme")
        if base.observable != "weak_mean":
            continue
        steps = [step for job in chain if (step := _the(job, "weak_difference", scheme)) is not None]
        if len(steps) < len(chain):
            continue
        last, noise = steps[-1], [step.stderr for step in steps[1:-1]]
        total = base.value + sum(step.value for step in steps[1:])
        stderr = math.hypot(base.stderr, *noise, last.stderr)
        records = [Record("multilevel_mean", total, stderr=stderr, reference=base.reference)]
        if math.isfinite(base.reference) and base.reference:
            size = base.reference
            error, left = (total + last.value) / size - 1, abs((last.value - steps[-2].value / 2) / size)
            noise_of_it = math.hypot(base.stderr, *noise, 2 * last.stderr) / abs(size)
            records.append(Record("multilevel_error", error, stderr=noise_of_it, reference_error=left))
        controls = [record for job in chain if (record := _the(job, "weak_control", scheme)) is not None]
        if controls:
            value, noise_of_it = (
                _mean(record.value for record in controls),
                math.hypot(*(record.stderr for record in controls)),
            )
            records.append(Record("weak_control_mean", value, stderr=noise_of_it / len(controls)))
        for estimator in ("coupled", "controlled"):
            if (saved := _saving(chain, scheme, estimator)) is not None:
                records.append(
                    Record("multilevel_saving", saved[0], stderr=saved[1], coordinates={"estimator": estimator})
                )
        for r in records:
            where = {**base.coordinates, **r.coordinates}
            comparisons.append(
                Comparison(
                    deepest.settings.depth,
                    Record(r.observable, r.value, r.stderr, r.reference, r.reference_error, coordinates=where),
                )
            )
    return comparisons


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def _the(job: FinishedJob, observable: str, scheme: object, estimator: str | None = None) -> Record | None:
    for r in job.records:
        coordinates = r.coordinates
        if (r.observable, coordinates.get("scheme"), coordinates.get("estimator")) == (observable, scheme, estimator):
            return r
    return None


def _saving(chain: Sequence[FinishedJob], scheme: object, estimator: str) -> tuple[float, float] | None:
    """`log10` of the layers that networks of depth 2L take over those of the sum, at the same error; standard error.

    Least cost at variance `e^2`: `(sum_l sqrt(V_l C_l))^2 / e^2`, `C_l` layers a sample; a coupled one counts its two
    networks as deep as the deeper, 4 l.
    """
    first = _the(chain[0], "weak_variance", scheme, "one depth" if estimator == "coupled" else "one depth, controlled")
    alone = _the(chain[-1], "weak_variance", scheme, "one depth")
    levels = [_the(job, "weak_variance", scheme, estimator) for job in chain[1:]]
    if first is None or alone is None or not alone.value > 0:
        return None
    parts = [(first, 2 * chain[0].settings.depth)]
    for job, level in zip(chain[1:], levels, strict=True):
        if level is None:
            return None
        parts.append((level, 4 * job.settings.depth))
    roots = [math.sqrt(r.value * cost) for r, cost in parts]
    if not sum(roots) > 0:
        return None
    # d log (sum of roots)^2 = sum of root * (relative error of the variance) / sum of roots
    noise = [root * r.stderr / r.value / sum(roots) for root, (r, _) in zip(roots, parts, strict=True) if r.value > 0]
    ratio = alone.value * 2 * chain[-1].settings.depth / sum(roots) ** 2
    return math.log10(ratio), math.hypot(*noise, alone.stderr / alone.value) / math.log(10)
