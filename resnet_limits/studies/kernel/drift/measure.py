"""`kernel.diagram.relu`: how fast ReLU networks of finite width grow, `x + W relu(x)/sqrt(L)`, `W_ij ~ N(0, 1/n)`."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream, normals
from ....sampling.layer_law import Isotropic
from ....sampling.schemes import ShallowNetwork, Walker
from ..problem import where
from ..settings import Kernel
from .claims import PINS_OF_DRIFT, WIDTHS_OF_DRIFT

NETWORKS_BY_WIDTH = {8: 32, 16: 8, 32: 8}
"""Networks for each of the key `replicas`, by width: the narrowest fluctuate most."""


def measure(job: Job) -> Measurement:
    """Mean growth of `log |relu(x)|` and `log |x|` over the unit of time, at several widths."""
    records = []
    for width in WIDTHS_OF_DRIFT:
        count = NETWORKS_BY_WIDTH[width] * job.settings.replicas
        growth = growths(job.settings, width, count)
        alive = growth[growth.isfinite().all(dim=1)]
        for i, of in enumerate(("relu", "norm")):
            coordinates = {"of": of, **PINS_OF_DRIFT, "width": width}
            records.append(Record("log_growth", *mean(alive[:, i]), coordinates=coordinates, replicas=count))
    return Measurement(records)


def growths(settings: Kernel, width: int, count: int) -> Float[Tensor, "r 2"]:
    """Of `log |relu(x)|` and `log |x|`, a row a network."""
    engine, changes = default_engine(), []
    scheme = ShallowNetwork(PINS_OF_DRIFT["activation"], PINS_OF_DRIFT["activation_inside"])
    for first, replicas in engine.pieces(count, vectors=1, width=width, dtype=where(settings)["dtype"]):
        stream = Stream(settings.seed, f"kernel.diagram.relu {width}", first_replica=first)
        x0 = normals((1, width), stream.part(" start"), replicas=replicas, **where(settings))
        (x,) = engine.final(
            [Walker(scheme, settings.depth)],
            x0,
            Isotropic(PINS_OF_DRIFT["init.sigma_w"], PINS_OF_DRIFT["init.sigma_b"]),
            horizon=PINS_OF_DRIFT["horizon"],
            stream=stream,
        )
        changes.append((_log_sizes(x) - _log_sizes(x0)).cpu())
    return torch.cat(changes)


def _log_sizes(x: torch.Tensor) -> torch.Tensor:
    """`log |relu(x)|` and `log |x|`, (r, 2)."""
    x = x[:, 0].double()
    return torch.stack([x.relu().norm(dim=-1), x.norm(dim=-1)], dim=1).log()
