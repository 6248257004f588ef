"""The keys of the study `exponents`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ...data.sources.source import Data
from ...data.sources.tanh_flow import TanhFlowData
from ...networks.activations import Activation
from ...networks.blocks.block import Block
from ...networks.blocks.two import TwoBlock
from ...paths.laws.iid import IidLaw
from ...paths.laws.law import Init
from ...settings.base import Settings
from ...settings.keys import WithKeys, fixed, key
from ...settings.training import Stopping, Train

WIDTH_OF_EXPONENTS = 40
"""That of the figures of Marion, Fermanian, Biau & Vert 2022."""


@dataclass
class ScalingKeys(WithKeys):
    """The factor on a block."""

    beta: list[float] = key(
        lambda: [0.25, 0.5, 1.0],
        "exponents of the factor L^-beta on a block, measured side by side on the same weights",
        low=0,
        high=4,
    )


@dataclass
class TrainedKeys(WithKeys):
    """Networks with a learnt branch scale, and when their training stops (`trained/network.py`)."""

    scale: str = key(
        "shared",
        "learnt branch scale: shared by all layers, or one for each of the layers",
        choices=("shared", "layers"),
    )
    stop: float = key(
        0.005, "a network stops when the mean loss of the mini-batches of an epoch is below", above=0, high=1e6
    )
    patience: int = key(5, "and after so many epochs on end without a gain of 1 %", low=1, high=10**6)
    start: float = key(0.01, "size of the weights at the start, in units of 1/L", above=0, high=1e3)
    width: Optional[int] = key(None, "dimension of the state; null: that of the points", low=1, high=4096)
    embedding: str = key(
        "none", "convolution: images go through two fixed random convolutions", choices=("none", "convolution")
    )
    deepest: int = key(128, "the largest depth at which networks are trained", low=8, high=10**4)

    @property
    def stopping(self) -> Stopping:
        """The rule by which training stops."""
        return Stopping(self.stop, self.patience)


@dataclass
class ExponentsKeys(WithKeys):
    """The keys that only the study `exponents` has."""

    inputs: int = key(16, "orthogonal inputs over which the growth of a network is averaged", low=1, high=1024)
    networks: int = key(
        32,
        "networks of the search for the critical exponent (depths L/64, L/8 and L)",
        low=4,
        high=10**4,
    )
    betas: int = key(10, "betas from lowest to highest of the map exponents.frontier", low=2, high=1000)
    lowest: float = key(0.0, "where the search begins: the smallest beta", low=0, high=4)
    highest: float = key(1.5, "where the search ends: the largest beta", above=0, high=4)
    trained: TrainedKeys = key(TrainedKeys, "networks that are trained")


def _exponents_training() -> Train:
    return Train(epochs=200, batch_size=32, optimizer="adam", lr=0.001, replicas=16)


@dataclass
class Exponents(Settings):
    """Settings of the study `exponents`: networks with the factor L^-beta on a block, and which limit they have."""

    study: str = fixed("exponents", "the study")
    preset: str = key("full", "size of the study; frontier: its map alone", choices=("full", "smoke", "frontier"))
    width: int = key(WIDTH_OF_EXPONENTS, "dimension D of the state", low=1, high=65536)
    replicas: int = key(1024, "networks sampled side by side", low=2, high=10**6)
    activation: str = key("relu", "activation phi", choices=Activation.options)
    block: Block = key(lambda: TwoBlock(hidden=WIDTH_OF_EXPONENTS), "vector field of a layer")
    init: Init = key(lambda: IidLaw(sigma_b=0.0), "law of the weights over depth")
    scaling: ScalingKeys = key(ScalingKeys, "the factor on a block")
    data: Data = key(TanhFlowData, "data set on which networks are trained")
    train: Train = key(_exponents_training, "training")
    exponents: ExponentsKeys = key(ExponentsKeys, "keys of this study")
