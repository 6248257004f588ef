"""What a default run was planned to take against what it took, job by job: `python -m tests.benchmarks.bench_forecast`.

    python -m tests.benchmarks.bench_forecast [STUDY...]

Core-seconds of `Study.measure`, the deepest job first, as a run of one worker has them: what depths share is
computed once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from importlib import import_module

import torch
from threadpoolctl import threadpool_limits

from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.settings.registry import STUDIES
from resnet_limits.slowness import slowness
from resnet_limits.studies import study as studies

forecast = import_module("reslim_cli.forecast").forecast
plan = import_module("reslim_cli.hydra_bridge").plan


def measured(name: str) -> Iterator[tuple[int, float, float]]:
    """Depth, seconds planned and seconds spent of each job of the study's default run."""
    study = studies.get(name)
    study.measure(Job(plan([f"study={name}", "preset=smoke"]).jobs[0].settings))  # what is imported late
    jobs = sorted((job.settings for job in plan([f"study={name}"]).jobs), key=lambda of_job: -of_job.depth)
    planned, shared = forecast(jobs, slowness()), InMemory()
    for settings, expected in zip(jobs, planned.seconds, strict=True):
        start = time.process_time()
        study.measure(Job(settings, shared))
        yield settings.depth, expected, time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'study':<12}{'depth':>6}{'planned':>10}{'measured':>10}{'ratio':>7}")
    with threadpool_limits(1):
        for name in sys.argv[1:] or STUDIES:
            rows = list(measured(name))
            rows.append((0, sum(row[1] for row in rows), sum(row[2] for row in rows)))
            for depth, expected, spent in rows:
                print(
                    f"{name:<12}{depth or 'all':>6}{expected:>8.1f} s{spent:>8.1f} s{spent / expected:>7.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
