"""What is known of a run now: its summary, if it is of the jobs that the folder shows, else one that is made anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ReslimError
from ..files import locked, write_json, write_text
from ..runs import summary as summaries
from ..runs.enclosed import require_enclosed
from ..runs.folder import JobsInFolder, Run
from ..runs.merge import merge


@dataclass(frozen=True)
class Current:
    """A run as it is now: its state, the summary of its jobs (None where there is nothing to show), and remarks."""

    state: str
    summary: dict[str, Any] | None
    remarks: list[str]


def current(run: Run, seen: JobsInFolder | None = None) -> Current:
    """The summary of the jobs as they were seen (None: as they are now): the stored one, if it is of these jobs, else
    one that is made anew.

    A new one is written into the folder where that is possible, without figures. Nothing is collected while jobs run,
    where nothing is finished, and from what another version of reslim has collected.
    """
    seen = seen or run.look(verify=True)
    stored, jobs, state = summaries.read_summary(run.path), summaries.digest_of_jobs(seen.statuses), run.state(seen)
    document = stored.document
    if document is not None and stored.is_of(jobs):
        said = [] if stored.is_of_this_version else [f"collected by reslim {stored.version}"]
        return Current(state, {**document, "state": state}, said + _figures(run.path, stored.figures, jobs))
    why = stored.why or ("jobs have finished, or went missing, since it was collected" if document else "")
    if state == "running":
        return Current(state, None, [f"{why}; its jobs are under way"] if why else [])
    if document is not None and not stored.is_of_this_version:
        return Current(state, None, [f"{why} by reslim {stored.version}; reslim report judges it with this version"])
    if not why and not any(job.status.state == "finished" for job in seen.jobs):
        return Current(state, None, [])
    return _anew(run, state, stored.figures, why or "it was not collected when its jobs ended")


def _anew(run: Run, state: str, figures: str | None, why: str) -> Current:
    try:
        from ..runs.collect import collected
        from ..runs.records import csv_text
        from .publish import summary_document

        merged = merge([run])
        collection = collected(merged)
        records, jobs = csv_text(collection.records), summaries.digest_of_jobs(merged.statuses)
        summary = summary_document(run.path, merged, collection, records, figures=figures)
    except Exception as error:  # of files that anybody may have written; other runs are shown all the same
        return Current(state, None, [f"{why}; it cannot be collected: {error or type(error).__name__}"])
    try:
        require_enclosed(run.path)
        with locked(run.path, wait=False):  # whoever holds it is collecting
            write_text(run.path / summaries.RECORDS_FILE, records)
            write_json(run.path / summaries.SUMMARY_FILE, summary)
        said = f"{why}; collected anew"
    except (OSError, ReslimError) as error:
        reason = getattr(error, "strerror", None) or error
        said = f"{why}; what is shown was collected now, and cannot be kept: {reason}"
    return Current(summary["state"], summary, [said, *_figures(run.path, figures, jobs)])


def _figures(folder: Path, drawn: str | None, jobs: str) -> list[str]:
    """That report and figures show something else, where they do."""
    if drawn == jobs or not (folder / "report.html").exists():
        return []
    return ["report.html and the figures are of an earlier collection; reslim report draws them anew"]
