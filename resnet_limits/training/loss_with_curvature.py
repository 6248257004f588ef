"""Losses of outputs `o` (N, m) as means over points, with gradient and the product of the Hessian, in numpy.

square           (1/N) sum_s |o_s - y_s|^2
cross_entropy    (1/N) sum_s log sum_c exp(o_sc) - o_s[y_s]
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp


class Loss(Protocol):
    """A loss of the outputs (n, m) for given targets."""

    @property
    def outputs(self) -> int:
        """The number m of outputs that the targets ask for."""
        ...

    def value(self, o: Float[np.ndarray, "n m"]) -> float: ...

    def gradient(self, o: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]: ...

    def curvature(self, o: Float[np.ndarray, "n m"], v: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        """The Hessian at `o` applied to `v`."""
        ...


class MeanSquareLoss:
    """`(1/N) sum_s |o_s - y_s|^2` for targets (n, m)."""

    def __init__(self, targets: Float[np.ndarray, "n m"]) -> None:
        self.targets = targets

    @property
    def outputs(self) -> int:
        return self.targets.shape[1]

    def value(self, o: Float[np.ndarray, "n m"]) -> float:
        return float(((o - self.targets) ** 2).sum()) / len(o)

    def gradient(self, o: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        return 2 / len(o) * (o - self.targets)

    def curvature(self, o: Float[np.ndarray, "n m"], v: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        return 2 / len(o) * v


class CrossEntropy:
    """`(1/N) sum_s log sum_c exp(o_sc) - o_s[y_s]` for labels (n,) in 0..classes - 1."""

    def __init__(self, labels: Int[np.ndarray, " n"], classes: int) -> None:
        self.labels = labels
        self.classes = classes

    @property
    def outputs(self) -> int:
        return self.classes

    def value(self, o: Float[np.ndarray, "n m"]) -> float:
        return float((logsumexp(o, axis=1) - o[np.arange(len(o)), self.labels]).mean())

    def gradient(self, o: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        slope = _softmax(o)
        slope[np.arange(len(o)), self.labels] -= 1
        return slope / len(o)

    def curvature(self, o: Float[np.ndarray, "n m"], v: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        p = _softmax(o)
        pv = p * v
        return (pv - p * pv.sum(axis=1, keepdims=True)) / len(o)


def _softmax(o: np.ndarray) -> np.ndarray:
    e = np.exp(o - o.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
