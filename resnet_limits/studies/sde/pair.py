"""Networks with random weights of size sqrt(T/L) and their SDE, as functions of points."""

from __future__ import annotations

from typing import Any

import torch

from ... import device
from ...errors import SettingError
from ...networks.states import as_states
from ...random import Stream
from ...sampling.of_init import law_of
from ...sampling.schemes import EulerMaruyama, ShallowNetwork, Walker
from ..pair import PairedSample
from ..random_networks import LayerNoise, RandomNetworks
from .outside import kinked_outer
from .problem import inputs
from .settings import Sde

LAYERS_OF_SDE_A_LAYER = 8
"""Layers of the scheme that stands for the SDE, for each of the network's."""


def network(settings: Sde) -> RandomNetworks:
    """`replicas` networks of the settings."""
    return RandomNetworks(_network(settings), _noise(settings), _like(settings))


def limit(settings: Sde) -> RandomNetworks:
    """`replicas` draws of the SDE, by Euler and Maruyama with `LAYERS_OF_SDE_A_LAYER` steps for each layer.

    Raises `SettingError` for an activation without a Taylor expansion at 0.
    """
    return RandomNetworks(_scheme(settings), _noise(settings), _like(settings))


def sample(settings: Sde, x0: Any = None) -> PairedSample:
    """Networks and SDE on one noise, from the study's inputs unless others are given."""
    x = inputs(settings) if x0 is None else as_states(x0, settings.width, _like(settings))
    ends = _noise(settings).ends([_network(settings), _scheme(settings)], x)
    return PairedSample(x, ends[0], ends[1], paired=True)


def _network(settings: Sde) -> Walker:
    return Walker(ShallowNetwork(settings.activation, settings.activation_inside), settings.depth)


def _scheme(settings: Sde) -> Walker:
    if (reason := kinked_outer(settings)) is not None:
        raise SettingError(reason)
    law = law_of(settings.init, settings.width)
    scheme = EulerMaruyama(settings.activation, settings.activation_inside, law)
    return Walker(scheme, LAYERS_OF_SDE_A_LAYER * settings.depth)


def _noise(settings: Sde) -> LayerNoise:
    law = law_of(settings.init, settings.width)
    return LayerNoise(law, settings.horizon, Stream(settings.seed, "sde.pair"), settings.replicas)


def _like(settings: Sde) -> torch.Tensor:
    dtype = getattr(torch, settings.dtype)
    return torch.zeros(1, settings.width, dtype=dtype, device=device.resolve(settings.device))
