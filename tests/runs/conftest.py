"""Runs made in this process: the study's own measurement, without launcher and command."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from resnet_limits.data import identity
from resnet_limits.runs import planned
from resnet_limits.runs import status as states
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.studies.ode.settings import Ode, OdeKeys


def settings(depth: int, **values) -> Ode:
    """A small job as it is planned: with the identity of its data."""
    keys = {"width": 4, "device": "cpu", "claims": ["ode.reversed.euler"], "ode": OdeKeys(inputs=2, paths=1)}
    (job_settings,) = identity.filled([Ode(**{"depth": depth, **keys, **values})])
    return job_settings


def replan(run: Path, **changes) -> None:
    """Change what the plan of a run says, as somebody who knows of its digest; None takes a key away."""
    document = json.loads((run / planned.PLAN_FILE).read_text()) | changes
    del document["digest"]
    document = {key: value for key, value in document.items() if value is not None}
    (run / planned.PLAN_FILE).write_text(json.dumps({**document, "digest": planned.digest_of_document(document)}))


def vouched(job: Path) -> states.Status:
    """A finished job's status that vouches for whatever lies in its folder."""
    for name in states.RESULTS:
        (job / name).touch()
    return states.Status("finished", digests={name: states.file_digest(job / name) for name in states.RESULTS})


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """`make_run(depths)`: a run of these depths, its jobs queued; with `measured=True` run, too."""

    def make(depths: Sequence[int] = (4, 8), *, measured: bool = False) -> Run:
        jobs = [settings(depth) for depth in depths]
        run = Run.create(tmp_path / "outputs", jobs, ["depth=" + ",".join(map(str, depths))], ["reslim", "train"])
        if measured:
            for job in jobs:
                run_job(run.path, job)
        return run

    return make
