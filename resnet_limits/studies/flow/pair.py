"""Networks of given weights and the flow of diffeomorphisms, as functions of points."""

from __future__ import annotations

from typing import Any

import torch

from ... import device
from ...limits.flow import DrivenFlow, FlowMap
from ...networks.residual import ResidualNetwork
from ...networks.states import as_states
from ...networks.steps import STEPS
from ..pair import PairedSample, require_smooth
from .problem import driven, dtype_of_numbers, embedded_points
from .settings import Flow


def network(settings: Flow) -> ResidualNetwork:
    """The Euler network along `flow.paths` paths of weights."""
    driven_flow = _driven(settings)
    weights = driven_flow.weights(STEPS["euler"], settings.depth)
    return ResidualNetwork(driven_flow.field, STEPS["euler"], weights, driven_flow.step_size(settings.depth))


def limit(settings: Flow) -> FlowMap:
    """The flow along the same paths. Raises `SettingError` for weights that are not smooth in time."""
    require_smooth(settings.init)
    return _driven(settings, torch.float64).map()


def sample(settings: Flow, x0: Any = None) -> PairedSample:
    """Network and limit along the same weights, from the first training points unless others are given."""
    flow, residual_network = limit(settings), network(settings)  # the limit first: it may be refused
    width = settings.width
    x = embedded_points(settings, settings.flow.inputs, width) if x0 is None else as_states(x0, width, _start(settings))
    return PairedSample(x, residual_network(x), flow(x), paired=True)


def _start(settings: Flow) -> torch.Tensor:
    return torch.zeros(1, settings.width, dtype=dtype_of_numbers(settings), device=device.resolve(settings.device))


def _driven(settings: Flow, dtype: torch.dtype | None = None) -> DrivenFlow:
    start = _start(settings).to(dtype or dtype_of_numbers(settings))
    return driven(settings, "free", depth=settings.depth, dtype=dtype, x=start)
