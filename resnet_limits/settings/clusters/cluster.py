"""Where jobs run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..registry import Option, Registry


@dataclass
class Cluster(Option):
    """Where jobs run; no content of a job."""

    options: ClassVar[Registry] = Registry("cluster", "settings.clusters", base="cluster")
    name: str
