"""The least memory that the parts of a study can do with, held against what there is before a job is planned.

What fits is never refused, and what is let through may still run out (`memory.py`). Free of torch and numpy: a request
is refused at once.
"""

from __future__ import annotations

from ..device import gpus
from ..errors import SettingError
from ..memory import Room, gigabytes, helping, host_limit
from ..settings.base import Settings
from .study import Study


def check_room(study: Study, settings: Settings) -> None:
    """Raise `SettingError` where a part that is asked for cannot fit into what there is, naming the keys that help."""
    room = what_there_is(settings, study.device(settings))
    if room is None:
        return
    for group in study.needed(settings):
        least, name = group.least(settings), group.name
        if least > room.total:
            raise SettingError(
                f"memory: '{name}' takes at least {gigabytes(least)} at depth={settings.depth}, width={settings.width},"
                f" replicas={settings.replicas}, and there are {gigabytes(room.total)} ({room.where})"
                + helping(settings, group.memory)
            )


def what_there_is(settings: Settings, device: str) -> Room | None:
    """The memory that a job will have on a device; None where nobody here can tell: a GPU's, a cluster's default."""
    if device.startswith("cuda") or gpus(device):
        return None
    if settings.cluster.is_here:
        return host_limit()
    given = settings.cluster.memory_given()
    return None if given is None else Room(given[0], *given)
