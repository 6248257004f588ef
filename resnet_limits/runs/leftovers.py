"""What processes that were killed have left in a run folder, once it is sure that nobody needs it."""

from __future__ import annotations

import shutil

from ..files import remove_leftovers
from .folder import Run
from .job_folder import LAUNCHER
from .owner import is_abandoned


def clear(run: Run) -> None:
    """Remove unfinished files, and of finished jobs the owner and the checkpoints."""
    for place in (run.path, run.path / LAUNCHER, run.path / "shared", run.path / "jobs"):
        remove_leftovers(place)
    for job in run.jobs():
        if job.status.state == "finished" and is_abandoned(job.path):
            remove_leftovers(job.path)
            (job.path / "owner.json").unlink(missing_ok=True)
            shutil.rmtree(job.path / "checkpoint", ignore_errors=True)
