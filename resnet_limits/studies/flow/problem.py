"""What the measurements of the study share: points, fields with drawn weights, and their exact flow."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ... import device
from ...data.loading import embed, load
from ...limits.flow import DrivenFlow
from ...measurement.job import Job
from ...networks.blocks import field
from ...paths.draw import draw_path
from ...paths.laws.law import Init
from ...paths.laws.tied import TiedLaw
from ...settings.content import chosen_keys
from ..degenerate import degenerate_points as of_points
from ..degenerate import of_a_layer
from .settings import Flow

KINDS_OF_WEIGHTS = ("free", "shared")


def dtype_of_numbers(settings: Flow) -> torch.dtype:
    return getattr(torch, settings.dtype)


def embedded_points(settings: Flow, count: int, width: int) -> Float[Tensor, "n d"]:
    """The first training points in a state of this width: as they are, with zeros behind, or, where the state is
    narrower, through a fixed random matrix (`embed`)."""
    x = load(settings.data, seed=settings.seed).x_train[:count]
    return placed(x, width, settings.seed).to(device.resolve(settings.device), dtype_of_numbers(settings))


def placed(x: Float[Tensor, "n features"], width: int, seed: int) -> Float[Tensor, "n width"]:
    if x.shape[1] > width:
        return embed(x, width, seed=seed)
    return torch.nn.functional.pad(x, (0, width - x.shape[1]))


def law_of_weights(settings: Flow, weights: str) -> Init:
    """The settings' own law, or one draw that all blocks share, of the same sizes."""
    init = settings.init
    return init if weights == "free" or init.is_constant() else TiedLaw(**init.sizes()._asdict())


def driven(
    settings: Flow,
    weights: str,
    *,
    depth: int,
    width: int | None = None,
    dtype: torch.dtype | None = None,
    x: Float[Tensor, "n d"] | None = None,
) -> DrivenFlow:
    """`flow.paths` fields of the settings with free or shared weights, and the points that they move: the first
    training points unless others are given."""
    width, dtype = width or settings.width, dtype or dtype_of_numbers(settings)
    x = embedded_points(settings, settings.flow.inputs, width).to(dtype) if x is None else x
    vector_field = field(settings.block, settings.activation, width)
    path = draw_path(
        law_of_weights(settings, weights),
        vector_field.shapes,
        depth=depth,
        horizon=settings.horizon,
        replicas=settings.flow.paths,
        seed=settings.seed,
        dtype=dtype,
        device=x.device,
    )
    return DrivenFlow(x.expand(settings.flow.paths, *x.shape), vector_field, path, settings.horizon)


KEYS_OF_FLOW_PATHS = (
    "seed",
    "width",
    "horizon",
    "activation",
    "block",
    "init",
    "data",
    "dtype",
    "flow.inputs",
    "flow.paths",
)
"""What the flow along given weight paths depends on; the points are numbers of the settings' format."""


def exact_flow(job: Job, weights: str) -> tuple[Float[Tensor, "r n d"], float]:
    """The exact flow of the points in float64, and the error of the solver; shared by all depths."""
    settings: Flow = job.settings

    def compute() -> dict[str, np.ndarray]:
        exact = driven(settings, weights, depth=1, dtype=torch.float64)
        x, error = exact.end()
        return {"x": x.cpu().numpy(), "error": np.array([error])}

    solution = job.shared.solve(f"flow.{weights}", chosen_keys(settings, KEYS_OF_FLOW_PATHS), compute)
    return torch.from_numpy(solution["x"]).to(device.resolve(settings.device)), float(solution["error"][0])


def degenerate(settings: Flow) -> str | None:
    """What there is no number for, of a layer or of the points; or None."""
    x = embedded_points(settings, settings.flow.inputs, settings.width).cpu()
    return of_a_layer(settings.init, x, settings) or of_points(x)
