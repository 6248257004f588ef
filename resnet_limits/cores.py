"""CPU cores that this process may use: what it is bound to (taskset, SLURM), and the quota of its container."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """At least one. `quota` holds microseconds of CPU and the period in which they may be used, or `max`."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        used, period = quota.read_text(encoding="ascii").split()
        count = min(count, math.ceil(int(used) / int(period)))
    return max(count, 1)
