"""The networks that the study minimises: the small one, whose limit is known, and that of the data.

E_n = (1/N) sum_s loss(W X_n[s] + c, y_s) + a1 R_n(K; t1) + a2 R_n(b; t2) + a3 |W|^2 + a4 |c|^2
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ...data.dataset import Dataset
from ...data.loading import embed, load
from ...data.sources.gaussian import GaussianData
from ...measurement.job import Job
from ...measurement.record import Record
from ...settings.content import chosen_keys
from ...training.branches import Refine, SolutionBranch, apart, branches
from ...training.continuation import Rung, climb
from ...training.depth_regularised import DepthRegularised, DepthWeights, Penalties
from ...training.loss_with_curvature import CrossEntropy, Loss, MeanSquareLoss
from ..certificate import of_the_minimiser
from ..degenerate import degenerate_points
from . import branch, starts
from .settings import PROBLEM_OF_DATA, Gamma

Kind = Literal["regression", "classification"]


def penalties(settings: Gamma) -> Penalties:
    """The penalties of these settings; those not given are those of K."""
    keys = settings.gamma
    b, W, c = (keys.alpha if a is None else a for a in (keys.alpha_b, keys.alpha_w, keys.alpha_c))
    return Penalties(K=keys.alpha, b=b, W=W, c=c, t1=keys.tau, t2=keys.tau if keys.tau_b is None else keys.tau_b)


def small(settings: Gamma, kind: Kind, *, dimension: int | None = None, points: int | None = None) -> DepthRegularised:
    """A few points in small dimension: targets of a smooth teacher with noise, or their sign less its median."""
    d, N = dimension or settings.gamma.dimension, points or settings.gamma.points
    dataset = load(GaussianData(train_size=N, test_size=1, features=d), seed=settings.seed)
    x, y = dataset.x_train.double().numpy(), dataset.y_train.double().numpy()
    loss = MeanSquareLoss(y) if kind == "regression" else CrossEntropy((y[:, 0] > np.median(y)).astype(np.int64), 2)
    return DepthRegularised(x, loss, settings.activation, penalties(settings), settings.depth)


def of_the_data(settings: Gamma) -> tuple[DepthRegularised, Dataset]:
    """The first `gamma.train_points` training points of the data set, embedded in the width; and those, with the test
    points, as a data set."""
    whole, count = load(settings.data, seed=settings.seed), settings.gamma.train_points
    dataset = replace(whole, x_train=whole.x_train[:count], y_train=whole.y_train[:count])
    x = embed(dataset.x_train.double(), settings.width, seed=settings.seed).numpy()
    loss = loss_named(dataset, settings.gamma.loss)
    return DepthRegularised(x, loss, settings.activation, penalties(settings), settings.depth), dataset


def loss_named(dataset: Dataset, name: str | None) -> Loss:
    """The loss of this name on the training points; None: cross-entropy of classes, square of targets."""
    if not dataset.classes:
        return MeanSquareLoss(dataset.y_train.double().numpy())
    labels = dataset.y_train.numpy()
    return (
        MeanSquareLoss(np.eye(dataset.classes)[labels]) if name == "square" else CrossEntropy(labels, dataset.classes)
    )


def degenerate(settings: Gamma) -> str | None:
    """What there is no number for, of the points; or None."""
    return degenerate_points(of_the_data(settings)[0].x)


def solution_key(settings: Gamma, kind: str) -> dict[str, Any]:
    """What a minimiser depends on besides its depth."""
    return {**chosen_keys(settings, ("seed", "width", "activation", "data", "gamma")), "problem": kind}


def minima(job: Job, problem: DepthRegularised, kind: str, depth: int) -> list[SolutionBranch]:
    """The minima at every rung up to a depth, for each start (of the small problem: for each that leads to another
    minimum): the branch that is judged first."""
    settings: Gamma = job.settings

    def climbed(start: int, depth: int) -> list[Rung]:
        return climb(
            depth,
            objective=problem.at_depth,
            start=lambda rung: starts.of_the_network(problem.at_depth(rung), settings.seed, start),
            refine=refinement(problem),
            shared=job.shared,
            purpose="minimum",
            key={**solution_key(settings, kind), "start": start},
            tolerance=settings.minimiser.tolerance,
            iterations=settings.minimiser.iterations,
        )

    if kind == PROBLEM_OF_DATA:
        return branches(climbed, depth, range(settings.minimiser.starts))
    told_apart = apart(climbed, starts.distinct_at_lowest(job, problem, solution_key(settings, kind)))
    return branches(climbed, depth, told_apart, beyond=True)


def refinement(problem: DepthRegularised) -> Refine:
    """Where the minimisation at a depth starts, from the minima below it."""
    return lambda rungs, depth: branch.refine(problem, rungs, depth)


def certificate(
    settings: Gamma, problem: DepthRegularised, branches: Sequence[SolutionBranch], where: Any
) -> list[Record]:
    """What says how well the minimum was reached, and on which branch it is."""
    return of_the_minimiser(branches, refinement(problem), settings.minimiser.tolerance, where)


def boundary(problem: DepthRegularised, w: DepthWeights) -> tuple[float, float, float]:
    """`|n (K_1 - K_0) - t1 K_0|`, `|n (K_{n-1} - K_{n-2})|`, and how far the exact conditions at depth n are missed:

        n (K_1 - K_0) = t1 K_0 + (dLoss/dK_0) / (2 a1),      n (K_{n-1} - K_{n-2}) = -(dLoss/dK_{n-1}) / (2 a1)

    relative to `t1 |K_0|`; K and b together. The last holds at a minimum of the discrete problem, at any depth.
    """
    n, p = problem.depth, problem.penalties
    gradient = problem.loss_gradient(w)
    rows = ((w.K.reshape(n, -1), gradient.K.reshape(n, -1), p.K, p.t1), (w.b, gradient.b, p.b, p.t2))
    start = np.concatenate([n * (path[1] - path[0]) - tau * path[0] for path, _, _, tau in rows])
    end = np.concatenate([n * (path[-1] - path[-2]) for path, _, _, _ in rows])
    forces = [np.concatenate([g[k] / (2 * a) for _, g, a, _ in rows]) for k in (0, -1)]
    size = float(np.linalg.norm(np.concatenate([tau * path[0] for path, _, _, tau in rows]))) or 1.0
    missed = max(float(np.linalg.norm(start - forces[0])), float(np.linalg.norm(end + forces[1]))) / size
    return float(np.linalg.norm(start)), float(np.linalg.norm(end)), missed
