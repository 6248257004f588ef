"""How slow this machine is, from a piece of work of milliseconds: what costs that were measured elsewhere are times."""

from __future__ import annotations

import time

REFERENCE_MILLISECONDS = 0.36
"""Milliseconds of the piece of work on the machine of `Group.seconds` while it was quiet."""
REPETITIONS = 5


def slowness() -> float:
    """CPU time of a fixed piece of work (products of small matrices, tanh) over that on the machine of
    `Group.seconds`; of several tries the shortest."""
    import numpy as np

    matrix = np.linspace(-1, 1, 64 * 64).reshape(64, 64) / 64
    values = np.linspace(-3, 3, 10_000)

    def once() -> float:
        start = time.process_time()
        x = matrix
        for _ in range(20):
            x = matrix @ x
            np.tanh(values)
        return time.process_time() - start

    return 1000 * min(once() for _ in range(REPETITIONS)) / REFERENCE_MILLISECONDS
