"""Gradient descent on networks in the tangent-kernel parametrisation, full batch, as the theory has it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..engines import default_engine
from ..networks.ntk import NtkNetwork, Parameters


def descend_full_batch(
    network: NtkNetwork,
    parameters: Parameters,
    z: Float[Tensor, "n f"],
    targets: Float[Tensor, "*networks n o"],
    *,
    rate: float,
    steps: int,
    memory: float = 1024.0,
    report: Callable[[int, Float[Tensor, " r"]], None] = lambda step, loss: None,
) -> tuple[dict[str, Tensor], Float[Tensor, "r steps"]]:
    """Full-batch gradient descent on `1/(2n) sum |y - target|^2`, all trained parameters at one rate.

    Targets are the same for all networks, or (r, n, o). `memory`: MB of activations to keep; what does not fit is
    computed twice, with the same result.

    The parameters after the steps, and the loss of each replica before each step, which `report(step, loss)` hears.
    """
    now = {name: tensor.clone() for name, tensor in parameters.items()}
    losses, trunk = [], default_engine().trunk(memory)
    for step in range(steps):
        loss, grads = network.gradients(now, z, targets, through=trunk)
        report(step, loss)
        losses.append(loss)
        for name, gradient in grads.items():
            now[name].add_(gradient, alpha=-rate)
    return now, torch.stack(losses, dim=1)
