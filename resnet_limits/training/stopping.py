"""Early stopping: each of the networks that train side by side keeps the weights that it had when its rule was met.

    reached   the mean loss of the mini-batches of an epoch is below `loss`
    stalled   it was not below .99 times the least so far for `patience` epochs on end
    exploded  a loss was not finite
    last      neither: these are the weights after the last epoch

A network that has stopped is carried along, unseen, until the last one stops: replicas do not interact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..settings.training import GAIN, Stopping

Parameters = dict[str, Tensor]
ENDS = ("last", "reached", "stalled", "exploded")
"""How the training of a network ends."""


@dataclass
class EarlyStopping:
    """Which of the networks have stopped, after how many steps, how, and with which weights."""

    rule: Stopping
    parameters: Parameters
    kept: Parameters = field(default_factory=dict)

    def __post_init__(self) -> None:
        some = next(iter(self.parameters.values()))
        self.at = torch.full((len(some),), -1, device=some.device)
        self.end, self.stale = torch.zeros_like(self.at), torch.zeros_like(self.at)
        self.best = torch.full((len(some),), torch.inf, dtype=torch.float64, device=some.device)

    @property
    def running(self) -> Tensor:
        return self.at < 0

    def see(self, losses: Tensor, done: int) -> None:
        """Stop the networks whose loss (r,) is not finite, before a step."""
        self._stop(self.running & ~torch.isfinite(losses), done, "exploded")

    def after_epoch(self, losses: Tensor, done: int) -> bool:
        """Stop those that meet the rule, given their losses (steps, r) of an epoch; whether none is left."""
        of_epoch = losses.double().mean(dim=0)
        better = of_epoch < (1 - GAIN) * self.best
        self.best = torch.where(better, of_epoch, self.best)
        self.stale = torch.where(better, 0, self.stale + 1)
        self._stop(self.running & ~_finite(self.parameters), done, "exploded")
        self._stop(self.running & (of_epoch < self.rule.loss), done, "reached")
        self._stop(self.running & (self.stale >= self.rule.patience), done, "stalled")
        return not bool(self.running.any())

    @torch.no_grad()
    def finish(self, done: int) -> None:
        """Put the weights that each network stopped with in place of those that it has now."""
        for name, w in self.kept.items():
            self.parameters[name][~self.running] = w[~self.running]
        self.at = torch.where(self.running, done, self.at)

    def ends(self) -> list[str]:
        """How each network ended."""
        return [ENDS[i] for i in self.end.tolist()]

    @torch.no_grad()
    def _stop(self, which: Tensor, done: int, end: str) -> None:
        if not bool(which.any()):
            return
        for name, w in self.parameters.items():
            self.kept.setdefault(name, torch.zeros_like(w))[which] = w.detach()[which]
        self.at = torch.where(which, done, self.at)
        self.end = torch.where(which, ENDS.index(end), self.end)

    # -- the state, for checkpoints ----------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        numbers = {name: getattr(self, name) for name in NUMBERS_OF_STOPPING}
        return numbers | {f"{KEPT}{name}": w for name, w in self.kept.items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name in NUMBERS_OF_STOPPING:
            setattr(self, name, torch.tensor(arrays[name], device=self.at.device))
        for name, array in arrays.items():
            if name.startswith(KEPT):
                name = name.removeprefix(KEPT)
                self.kept[name] = torch.empty_like(self.parameters[name]).copy_(torch.tensor(array))


NUMBERS_OF_STOPPING = ("at", "end", "best", "stale")
KEPT = "kept."


@torch.no_grad()
def _finite(parameters: Parameters) -> Tensor:
    """Of each replica, whether all its weights are finite."""
    return torch.stack([torch.isfinite(w.flatten(1)).all(dim=1) for w in parameters.values()]).all(dim=0)
