"""`hamiltonian.robustness.*`: three ways to regularise, each at its best parameter, under noise of the inputs.

    decay     min factor nu/2 L sum_s |w_s|^2 + loss
    nugget    min nu/2 L sum_s (|w_s|^2 + |e_s|^2 / r) + loss,      the training points moved by e_s too
    dropout   min nu/2 L sum_s |w_s|^2 + mean over masks of loss

    robust_difference = accuracy of the nugget less that of another, test points plus noise, mean over paired seeds

A seed, one of the key `replicas`, has training points, a validation split, a start, masks and noise of its own, which
the arms share. Networks are minimised to the end, and run without nugget or masks: new points see layers alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....data.dataset import Dataset
from ....errors import Undetermined
from ....limits.hamiltonian.nugget import NuggetKernel
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....random import generator
from ....training.minimiser import minimise
from ...pinned import pinned
from ..dropout import DroppedNetwork, masks_of_dropout
from ..network import WeightDecayedNetwork
from ..problem import (
    START_STANDARD_DEVIATION,
    Setup,
    dataset_of,
    embedded,
    kernel_of,
    loss_of,
    targets_of_loss,
)
from ..settings import Hamiltonian
from .claims import (
    MASKS_OF_DROPOUT,
    MOST_POINTS_OF_VALIDATION,
    NOISE_LEVELS,
    PARAMETERS_BY_ARM,
    PINS_OF_ROBUSTNESS,
)

GRADIENT_NORM_OF_ARMS = 1e-8
"""Relative gradient norm to which each network is minimised."""
DRAWS_OF_NOISE = 4
"""Of each point."""


def measure(job: Job) -> Measurement:
    settings = pinned(job.settings, PINS_OF_ROBUSTNESS)
    data, seeds = dataset_of(settings), settings.replicas
    accuracies, chosen, reached = [], [], []
    for r in range(seeds):
        one = Repetition(settings, data, r)
        tries_by_arm = []
        for a, arm in enumerate(PARAMETERS_BY_ARM):
            job.progress((r + a / len(PARAMETERS_BY_ARM)) / seeds, f"seed {r}: {arm}")
            tries_by_arm.append(list(one.tried(arm)))
        best = [[best_of(tries, level) for level in range(len(NOISE_LEVELS))] for tries in tries_by_arm]
        chosen.append(best)
        pairs = zip(tries_by_arm, best, strict=True)
        accuracies.append([[tries[b].test[level] for level, b in enumerate(row)] for tries, row in pairs])
        reached += [attempt.reached for tries in tries_by_arm for attempt in tries]
    records = [Record("robust_reached", float(np.mean(reached)), coordinates=robustness_at(), replicas=seeds)]
    records += of_arms(np.array(accuracies), np.array(chosen))
    return Measurement(records)


def robustness_at(**more: object) -> dict[str, object]:
    return {"of": "robustness", **PINS_OF_ROBUSTNESS, **more}


@dataclass(frozen=True)
class Attempt:
    """Accuracies of a network by level of the noise, on the validation split and on test points, and whether it was
    minimised to the end."""

    validation: tuple[float, ...]
    test: tuple[float, ...]
    reached: bool


def best_of(tries: list[Attempt], level: int) -> int:
    """That of the largest accuracy on the validation split; of several the first."""
    return int(np.argmax([attempt.validation[level] for attempt in tries]))


class Repetition:
    """One seed of the comparison: what all arms share."""

    def __init__(self, settings: Hamiltonian, data: Dataset, index: int) -> None:
        self.settings, self.index = settings, index
        points, order = settings.hamiltonian.points, self._stream("split").permutation(len(data.x_train))
        train, held = torch.from_numpy(order).split([points, len(order) - points])
        if not len(held):
            raise Undetermined(
                f"no training points are left to choose by: take data.train_size above hamiltonian.points={points}"
            )
        held = held[:MOST_POINTS_OF_VALIDATION]
        self.x, self.y = data.x_train[train], targets_of_loss(data, settings.hamiltonian.loss, data.y_train[train])
        self.problem = Setup(
            kernel_of(settings), embedded(self.x, settings), settings.hamiltonian.nu, loss_of(settings, self.y)
        )
        self.validation = self._noisy(data.x_train[held], data.y_train[held], "validation")
        self.test = self._noisy(data.x_test, data.y_test, "test")

    def tried(self, arm: str) -> Iterator[Attempt]:
        """A network for each parameter of the arm."""
        for parameter in PARAMETERS_BY_ARM[arm]:
            network = self.network(arm, parameter)
            iterations = self.settings.minimiser.iterations
            start, tolerance = self.start(network.shape), GRADIENT_NORM_OF_ARMS
            end = minimise(network, start, tolerance=tolerance, iterations=iterations, certify=False)
            w = network.weights(end.point)
            yield Attempt(self._accuracies(w, self.validation), self._accuracies(w, self.test), end.converged)

    def start(self, shape: tuple[int, int, int]) -> np.ndarray:
        """Small weights of the layers, those of single points zero."""
        shared = self.problem.network(self.settings.depth).shape
        start = np.zeros(shape)
        start[..., : shared[2]] = START_STANDARD_DEVIATION * self._stream("start").standard_normal(shared)
        return start.ravel()

    def network(self, arm: str, parameter: float) -> WeightDecayedNetwork:
        """What this arm minimises."""
        problem, depth = self.problem, self.settings.depth
        if arm == "nugget":
            keys = self.settings
            kernel = NuggetKernel(activation_named(keys.activation), keys.hamiltonian.bias, r=parameter)
            return replace(problem, kernel=kernel).network(depth)
        if arm == "decay":
            return replace(problem, nu=parameter * problem.nu).network(depth)
        q, y = problem.q0.repeat(MASKS_OF_DROPOUT, 1), self.y.repeat(MASKS_OF_DROPOUT, 1)
        masks = masks_of_dropout((depth, *q.shape), parameter, self._stream("masks"))
        return DroppedNetwork(problem.kernel, q, problem.nu, loss_of(self.settings, y), depth, masks)

    def _stream(self, purpose: str) -> np.random.Generator:
        return generator(self.settings.seed, f"hamiltonian.robustness.{purpose}", self.index)

    def _noisy(self, x: Tensor, labels: Tensor, purpose: str) -> list[tuple[Float[Tensor, "m d"], Tensor]]:
        """By level the points with noise, embedded, and their labels."""
        draw = torch.from_numpy(self._stream(purpose).standard_normal((DRAWS_OF_NOISE, *x.shape)))
        noisy = [(x + level * draw).flatten(0, 1) for level in NOISE_LEVELS]
        return [(embedded(points, self.settings), labels.repeat(DRAWS_OF_NOISE)) for points in noisy]

    def _accuracies(self, w: Tensor, noisy: list[tuple[Tensor, Tensor]]) -> tuple[float, ...]:
        """By level, of the layers on points that had no part in the training."""
        layers, loss = self.problem.network(len(w)), self.problem.loss
        w = w[..., : layers.shape[2]]
        states = layers.states(w)
        ends = [(layers.carried_along(x, w, states)[-1], labels) for x, labels in noisy]
        return tuple(float((classes_of(loss.scorer(layers.q0)(end)) == labels).double().mean()) for end, labels in ends)


def classes_of(scores: Float[Tensor, "m o"]) -> Tensor:
    """The class of the largest score, or of the sign of one."""
    return (scores[:, 0] > 0).long() if scores.shape[1] == 1 else scores.argmax(dim=1)


def of_arms(accuracies: np.ndarray, chosen: np.ndarray) -> Iterator[Record]:
    """Means over seeds of what was chosen, by arm and level, from (seeds, arms, levels)."""
    seeds = len(accuracies)

    def mean(name: str, values: np.ndarray, **where: object) -> Record:
        stderr = float(values.std(ddof=1)) / math.sqrt(seeds) if seeds > 1 else math.nan
        return Record(name, float(values.mean()), stderr=stderr, coordinates=robustness_at(**where), replicas=seeds)

    for level, noise in enumerate(NOISE_LEVELS):
        for a, (arm, parameters) in enumerate(PARAMETERS_BY_ARM.items()):
            best, accuracy = chosen[:, a, level], accuracies[:, a, level]
            yield mean("robust_accuracy", accuracy, arm=arm, noise=noise)
            at_end = np.isin(best, (0, len(parameters) - 1))
            for name, value in (
                ("robust_parameter", float(np.exp(np.log(np.array(parameters)[best]).mean()))),
                ("robust_at_end", float(at_end.mean())),
            ):
                yield Record(name, value, coordinates=robustness_at(arm=arm, noise=noise), replicas=seeds)
            if arm != "nugget":
                yield mean("robust_difference", accuracies[:, 0, level] - accuracy, against=arm, noise=noise)
