"""Where jobs run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..registry import Option, Registry


@dataclass
class Cluster(Option):
    """Where jobs run; no content of a job. What a cluster does not declare is not known."""

    options: ClassVar[Registry] = Registry("cluster", "settings.clusters", base="cluster", noun="Cluster")
    is_here: ClassVar[bool] = False
    """Whether jobs run on this machine, under its limits."""
    name: str

    def memory_given(self) -> tuple[float, str] | None:
        """Bytes of a host's memory that a job is given, and which key says so; None: it is not known here."""
        return None

    def notice(self) -> float | None:
        """Seconds from the signal that a job's time is up to its end; None: it is not known here."""
        return None
