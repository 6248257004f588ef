"""Networks of given weights and the flow of diffeomorphisms, as functions of points."""

from __future__ import annotations

from typing import Any

import torch

from ... import device
from ...errors import SettingError
from ...limits.flow import DrivenFlow, FlowMap
from ...networks.residual import ResidualNetwork
from ...networks.states import as_states
from ...networks.steps import STEPS
from ..pair import PairedSample
from .problem import driven, dtype_of_numbers, embedded_points
from .settings import Flow


def network(settings: Flow) -> ResidualNetwork:
    """The Euler network along `flow.paths` paths of weights."""
    its_flow = _driven(settings)
    weights = its_flow.weights(STEPS["euler"], settings.depth)
    return ResidualNetwork(its_flow.field, STEPS["euler"], weights, its_flow.step_size(settings.depth))


def limit(settings: Flow) -> FlowMap:
    """The flow along the same paths. Raises `SettingError` for weights that are not smooth in time."""
    needs = "the flow is solved along weights that are smooth in time (smooth, tied)"
    if (reason := settings.init.unless("smooth", needs)) is not None:
        raise SettingError(f"{reason}; compare rl.network at two depths")
    return _driven(settings, torch.float64).map()


def sample(settings: Flow, x0: Any = None) -> PairedSample:
    """Network and limit along the same weights, from the first training points unless others are given."""
    its_limit, its_network = limit(settings), network(settings)  # the limit first: it may be refused
    width = settings.width
    x = embedded_points(settings, settings.flow.inputs, width) if x0 is None else as_states(x0, width, _start(settings))
    return PairedSample(x, its_network(x), its_limit(x), paired=True)


def _start(settings: Flow) -> torch.Tensor:
    return torch.zeros(1, settings.width, dtype=dtype_of_numbers(settings), device=device.resolve(settings.device))


def _driven(settings: Flow, dtype: torch.dtype | None = None) -> DrivenFlow:
    start = _start(settings).to(dtype or dtype_of_numbers(settings))
    return driven(settings, "free", depth=settings.depth, dtype=dtype, x=start)
