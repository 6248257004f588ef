"""Where jobs run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Cluster:
    """Where jobs run; no content of a job."""

    name: str
