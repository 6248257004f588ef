"""The least memory that the parts of a study can do with, held against what there is before a job is planned.

    least bytes of a part  =  arrays that it cannot do without, all at once  <=  what it takes

A lower bound: what fits is never refused, and what is let through may still run out (`memory.py`). Each study says its
own in `studies/STUDY/room.py`. Free of torch and numpy: a request is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.sizes import total
from ..errors import SettingError
from ..memory import Room, gigabytes, helping, host_limit
from ..settings import Gaussian, Plane, Settings, Slurm, Two

if TYPE_CHECKING:
    from .study import Study

Least = Callable[[Any], float]
"""From the settings of a job to bytes."""

DOUBLE = 8
SMALLEST_PIECE = 32
"""Replicas that are sampled at a time, if there are so many: at most `sampling.pieces.SMALLEST`."""


def number(settings: Settings) -> int:
    """Bytes of a number in the settings' format."""
    return {"float32": 4, "float64": 8}[settings.dtype]


def little(settings: Settings) -> float:
    """Of a part whose arrays stay small whatever the keys are, or are made piece by piece."""
    return 0.0


def points(settings: Any) -> float:
    """Generated points: all of them and, standardised, the training points again."""
    data = settings.data
    if not isinstance(data, Gaussian | Plane):
        return 0.0
    return DOUBLE * total(data) * (data.features if isinstance(data, Gaussian) else 2)


def parameters(block: Any, width: int) -> int:
    """Numbers of one layer with this block."""
    return 2 * width * block.hidden + block.hidden if isinstance(block, Two) else width * width + width


def sampled(settings: Any, *, vectors: int) -> float:
    """States and normals of the networks sampled at a time, where the weights of a layer act on so many vectors.

    A row of the weights takes as many normals as there are vectors, or, if they are many (`sampling.span.many`), as
    coordinates.
    """
    d = settings.width + 1
    many = vectors > d or vectors * vectors > 10 * d
    rows = d if many and settings.init.name == "iid" else vectors
    piece = min(settings.replicas, SMALLEST_PIECE)
    return number(settings) * piece * settings.width * (vectors + rows)


def check(study: Study, settings: Settings) -> None:
    """Raise `SettingError` where a part that is asked for cannot fit into what there is, naming the keys that help."""
    room = what_there_is(settings, study.device(settings))
    if room is None:
        return
    for part in study.needed_parts(settings):
        least = study.least[part](settings)
        if least > room.total:
            raise SettingError(
                f"memory: '{part}' takes at least {gigabytes(least)} at depth={settings.depth}, width={settings.width},"
                f" replicas={settings.replicas}, and there are {gigabytes(room.total)} ({room.where})"
                + helping(settings, study.memory[part])
            )


def what_there_is(settings: Settings, device: str) -> Room | None:
    """The memory that a job will have on a device; None where nobody here can tell: a GPU's, a cluster's default."""
    if device.startswith("cuda") or (device == "auto" and Path("/dev/nvidiactl").exists()):
        return None
    if isinstance(settings.cluster, Slurm):
        if settings.cluster.gpus or settings.cluster.memory is None:
            return None
        size = settings.cluster.memory * 2**30  # as SLURM counts
        return Room(size, size, f"cluster.memory={settings.cluster.memory}")
    return host_limit()
