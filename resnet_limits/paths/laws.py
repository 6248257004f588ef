"""The laws of the weights over depth by name, and `draw`, which draws all parameters of a block from one.

A new law is one file here, one dataclass in `settings.py` and one line in `LAWS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ..errors import SettingError, one_of
from ..random import Stream
from ..settings import Init, Random
from .fractional import increments_path
from .iid import iid_path
from .path import Draw, Path, WeightPath, standard_deviation
from .rough import rough_path
from .smooth import smooth_path
from .tied import tied_path
from .zero import zero_path

LAWS: dict[str, Callable[[Any, Draw], Path]] = {
    "smooth": smooth_path,
    "iid": iid_path,
    "rough": rough_path,
    "fractional": increments_path,
    "tied": tied_path,
    "zero": zero_path,
}
"""Constructor of each law: `(settings of the law, what to draw) -> path`."""


def draw(
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

    law: settings of the law, `settings.Smooth(correlation=0.5)`, ...
    shapes: `{"W": (out, in), "b": (out,)}`; weights have entries of standard deviation `sigma_w / sqrt(in)`,
        vectors of `sigma_b`.
    depth: blocks of the network that will read the path; the path itself does not depend on it.
    replicas, first_replica: independent paths; replica r is the same whatever else is drawn with it, so that
        a caller may draw replicas in pieces.
    seed, purpose: the path is a function of (seed, purpose, parameter name, replica).
    dtype, device: numbers are drawn on the CPU in float64, then rounded and moved.

    Raises `SettingError` for an unknown law, or a depth finer than the grid of a law that has one.
    """
    if law.name not in LAWS:
        raise SettingError(f"init: unknown option {one_of(law.name, LAWS)}")
    parameters: dict[str, Path] = {}
    for name, shape in shapes.items():
        sigma = standard_deviation(tuple(shape), law.sigma_w, law.sigma_b) if isinstance(law, Random) else 0.0
        parameters[name] = LAWS[law.name](
            law,
            Draw(
                shape=tuple(shape),
                sigma=sigma,
                depth=depth,
                horizon=horizon,
                stream=Stream(seed, f"{purpose}/{name}", first_replica=first_replica),
                replicas=replicas,
                dtype=dtype,
                device=device,
            ),
        )
    return WeightPath(parameters, horizon)
