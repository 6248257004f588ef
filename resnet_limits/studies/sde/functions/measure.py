"""`sde.functions`: random functions x -> x_T, drawn by networks and by their SDE on the same noise.

With more inputs than directions the weights themselves are drawn: what a layer does to a basis, and its bias, say what
it does to any input. Its increments are sums of those of a fine grid of time, the same at every depth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....measurement.estimate import root_of_mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream
from ....sampling.layer_law import Isotropic
from ....sampling.schemes import EulerMaruyama, Scheme, ShallowNetwork, Walker
from ..outside import kinked_outer, sizes
from ..problem import finite_records
from ..settings import Sde

FUNCTIONS_DRAWN = 4
"""Functions of one input that are drawn; the first is drawn as a function of two inputs too."""
MAX_INPUT_DRAWN, POINTS_A_LINE, POINTS_A_SIDE = 2.0, 81, 33
"""Inputs lie in [-2, 2]; number of points along a line, and along each side of a square."""
LAYERS_OF_TIME_GRID = 512
"""Layers of the grid of time that all depths share."""
MAX_VALUE_DRAWN = 1e6
"""Values that are not drawn."""
MIN_NETWORKS_OF_BEND = 2048
"""Fewest networks whose bend is measured: a relative error of 1.5 %."""
MAX_WIDTH_DRAWN = 32
"""Width at which functions are drawn at most: they look alike beyond, and cost its square."""


def measure(job: Job) -> Measurement:
    """How far the network bends, with standard errors over replicas, and the functions that it and the SDE draw."""
    bent = second_differences(job)
    value, stderr = root_of_mean(bent)
    total = Measurement(finite_records([Record("second_difference", value, stderr=stderr, replicas=len(bent))]))
    job.progress(0.5, "draws of functions")
    total.arrays |= {"functions.inputs": points_of_line(POINTS_A_LINE), "functions.grid": points_of_line(POINTS_A_SIDE)}
    for name, family in families(job.settings).items():
        drawn = {"network": functions_on_noise(family, family.network, job.settings.depth, job.settings)}
        if family.sde is not None:
            drawn["sde"] = functions_of_sde(job, name, family)
        for which, arrays in drawn.items():
            total.arrays |= {f"functions.{name}.{shape}.{which}": array for shape, array in arrays.items()}
    return total


def second_differences(job: Job) -> Float[Tensor, " r"]:
    """Mean over coordinates of `|x_L(u) - 2 x_L(0) + x_L(-u)|^2`, by replica."""
    engine, settings, bends = default_engine(), job.settings, []
    family = families(settings)["own"]
    u = directions(settings.width)[0].to(getattr(torch, settings.dtype))
    x0, replicas = torch.stack([-u, 0 * u, u]), max(settings.replicas, MIN_NETWORKS_OF_BEND)
    for first, count in engine.pieces(replicas, vectors=3, width=settings.width, dtype=x0.dtype):
        job.progress(0.5 * first / replicas, "second differences")
        (x,) = engine.final(
            [Walker(family.network, settings.depth)],
            x0.expand(count, *x0.shape),
            family.law,
            horizon=settings.horizon,
            stream=Stream(settings.seed, f"sde.functions.bend {settings.depth}", first_replica=first),
        )
        bends.append((x[:, 0] - 2 * x[:, 1] + x[:, 2]).double().square().mean(dim=-1).cpu())
    return torch.cat(bends)


# -- pictures -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Family:
    """Networks and their SDE (None where the outer activation has none)."""

    law: Isotropic
    horizon: float
    network: ShallowNetwork
    sde: EulerMaruyama | None


def families(settings: Sde) -> dict[str, Family]:
    """Those of the settings, and swish networks."""
    family = sizes(settings)
    law, swish = Isotropic(family.sigma_w, family.sigma_b), Isotropic(1.0, 1.0)
    phi, psi = settings.activation, settings.activation_inside
    sde = None if kinked_outer(settings) else EulerMaruyama(phi, psi, law)
    return {
        "own": Family(law, settings.horizon, ShallowNetwork(phi, psi), sde),
        "swish": Family(swish, 1.0, ShallowNetwork("swish"), EulerMaruyama("swish", "identity", swish)),
    }


def points_of_line(count: int) -> np.ndarray:
    return np.linspace(-MAX_INPUT_DRAWN, MAX_INPUT_DRAWN, count)


def directions(width: int) -> Float[Tensor, "2 d"]:
    """Where the inputs lie: all coordinates alike, and alike with alternating signs."""
    ones = torch.ones(width, dtype=torch.float64)
    return torch.stack([ones, ones * (-1.0) ** torch.arange(width)])


def functions_of_sde(job: Job, name: str, family: Family) -> dict[str, np.ndarray]:
    """The functions of the SDE, by Euler and Maruyama on the fine grid: the same for all depths."""
    settings, law, scheme = job.settings, family.law, family.sde
    assert scheme is not None
    steps = fine(settings.depth)
    key = {
        **{"name": name, "steps": steps, "seed": settings.seed, "width": min(settings.width, MAX_WIDTH_DRAWN)},
        **{"horizon": family.horizon, "phi": scheme.phi, "psi": scheme.psi},
        **{"sigma_w": law.sigma_w, "sigma_b": law.sigma_b},
    }
    return job.shared.solve("sde.functions", key, lambda: functions_on_noise(family, scheme, steps, settings))


def functions_on_noise(family: Family, scheme: Scheme, depth: int, settings: Sde) -> dict[str, np.ndarray]:
    """First coordinates of `x_T` along a line (draws, points), and of the first draw on a square (points, points)."""
    u, v = directions(min(settings.width, MAX_WIDTH_DRAWN))
    along, across = torch.from_numpy(points_of_line(POINTS_A_LINE)), torch.from_numpy(points_of_line(POINTS_A_SIDE))
    line = (along[:, None] * u).expand(FUNCTIONS_DRAWN, POINTS_A_LINE, len(u))
    plane = (across[:, None, None] * u + across[None, :, None] * v).flatten(0, 1)[None]
    h = family.horizon / depth
    for W in weights_on_grid(family, depth, settings):
        line, plane = (_stepped(scheme, x, W[: len(x)], h) for x in (line, plane))
    pictures = {"line": line[..., 0], "plane": plane[0, :, 0].unflatten(0, (POINTS_A_SIDE, POINTS_A_SIDE))}
    # An SDE with a drift may explode: a gap in the picture.
    return {shape: torch.where(f.abs() < MAX_VALUE_DRAWN, f, math.nan).numpy() for shape, f in pictures.items()}


def _stepped(scheme: Scheme, x: Float[Tensor, "r n d"], W: Float[Tensor, "r e d"], h: float) -> Tensor:
    features = scheme.features(x)
    return scheme.step(x, features, torch.baddbmm(W[:, -1:], features, W[:, :-1]), h)


def weights_on_grid(family: Family, depth: int, settings: Sde) -> Iterator[Float[Tensor, "r e d"]]:
    """`W_k e_1, ..., W_k e_D, b_k` of each layer, D + 1 rows: sums over the fine layers that begin inside it.

    Where the depth does not divide the grid, layers hold more or fewer of them: scaled to the variance of a layer.
    """
    d, steps = min(settings.width, MAX_WIDTH_DRAWN), fine(depth)
    vectors = torch.cat([torch.eye(d, dtype=torch.float64), torch.zeros(1, d, dtype=torch.float64)])
    biased = torch.cat([torch.zeros(d), torch.ones(1)])
    engine = default_engine()
    total, held, layer = torch.zeros(FUNCTIONS_DRAWN, d + 1, d, dtype=torch.float64), 0, 0
    for k in range(steps):
        if k * depth // steps > layer:
            yield total * math.sqrt(steps / depth / held)
            total, held, layer = torch.zeros_like(total), 0, layer + 1
        where = Stream(settings.seed, "sde.functions", k)
        total = total + engine.act(
            family.law, vectors.expand(FUNCTIONS_DRAWN, -1, -1), biased, family.horizon / steps, where
        )
        held += 1
    yield total * math.sqrt(steps / depth / held)


def fine(depth: int) -> int:
    """Layers of the fine grid: the same for all depths up to 512."""
    return max(depth, LAYERS_OF_TIME_GRID)
