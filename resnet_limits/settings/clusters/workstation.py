"""This machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..keys import fixed
from .cluster import Cluster


@dataclass
class WorkstationCluster(Cluster):
    """This machine: jobs side by side, as the key `jobs` says, or by the launcher `hydra/launcher`."""

    is_here: ClassVar[bool] = True
    name: str = fixed("workstation", "this machine; jobs: how many side by side", content=False)
