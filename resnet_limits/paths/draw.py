"""`draw`: all parameters of a block, as functions of time, from one law."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..random import Stream
from .function import path_of
from .laws.law import Init
from .path import Draw, Path, WeightPath, standard_deviation


def draw_path(
    law: Init,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    depth: int,
    horizon: float,
    replicas: int,
    seed: int,
    purpose: str = "weights",
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
    first_replica: int = 0,
) -> WeightPath:
    """Draw `theta(t)`, t in [0, horizon]: one path a named parameter, independent of each other.

    law: a law with its keys, `SmoothLaw(correlation=0.5)` of `laws/smooth.py`, ...
    shapes: `{"W": (out, in), "b": (out,)}`; weights have entries of standard deviation `sigma_w / sqrt(in)`,
        vectors of `sigma_b`.
    depth: blocks of the network that will read the path; the path itself does not depend on it.
    replicas, first_replica: independent paths; replica r is the same whatever else is drawn with it, so that
        a caller may draw replicas in pieces.
    seed, purpose: the path is a function of (seed, purpose, parameter name, replica).
    dtype, device: numbers are drawn on the CPU in float64, then rounded and moved.

    Raises `SettingError` for a law that is no function of time, or a depth finer than the grid of a law that has one.
    """
    parameters: dict[str, Path] = {}
    for name, shape in shapes.items():
        sigma = standard_deviation(tuple(shape), *law.sizes())
        asked = Draw(
            shape=tuple(shape),
            sigma=sigma,
            depth=depth,
            horizon=horizon,
            stream=Stream(seed, f"{purpose}/{name}", first_replica=first_replica),
            replicas=replicas,
            dtype=dtype,
            device=device,
        )
        parameters[name] = path_of(law.path(asked), asked)
    return WeightPath(parameters, horizon)
