"""Estimates with their standard errors, `(value, standard error)`, from replicas or from counts."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from torch import Tensor


def mean(values: Float[Tensor, " r"]) -> tuple[float, float]:
    """Mean over replicas and its standard error (nan for one replica)."""
    values = values.double()
    error = float(values.std()) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return float(values.mean()), error


def root_of_mean(squares: Float[Tensor, " r"]) -> tuple[float, float]:
    """Root of the mean over replicas of a square, and its standard error."""
    value, error = mean(squares)
    return value**0.5, error / (2 * value**0.5) if value > 0 else float("nan")


def size_of_the_mean(shift: Float[Tensor, "n d"], remainders: Float[Tensor, "r n d"]) -> tuple[float, float]:
    """Root mean square of `shift + E remainder` over its entries, without the bias of squared noise; jackknife error.

    Of fewer than three replicas the bias stays, and there is no error.
    """
    replicas = len(remainders)
    if replicas < 3:
        return float((shift + remainders.mean(dim=0)).double().square().mean().sqrt()), float("nan")

    total, squares = remainders.sum(dim=0), remainders.square().sum(dim=0)

    def sizes(total: Tensor, squares: Tensor, count: int) -> Tensor:
        mean = total / count
        variance = (squares / count - mean.square()) / (count - 1)
        return ((shift + mean).square() - variance).mean(dim=(-2, -1)).clamp(min=0).sqrt()

    value = float(sizes(total, squares, replicas))
    left_out = sizes(total - remainders, squares - remainders.square(), replicas - 1)
    jackknife = ((replicas - 1) / replicas * (left_out - left_out.mean()).square().sum()).sqrt()
    return value, float(jackknife)


def probability(count: int, of: int) -> tuple[float, float]:
    """A probability from `count` successes among `of`, and its standard error: mean and deviation of its law given the
    count, all values being as likely before (Laplace). The error is never zero."""
    value = (count + 1) / (of + 2)
    return value, math.sqrt(value * (1 - value) / (of + 3))


def variance(values: Float[Tensor, " r"]) -> tuple[float, float]:
    """Variance of one replica, and its standard error."""
    return mean((values - values.mean()).square() * len(values) / max(len(values) - 1, 1))


def saving(more: tuple[float, float], less: tuple[float, float]) -> tuple[float, float]:
    """`log10` of a ratio of two costs, each with its standard error."""
    if not (more[0] > 0 and less[0] > 0):
        return math.nan, math.nan
    return math.log10(more[0] / less[0]), math.hypot(more[1] / more[0], less[1] / less[0]) / math.log(10)


def fraction(right: np.ndarray) -> tuple[float, float]:
    """The fraction found, and its standard error (of (found + 1)/(points + 2): not 0 where all are)."""
    n, successes = len(right), float(right.sum())
    p = (successes + 1) / (n + 2)
    return successes / n, math.sqrt(p * (1 - p) / (n + 3))


def difference(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Of two fractions of the same points, with the standard error of the paired difference; at least that of one
    point."""
    off = a - b
    deviation = float(off.std(ddof=1)) if len(off) > 1 else 1.0
    return float(off.mean()), max(deviation, 1 / math.sqrt(len(off))) / math.sqrt(len(off))
