"""The keys of the study `sde`."""

from __future__ import annotations

from dataclasses import dataclass

from ...data.sources.gaussian import GaussianData
from ...data.sources.source import Data
from ...networks.activations import Activation
from ...paths.laws.iid import IidLaw
from ...paths.laws.law import Init
from ...settings.base import Settings
from ...settings.keys import WithKeys, fixed, key


@dataclass
class SdeKeys(WithKeys):
    """The keys that only the study `sde` has."""

    inputs: int = key(2, "inputs that share the weights of a network", low=1, high=10**4)
    norm: float = key(1.0, "with data=gaussian: |x|^2 / width of each input", above=0, high=1e6)
    correlation: float = key(0.5, "with data=gaussian: cosine of the angle between any two inputs", low=-1, high=1)
    threshold: float = key(
        1e6, "with sde.explosion: |x|^2 / width from which a network counts as exploded", above=1, high=1e100
    )


@dataclass
class Sde(Settings):
    """Settings of the study `sde`: networks with random weights of size sqrt(h), and diffusions.

    The constants of weak errors grow like exp(sigma_w^2 T): at sigma_w = 0.5 orders are seen from depth 32 on.
    """

    study: str = fixed("sde", "the study")
    activation: str = key("tanh", "activation phi outside the affine map", choices=Activation.options)
    activation_inside: str = key("identity", "activation psi inside the affine map", choices=Activation.options)
    init: Init = key(lambda: IidLaw(sigma_w=0.5, sigma_b=0.5), "law of the weights of a layer")
    replicas: int = key(1024, "networks sampled side by side", low=2, high=10**8)
    data: Data = key(GaussianData, "data set that the inputs are taken from; gaussian: of given norms and angles")
    sde: SdeKeys = key(SdeKeys, "keys of this study")
