"""The keys of the study `flow`."""

from __future__ import annotations

from dataclasses import dataclass

from ...data.sources.source import Data
from ...data.sources.spirals import SpiralsData
from ...networks.activations import Activation
from ...networks.blocks.block import Block
from ...networks.blocks.two import TwoBlock
from ...paths.laws.law import Init
from ...paths.laws.smooth import SmoothLaw
from ...settings.base import Settings
from ...settings.keys import WithKeys, fixed, key
from ...settings.training import Train


@dataclass
class ImageKeys(WithKeys):
    """The keys of the convolutional networks of the study `flow`."""

    units: list[int] = key(lambda: [1, 3], "residual units a stage; a network for each", low=1, high=1000)
    channels: int = key(8, "channels of the first of three stages, even; twice as many in each next", low=1, high=4096)
    points: int = key(2000, "training images, and test images, if there are more", low=2, high=10**7)
    epochs: int = key(10, "passes over the training images", low=1, high=10**6)
    batch_size: int = key(100, "images a mini-batch", low=1, high=10**7)
    lr: float = key(0.1, "learning rate: sgd, momentum 0.9, cosine schedule", above=0, high=1e6)
    replicas: int = key(3, "networks trained for each number of units", low=1, high=10**4)


@dataclass
class FlowKeys(WithKeys):
    """The keys that only the study `flow` has."""

    inputs: int = key(32, "training points that are followed through the networks of given weights", low=1, high=10**5)
    paths: int = key(8, "weight paths drawn side by side; errors are root mean squares over them", low=1, high=10**5)
    points: int = key(256, "points at which Jacobians of blocks are taken", low=4, high=10**6)
    trained_depth: int = key(16, "depth of the trained networks, if the job is deeper", low=1, high=10**4)
    bound: float = key(0.9, "Lipschitz constant of a block that controls aim at, below 1", above=0, below=1)
    lipschitz_penalty: float = key(
        1.0, "weight of the Lipschitz penalty: mean over blocks of max(0, Lip(h v_k) - flow.bound)^2", above=0, high=1e6
    )
    inverse_penalty: float = key(
        1.0,
        "weight of the inverse-consistency penalty: mean over points of |phi_-v(phi_v(x)) - x|^2",
        above=0,
        high=1e6,
    )
    h1_penalty: float = key(
        1e-4, "weight of the H1 penalty: L sum_k |theta_k - theta_(k-1)|^2 + |theta_0|^2", above=0, high=1e6
    )
    images: ImageKeys = key(ImageKeys, "convolutional networks")


def _flow_training() -> Train:
    return Train(epochs=60, batch_size=100, optimizer="adam", lr=0.015, schedule="cosine", replicas=12)


@dataclass
class Flow(Settings):
    """Settings of the study `flow`: residual networks as flows of diffeomorphisms. Blocks suit the plane: 16 wide."""

    study: str = fixed("flow", "the study")
    width: int = key(2, "dimension D of the state; images go through networks of their own", low=1, high=65536)
    replicas: int = key(256, "random networks whose blocks are searched for folds", low=3, high=10**6)
    preset: str = key("full", "size of the study", choices=("full", "smoke", "large"))
    activation: str = key("tanh", "activation phi", choices=Activation.options)
    block: Block = key(lambda: TwoBlock(hidden=16), "vector field of a layer")
    init: Init = key(SmoothLaw, "law of the weights over depth; shared weights are measured beside it")
    data: Data = key(SpiralsData, "data set")
    train: Train = key(_flow_training, "training")
    flow: FlowKeys = key(FlowKeys, "keys of this study")
