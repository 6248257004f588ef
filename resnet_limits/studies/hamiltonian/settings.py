"""The keys of the study `hamiltonian`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

from ...data.sources.moons import MoonsData
from ...data.sources.source import Data
from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ...limits.hamiltonian.losses.loss import PointwiseLoss
from ...networks.activations import Activation
from ...settings.base import Settings
from ...settings.keys import WithKeys, fixed, key
from ...settings.training import Minimiser

LOSS_OF_HAMILTONIAN = (
    "mean over the points of l(score, target): square |s - y|^2 / 2, logistic -log softmax(s) . y, squared_hinge"
    " max(0, 1 - y s)^2 / 2, squared_insensitive |max(0, |s - y| - insensitive)|^2 / 2; beside nu/2 times the"
    " path energy"
)
"""What is minimised: `limits/hamiltonian/end_loss.py`."""


@dataclass
class HamiltonianKeys(WithKeys):
    """The keys that only the study `hamiltonian` has."""

    nu: float = key(0.03, "weight of the path energy against the loss", above=0, high=1e6)
    loss: str = key(
        "square",
        "loss of the scores at the end, a mean over the points",
        choices=PointwiseLoss.options,
    )
    readout: str = key(
        "fixed",
        "scores: the last coordinates (fixed), means of the last channels over the sites (pooled), an affine map"
        " (linear) or kernel ridge regression (ridge) of the state",
        choices=("fixed", "pooled", "linear", "ridge"),
    )
    ridge: float = key(0.01, "penalty of a read-out that is trained, and of maps between blocks", above=0, high=1e6)
    insensitive: float = key(0.5, "squared_insensitive: errors up to this cost nothing", above=0, high=1e6)
    kernel: str = key(
        "features",
        "kernel of a layer: features (a(x), 1) of the activation, equivariant (those of windows of an image, which"
        " share one filter), gaussian, or periodic (2 pi in each coordinate)",
        choices=OperatorKernel.options,
    )
    length: float = key(1.0, "length scale of the Gaussian kernel, and of the periodic one", low=1e-3, high=1e3)
    bias: bool = key(True, "whether a layer of features has a bias: (a(x), 1), or a(x) alone")
    window: int = key(3, "side of the windows of the equivariant kernel, an odd number of sites", low=1, high=99)
    generators: Optional[list[list[int]]] = key(
        None,
        "permutations whose group the equivariant kernel has, each by the sites that 0, 1, .. are brought to:"
        " [[1,2,3,0],[3,2,1,0]]; null: the cyclic shifts of the data's grid",
        low=0,
        sparse=True,
    )
    patch: Optional[list[int]] = key(
        None,
        "with hamiltonian.generators: the sites that an element brings to those which its row of features sees; null:"
        " all",
        low=0,
        sparse=True,
    )
    scheme: str = key(
        "euler",
        "blocks: euler q + w f(q), or heun q + w (f(q) + f(q + w f(q)))/2, of the features of an activation",
        choices=("euler", "heun"),
    )
    integrator: str = key(
        "rk4", "integrator of the shooting", choices=("symplectic_euler", "leapfrog", "midpoint", "rk4")
    )
    steps: int = key(512, "steps of the shooting; half as many tell its error", low=8, high=10**5)
    blocks: int = key(
        2, "blocks of layers in hamiltonian.composed, an affine map of features between two", low=2, high=16
    )
    points: int = key(100, "training points that the network moves", low=1, high=10**5)


@dataclass
class Hamiltonian(Settings):
    """Settings of the study `hamiltonian`: L2-regularised minimisers and geodesic shooting."""

    study: str = fixed("hamiltonian", "the study")
    preset: str = key("full", "size of the study; nugget: its comparison alone", choices=("full", "smoke", "nugget"))
    width: int = key(
        2, "dimension D of the state; points of a smaller dimension are padded with zeros", low=1, high=65536
    )
    replicas: int = key(
        40, "independent draws: of data, particles, masks, targets; seeds of hamiltonian.robustness", low=3, high=10**4
    )
    activation: str = key("tanh", "activation a, before the weights", choices=Activation.options)
    data: Data = key(MoonsData, "data set")
    minimiser: Minimiser = key(Minimiser, "minimisation")
    hamiltonian: HamiltonianKeys = key(HamiltonianKeys, "keys of this study")

    def grid(self) -> tuple[int, ...]:
        """The sites of a point: rows and columns of an image, else its features in a circle."""
        shape = self.data.shape()
        return (self.data.dimension(),) if shape is None else shape[1:]

    def sites(self) -> int:
        """Those that the kernel of windows permutes: of the generators, else of the grid."""
        generators = self.hamiltonian.generators
        return math.prod(self.grid()) if generators is None else len(generators[0])

    def channels(self) -> int:
        """Values of a state at each site."""
        return self.width // self.sites()
