"""An array of SLURM jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ...errors import SettingError
from ..keys import fixed, key
from .cluster import Cluster

SLURM_NAME = r"[\w.,:@+-]+"


@dataclass
class SlurmCluster(Cluster):
    """SLURM: the jobs of a sweep are an array, each a task of its own."""

    name: str = fixed("slurm", "an array of SLURM jobs", content=False)
    time: int = key(60, "minutes a job may take before it is requeued to go on", low=1, high=10**6, content=False)
    memory: Optional[int] = key(
        4, "GB of memory a job; null: the partition's default", low=1, high=10**6, content=False
    )
    gpus: Optional[int] = key(None, "GPUs a job; null: none", low=1, high=64, content=False)
    partition: Optional[str] = key(None, "partition; null: the cluster's default", pattern=SLURM_NAME, content=False)
    account: Optional[str] = key(None, "account that is charged; null: yours", pattern=SLURM_NAME, content=False)
    parallel: int = key(64, "jobs of the array that run at a time", low=1, high=10**5, content=False)
    warning: int = key(
        120, "seconds before the time is up at which a job is told to save its state", low=5, high=3600, content=False
    )
    requeues: int = key(
        100,
        "times that a job goes on after its time was up (after a pre-emption always)",
        low=0,
        high=10**6,
        content=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warning > 30 * self.time > 0:  # what is no time at all is refused as such
            raise SettingError(
                f"cluster.warning={self.warning}: a job has {self.time} min, and is to be told at most half of them"
                f" before: at most {30 * self.time} s"
            )

    def memory_given(self) -> tuple[float, str] | None:
        """None where a GPU's memory counts, or the partition's default, which nobody here knows."""
        if self.gpus or self.memory is None:
            return None
        return self.memory * 2**30, f"cluster.memory={self.memory}"  # as SLURM counts

    def notice(self) -> float:
        return self.warning
