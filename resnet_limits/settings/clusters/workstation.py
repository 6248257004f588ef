"""This machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..keys import fixed
from .cluster import Cluster


@dataclass
class WorkstationCluster(Cluster):
    """This machine, with the launcher `hydra/launcher` (basic: one job after another)."""

    is_here: ClassVar[bool] = True
    name: str = fixed("workstation", "this machine; hydra/launcher says how", content=False)
