"""Minimisers of one branch at growing depth: each rung starts from what the coarser ones say of the limit.

    K^{2m}(t) ~ K^m(t) + (K^m(t) - K^{m/2}(t)) / 2        if K^n = K + a/n + ...

Between layers paths are cubic splines: the H1 norm of the penalty sees slopes, and those of a broken line are off by
O(1/m).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from ...training.continuation import Rung, ahead
from ...training.depth_regularised import DepthRegularised, DepthWeights


def at_depth(path: Float[np.ndarray, "m ..."], depth: int) -> Float[np.ndarray, "n ..."]:
    """A path given at `k/m`, read at `k/n`; beyond the last layer the spline goes on."""
    m = len(path)
    if m == 1:
        return np.repeat(path, depth, axis=0)
    return np.asarray(CubicSpline(np.arange(m) / m, path, axis=0)(np.arange(depth) / depth))


def refine(problem: DepthRegularised, rungs: Sequence[Rung], depth: int) -> np.ndarray:
    """Where the minimisation at `depth` starts, in scaled variables."""
    known = [problem.at_depth(rung.depth).weights(rung.minimum.point) for rung in rungs[-2:]]
    fine = _read(known[-1], depth)
    if len(rungs) > 1:
        coarse, on = _read(known[0], depth), ahead(rungs[-2].depth, rungs[-1].depth, depth)
        fine = DepthWeights(*(f + on * (f - c) for f, c in zip(_parts(fine), _parts(coarse), strict=True)))
    return problem.at_depth(depth).scaled(fine)


def _read(w: DepthWeights, depth: int) -> DepthWeights:
    return DepthWeights(at_depth(w.K, depth), at_depth(w.b, depth), w.W, w.c)


def _parts(w: DepthWeights) -> tuple[np.ndarray, ...]:
    return w.K, w.b, w.W, w.c
