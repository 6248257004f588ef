"""What a default run was planned to take against what it took, job by job: `python -m tests.benchmarks.bench_forecast`.

    python -m tests.benchmarks.bench_forecast [STUDY...]

Core-seconds of `Study.measure`, the deepest job first, as a run of one worker has them: what depths share is
computed once. Of a study that is named all jobs of its default run; else of every study the shallowest that are
planned to take `SECONDS_OF_A_GLANCE` together, a minute or two in all.
"""

from __future__ import annotations

import math
import pkgutil
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.settings.registry import STUDIES
from resnet_limits.slowness import slowness
from resnet_limits.studies import study as studies

forecast = import_module("reslim_cli.forecast").forecast
plan = import_module("reslim_cli.hydra_bridge").plan


SECONDS_OF_A_GLANCE = 12.0


def import_all(package: ModuleType) -> None:
    """What a measurement imports late, so that it is not measured."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)


def fitting(jobs: Sequence[Any], seconds: float) -> list[Any]:
    """The shallowest of a study's jobs that are planned to take no longer, the deepest of them first."""
    shallow = sorted(jobs, key=lambda settings: settings.depth)
    while shallow and (forecast(shallow, slowness()).total or 0) > seconds:
        shallow.pop()
    return shallow[::-1]


def measured(name: str, seconds: float) -> Iterator[tuple[int, float, float]]:
    """Depth, seconds planned and seconds spent of the jobs of the study's default run that fit."""
    study = studies.get(name)
    import_all(import_module(f"resnet_limits.studies.{name}"))
    jobs = fitting([job.settings for job in plan([f"study={name}"]).jobs], seconds)
    planned, shared = forecast(jobs, slowness()).seconds if jobs else (), InMemory()
    for settings, expected in zip(jobs, planned, strict=True):
        start = time.process_time()
        study.measure(Job(settings, shared))
        yield settings.depth, expected or math.nan, time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'study':<12}{'depth':>6}{'planned':>10}{'measured':>10}{'ratio':>7}")
    named = sys.argv[1:]
    with threadpool_limits(1):
        for name in named or STUDIES:
            rows = list(measured(name, math.inf if named else SECONDS_OF_A_GLANCE))
            if not rows:
                print(
                    f"{name:<12} every job takes longer than {SECONDS_OF_A_GLANCE:g} s: measured where it is named",
                    flush=True,
                )
                continue
            rows.append((0, sum(row[1] for row in rows), sum(row[2] for row in rows)))
            for depth, expected, spent in rows:
                print(
                    f"{name:<12}{depth or 'all':>6}{expected:>8.1f} s{spent:>8.1f} s{spent / expected:>7.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
