"""How networks are trained, and how minimisers are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..errors import SettingError
from .keys import WithKeys, key

LOSS_OF_NETWORKS = (
    "mean over the points of -log softmax(scores)[label], without a factor; of targets |scores - target|^2 / 2, summed"
    " over the outputs"
)
"""What networks are trained by: `training/loss_of_replicas.py`."""


@dataclass
class Train(WithKeys):
    """How networks are trained."""

    epochs: int = key(3, "passes over the training points", low=1, high=10**6, short="epochs")
    batch_size: int = key(140, "points a mini-batch", low=1, high=10**7, short="batch")
    optimizer: str = key("sgd", "sgd, adam or adamw, as torch has them", choices=("sgd", "adam", "adamw"))
    lr: float = key(0.5, "learning rate; of the layer weights: times depth^lr_exponent", above=0, high=1e6, short="lr")
    lr_exponent: Optional[float] = key(
        None,
        "learning rate of the layer weights ~ depth^lr_exponent; null: as theory asks, 1 for sgd, 0 for adam and adamw",
        low=-10,
        high=10,
    )
    momentum: float = key(0.0, "momentum of sgd", low=0, below=1)
    weight_decay: float = key(0.0, "decay of all parameters; of adamw decoupled from the gradient", low=0, high=1e6)
    schedule: str = key("constant", "learning rate over the steps", choices=("constant", "cosine"))
    replicas: int = key(4, "networks trained side by side in one job", low=1, high=10**5)
    memory: float = key(
        512.0,
        "MB of activations to keep for the backward pass; what does not fit is computed twice, with the same result",
        low=0,
        high=1e9,
        content=False,
    )
    checkpoint_seconds: float = key(30.0, "seconds from one checkpoint to the next", low=0, high=1e6, content=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.momentum and self.optimizer != "sgd":
            raise SettingError(f"train.momentum={self.momentum}: only train.optimizer=sgd has a momentum of this name")


GAIN = 0.01
"""Fraction by which the loss of an epoch has to fall below the least before it, to count as a gain."""


@dataclass(frozen=True)
class Stopping:
    """When a network stops early (`training/stopping.py`): a loss of an epoch, and epochs on end without a gain."""

    loss: float
    patience: int

    def __str__(self) -> str:
        return f"loss of an epoch below {self.loss:g}, or {self.patience} epochs without a gain of {GAIN:.0%}"


@dataclass
class Minimiser(WithKeys):
    """How minimisers of regularised problems are found: `training/minimiser.py`."""

    starts: int = key(
        1, "starts of the minimisation; where their minima differ it is said, never averaged", low=1, high=1000
    )
    tolerance: float = key(
        1e-10, "gradient norm times size of the point by value, at which it is reached", above=0, high=1
    )
    iterations: int = key(200, "iterations at most, of L-BFGS and of Newton's method each", low=1, high=10**6)
