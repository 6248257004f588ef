"""The keys of the study `ode`."""

from __future__ import annotations

from dataclasses import dataclass

from ...data.sources.digits import DigitsData
from ...data.sources.source import Data
from ...networks.activations import Activation
from ...networks.blocks.block import Block
from ...networks.blocks.one import OneBlock
from ...networks.blocks.two import TwoBlock
from ...paths.laws.law import Init
from ...paths.laws.smooth import SmoothLaw
from ...settings.base import Settings
from ...settings.keys import WithKeys, fixed, key
from ...settings.training import Train


@dataclass
class OdeKeys(WithKeys):
    """The keys that only the study `ode` has."""

    inputs: int = key(16, "training points that are followed through the networks of given weights", low=1, high=10**5)
    draws: int = key(64, "draws of the start whose trained networks are compared (ode.random_start)", low=1, high=10**5)
    paths: int = key(
        8, "smooth weight paths drawn side by side; errors are root mean squares over them", low=1, high=10**5
    )


@dataclass
class Ode(Settings):
    """Settings of the study `ode`: networks with given and with trained weights against the neural ODE."""

    study: str = fixed("ode", "the study")
    activation: str = key("tanh", "activation phi", choices=Activation.options)
    block: Block = key(OneBlock, "vector field of a layer")
    init: Init = key(SmoothLaw, "law of the weights over depth")
    data: Data = key(DigitsData, "data set")
    train: Train = key(Train, "training")
    ode: OdeKeys = key(OdeKeys, "keys of this study")


def two_matrices(settings: Ode, width: int) -> TwoBlock:
    """The settings' own block where it is of two matrices, else one that is twice as wide inside."""
    return settings.block if isinstance(settings.block, TwoBlock) else TwoBlock(hidden=2 * width)
