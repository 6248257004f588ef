"""What a sink is shown of a training, averaged over the replicas: at most one point in so many seconds."""

from __future__ import annotations

import time

from torch import Tensor

from ..measurement.sink import NoSink, Sink
from .trained import TrainedParameters

SECONDS_BETWEEN_POINTS = 0.1
"""Seconds from one point to the next; an epoch ends with a point in any case."""


class Shown:
    """Shows loss and gradient norm by step, what is observed after an epoch by number of steps, as the records have it.

    Waits for the device only where a point is shown.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink, self._next = sink, 0.0

    def step(self, trained: TrainedParameters, *, is_last: bool) -> None:
        """Show the last step, where it is due or the last of an epoch."""
        now = time.monotonic()
        if isinstance(self._sink, NoSink) or (now < self._next and not is_last):
            return
        self._next = now + SECONDS_BETWEEN_POINTS
        by_step = {"train_loss": trained.losses, "gradient_norm": trained.gradient_norms}
        done = len(trained.losses)
        self._sink.scalars(done - 1, {name: _mean(values[-1]) for name, values in by_step.items()})
        if is_last:
            by_epoch = {
                "test_loss": trained.test_losses,
                "test_accuracy": trained.accuracies,
                "roughness": trained.roughness,
                "largest_increment": trained.largest_increment,
            }
            self._sink.scalars(done, {name: _mean(values[done]) for name, values in by_epoch.items() if values})


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
