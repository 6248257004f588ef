"""What the measurements on given weights share: inputs, vector field, weight path, and the exact flow.

x_{k+1} = x_k + h f(x_k, theta(t_k)),   h = T/L        against        dx/dt = f(x, theta(t))
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ... import device
from ...data.loading import embed, load
from ...errors import SettingError
from ...limits.flow import DrivenFlow, root_mean_square
from ...measurement.job import Job
from ...networks.blocks import field
from ...networks.blocks.block import Block
from ...paths.draw import draw_path
from ...paths.laws.law import Init, Random
from ...settings.content import chosen_keys
from ..degenerate import degenerate_points, of_a_layer
from .settings import Ode

Law = TypeVar("Law", bound=Random)


def embedded_inputs(settings: Ode, width: int, dtype: torch.dtype) -> Float[Tensor, "n d"]:
    """The first `ode.inputs` training points, embedded in a width. Raises `SettingError` where there are fewer."""
    dataset = load(settings.data, seed=settings.seed)
    if len(dataset.x_train) < settings.ode.inputs:
        raise SettingError(
            f"ode.inputs={settings.ode.inputs}: {dataset.name} has {len(dataset.x_train)} training points"
        )
    x = embed(dataset.x_train[: settings.ode.inputs], width, seed=settings.seed)
    return x.to(device.resolve(settings.device), dtype)


def problem(
    settings: Ode,
    *,
    replicas: int,
    first_replica: int = 0,
    block: Block | None = None,
    activation: str | None = None,
    init: Init | None = None,
    depth: int | None = None,
    width: int | None = None,
    dtype: torch.dtype | None = None,
    x: Float[Tensor, "n d"] | None = None,
) -> DrivenFlow:
    """The problem of some settings; block, activation, law and width are the settings' own unless a claim pins them,
    the points `x` its training points unless others are given."""
    number: torch.dtype = dtype or getattr(torch, settings.dtype)
    width = width or settings.width
    x = embedded_inputs(settings, width, number) if x is None else x
    vector_field = field(block or settings.block, activation or settings.activation, width)
    path = draw_path(
        init or settings.init,
        vector_field.shapes,
        depth=depth or settings.depth,
        horizon=settings.horizon,
        replicas=replicas,
        first_replica=first_replica,
        seed=settings.seed,
        dtype=number,
        device=x.device,
    )
    return DrivenFlow(x.expand(replicas, *x.shape), vector_field, path, settings.horizon)


def with_own_sizes(settings: Ode, law: Law) -> Law:
    """A law that a claim pins, with the sizes `sigma_w`, `sigma_b` of the settings' own law."""
    init = settings.init
    return replace(law, sigma_w=init.sigma_w, sigma_b=init.sigma_b) if isinstance(init, Random) else law


def degenerate(settings: Ode) -> str | None:
    """What there is no number for, of a layer or of the inputs; or None."""
    x = embedded_inputs(settings, settings.width, torch.float64).cpu()
    return of_a_layer(settings.init, x, settings) or degenerate_points(x)


KEYS_OF_ODE_PATHS = ("seed", "width", "horizon", "activation", "block", "init", "data", "ode.inputs", "ode.paths")
"""What the flow along given weight paths depends on."""


def exact_flow_of_paths(job: Job) -> tuple[Float[Tensor, "r n d"], float]:
    """`x(T)` of the exact flow along the given paths in float64, and the error of the solver; shared by all depths."""

    def compute() -> dict[str, np.ndarray]:
        exact = problem(job.settings, replicas=job.settings.ode.paths, depth=1, dtype=torch.float64)
        x, error = exact.end()
        return {"x": x.cpu().numpy(), "error": np.array([error])}

    solution = job.shared.solve("flow", chosen_keys(job.settings, KEYS_OF_ODE_PATHS), compute)
    return torch.from_numpy(solution["x"]).to(device.resolve(job.settings.device)), float(solution["error"][0])


def half_square_with_gradient(x: Tensor) -> tuple[Tensor, Tensor]:
    """`J = sum over replicas of |x|^2 / 2n` and `dJ/dx`; replicas do not interact."""
    return x.square().sum() / (2 * x.shape[1]), x / x.shape[1]


def relative_error(measured: list[Tensor], exact: list[Tensor], largest_error: Tensor) -> tuple[float, float]:
    """Root mean square of the difference over that of the exact values, and the reference's own relative error.

    nan where the exact values are zero: nothing moves.
    """
    size = root_mean_square(torch.cat([e.flatten() for e in exact]))
    difference = torch.cat([(f - e).flatten() for f, e in zip(measured, exact, strict=True)])
    if size == 0:
        return math.nan, math.nan
    return root_mean_square(difference) / size, float(largest_error) / size
