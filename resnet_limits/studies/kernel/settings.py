"""The keys of the study `kernel`."""

from __future__ import annotations

from dataclasses import dataclass

from ...data.sources.digits import DigitsData
from ...data.sources.source import Data
from ...networks.activations import Activation
from ...paths.laws.iid import IidLaw
from ...paths.laws.law import Init
from ...settings.base import Settings
from ...settings.keys import WithKeys, fixed, key


@dataclass
class MiniBatchKeys(WithKeys):
    """Networks of finite width that are trained on mini-batches."""

    width: int = key(64, "their width D", low=1, high=65536)
    points: int = key(2000, "their training points, if there are more", low=2, high=10**7)
    epochs: int = key(10, "passes over the training points", low=1, high=10**6)
    batch_size: int = key(50, "points a mini-batch, if there are so many", low=1, high=10**7)
    sgd: float = key(5.0, "learning rate of sgd, all parameters", above=0, high=1e6)
    adam: float = key(0.03, "learning rate of adam; of the layers over the root of the depth", above=0, high=1e6)
    networks: int = key(6, "networks trained side by side", low=2, high=10**4)


@dataclass
class KernelKeys(WithKeys):
    """The keys that only the study `kernel` has."""

    inputs: int = key(4, "training points whose kernel entries are held against finite networks", low=2, high=256)
    read_in: bool = key(True, "the read-in is trained too: its term in the tangent kernel")
    readout: bool = key(True, "the read-out is trained too: its term in the tangent kernel")
    ridge: float = key(
        0.1, "variance of the noise on the targets: what is added to the diagonal of a kernel", low=0, high=1e6
    )
    networks: int = key(30, "finite networks that are trained; of narrower ones twice as many", low=2, high=10**4)
    trained_depth: int = key(16, "depth of the trained networks, if the job is deeper", low=1, high=10**5)
    points: int = key(200, "training points of the trained networks", low=2, high=10**5)
    steps: int = key(50, "steps of gradient descent, full batch", low=1, high=10**6)
    rate: float = key(
        0.5, "step of gradient descent, in units of one over the largest eigenvalue of the kernel", above=0, below=2
    )
    deep_points: int = key(
        10000,
        "training points of the deep block's kernel, if there are more; beyond 20000 by conjugate gradients, minutes",
        low=2,
        high=60000,
    )
    mini_batch: MiniBatchKeys = key(MiniBatchKeys, "networks trained on mini-batches")


@dataclass
class Kernel(Settings):
    """Settings of the study `kernel`: width and depth infinite, Gaussian processes and tangent kernels."""

    study: str = fixed("kernel", "the study")
    width: int = key(128, "largest width D of the finite networks; also D/8, D/4, D/2", low=8, high=65536)
    replicas: int = key(1024, "finite networks sampled at each width", low=2, high=10**6)
    preset: str = key("full", "size of the study", choices=("full", "smoke", "large"))
    activation: str = key("tanh", "activation phi outside the affine map", choices=Activation.options)
    init: Init = key(IidLaw, "law of the weights of a layer")
    data: Data = key(DigitsData, "data set")
    kernel: KernelKeys = key(KernelKeys, "keys of this study")
