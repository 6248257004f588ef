"""What each group of claims costs: core-seconds of its default sweep, all depths together, on one thread.

    python -m tests.benchmarks.costs [STUDY...]

Each group is measured alone, `Study.measure` at every depth of the study's own sweep, the deepest first, as in a run:
solutions that several depths share are computed once, by the first that needs them, and what is imported late is
imported before. What is printed goes into the groups, rounded: the sum is `seconds`, and what the deepest job takes
beyond twice the next one's is `shared`. A group that is asked for by name has no sweep: its own preset's time stands
for it.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from importlib import import_module

import torch
from threadpoolctl import threadpool_limits

from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from resnet_limits.studies.group import Group

plan = import_module("reslim_cli.hydra_bridge").plan
"""By the name it is installed under, which a type checker of the tree does not know."""


def seconds(study: studies.Study, group: Group) -> list[tuple[int, float]]:
    """CPU seconds of this process by depth."""
    ids = [claim.id for claim in group.claims]
    small = plan([f"study={study.name}", "preset=smoke"]).jobs[0].settings
    study.measure(Job(replace(small, claims=ids)))
    shared, costs = InMemory(), []
    for planned in sorted((job.settings for job in plan([f"study={study.name}"]).jobs), key=lambda one: -one.depth):
        settings = replace(planned, claims=ids)
        start = time.process_time()
        study.measure(Job(settings, shared))
        costs.append((settings.depth, time.process_time() - start))
    return costs


def main() -> None:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for name in sys.argv[1:] or STUDIES:
            study = studies.get(name)
            for group in (group for group in study.groups if not group.by_name):
                costs = seconds(study, group)
                by_depth = "  ".join(f"{depth}: {spent:.1f}" for depth, spent in costs)
                print(f"{name:<12}{group.name:<16}{sum(spent for _, spent in costs):8.1f} s   {by_depth}", flush=True)


if __name__ == "__main__":
    main()
