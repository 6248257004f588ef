"""Networks of given weights and the neural ODE, as functions of points."""

from __future__ import annotations

from typing import Any

import torch

from ... import device
from ...limits.averaged import averaged_field
from ...limits.flow import FLOW_TOLERANCE, DrivenFlow, FlowMap
from ...networks.residual import ResidualNetwork
from ...networks.states import as_states
from ...networks.steps import STEPS
from ..pair import PairedSample, require_smooth
from .problem import embedded_inputs, problem
from .settings import Ode


def network(settings: Ode) -> ResidualNetwork:
    """The Euler network along `ode.paths` paths of weights."""
    driven = _driven(settings)
    weights = driven.weights(STEPS["euler"], settings.depth)
    return ResidualNetwork(driven.field, STEPS["euler"], weights, driven.step_size(settings.depth))


def limit(settings: Ode) -> FlowMap:
    """The flow along the same paths; of independent layers that of the mean of the field, one for all replicas.

    Raises `SettingError` for weights that have no limit in depth, or one that no solver here reaches.
    """
    if settings.init.unless("isotropic", "") is None:
        average = averaged_field(settings.block, settings.activation, **settings.init.sizes()._asdict())
        like = torch.zeros(1, dtype=torch.float64, device=device.resolve(settings.device))
        return FlowMap(lambda t, x: average(x), settings.width, 1, settings.horizon, FLOW_TOLERANCE, like)
    require_smooth(settings.init)
    return _driven(settings, torch.float64).map()


def sample(settings: Ode, x0: Any = None) -> PairedSample:
    """Network and limit along the same weights, from the first training points unless others are given."""
    flow, residual_network = limit(settings), network(settings)  # the limit first: it may be refused
    number = getattr(torch, settings.dtype)
    x = (
        embedded_inputs(settings, settings.width, number)
        if x0 is None
        else as_states(x0, settings.width, _like(settings))
    )
    return PairedSample(x, residual_network(x), flow(x), paired=True)


def _like(settings: Ode) -> torch.Tensor:
    return torch.zeros(1, dtype=getattr(torch, settings.dtype), device=device.resolve(settings.device))


def _driven(settings: Ode, dtype: torch.dtype | None = None) -> DrivenFlow:
    start = _like(settings).new_zeros(1, settings.width, dtype=dtype or getattr(torch, settings.dtype))
    return problem(settings, replicas=settings.ode.paths, dtype=dtype, x=start)
