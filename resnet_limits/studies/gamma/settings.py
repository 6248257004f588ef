"""The keys of the study `gamma`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ...data.sources.digits import DigitsData
from ...data.sources.source import Data
from ...networks.activations import Activation
from ...settings.base import Settings
from ...settings.keys import WithKeys, fixed, key
from ...settings.training import Minimiser

LOSS_OF_GAMMA = "mean over the points of |output - target|^2, without a factor 1/2, or of -log softmax(outputs)[label]"
"""What is minimised, less the penalties: `training/loss_with_curvature.py`."""

PROBLEM_OF_DATA = "data"
"""The name in the records of the problem that the data set makes."""


@dataclass
class GammaKeys(WithKeys):
    """The keys that only the study `gamma` has. Penalties are per training point: the loss is a mean over points."""

    alpha: float = key(0.03, "penalty a1 of K: n sum_k |K_k - K_{k-1}|^2 + tau |K_0|^2", above=0, high=1e6)
    alpha_b: Optional[float] = key(None, "penalty a2 of b, likewise; null: as gamma.alpha", above=0, high=1e6)
    alpha_w: Optional[float] = key(None, "penalty a3 of the read-out W; null: as gamma.alpha", above=0, high=1e6)
    alpha_c: Optional[float] = key(None, "penalty a4 of the read-out c; null: as gamma.alpha", above=0, high=1e6)
    tau: float = key(1.0, "t1, what the penalty of K makes of |K_0|^2", above=0, high=1e6)
    tau_b: Optional[float] = key(
        None, "t2, what the penalty of b makes of |b_0|^2; null: as gamma.tau", above=0, high=1e6
    )
    loss: Optional[str] = key(
        None,
        "loss on the data set: cross_entropy of classes, square of targets or indicators; null: as suits the data",
        choices=("square", "cross_entropy"),
    )
    dimension: int = key(2, "dimension of the small problem whose limit is solved exactly", low=1, high=4)
    points: int = key(8, "points of the small problem", low=3, high=64)
    starts: int = key(
        64,
        "starts of the small problem, of its networks and of its limit each; of the data set: minimiser.starts",
        low=1,
        high=1000,
    )
    train_points: int = key(300, "training points of the data set that are met, if there are more", low=2, high=10**6)


@dataclass
class Gamma(Settings):
    """Settings of the study `gamma`: minimisers of depth-regularised networks, and their variational limit."""

    study: str = fixed("gamma", "the study")
    replicas: int = key(8, "i.i.d. starts of the networks with other penalties (gamma.ablation)", low=1, high=10**4)
    activation: str = key("tanh", "activation sigma", choices=Activation.options)
    data: Data = key(DigitsData, "data set")
    gamma: GammaKeys = key(GammaKeys, "keys of this study")
    minimiser: Minimiser = key(Minimiser, "how minimisers are found")
