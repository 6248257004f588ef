"""`summary.json` vouches for itself, and says what it was collected from.

    "collected": {"jobs":    SHA-256 of the states and results of all jobs,
                  "figures": the same of the jobs that report.html and the figures show, null where that is not known,
                  "records": SHA-256 of records.csv,
                  "version": of reslim,
                  "digest":  SHA-256 of all of the summary but this digest and the place of the run}

A summary that was edited, or stands beside other records, is not believed; one whose jobs are others by now is stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import read_json
from . import planned, provenance
from . import status as states
from .status import Status

SUMMARY_FILE = "summary.json"
RECORDS_FILE = "records.csv"


def digest_of_jobs(statuses: Mapping[str, Status]) -> str:
    """A digest of what a collection of these jobs rests on: their names, states, and the digests of their results."""
    return planned.digest_of_document({name: [status.state, dict(status.digests)] for name, status in statuses.items()})


def signed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The summary with the digest of itself."""
    return {**document, "collected": {**document["collected"], "digest": _digest(document)}}


@dataclass(frozen=True)
class Stored:
    """A summary as it stands in a folder, or why it is not believed."""

    document: dict[str, Any] | None
    why: str = ""

    @property
    def version(self) -> str:
        return self.document["collected"]["version"] if self.document else ""

    @property
    def is_of_this_version(self) -> bool:
        return self.version == provenance.version()

    def is_of(self, jobs: str) -> bool:
        """Whether it was collected from these jobs."""
        return self.document is not None and self.document["collected"]["jobs"] == jobs

    @property
    def figures(self) -> str | None:
        """What the figures beside it were drawn from; None where that is not known."""
        return self.document["collected"]["figures"] if self.document else None


def read_summary(folder: Path) -> Stored:
    """The summary of a run, believed if it and the records beside it are what a collection wrote."""
    if not (folder / SUMMARY_FILE).exists():
        return Stored(None)
    document = read_json(folder / SUMMARY_FILE)
    collected = document.get("collected") if isinstance(document, dict) else None
    if not isinstance(collected, dict) or not isinstance(collected.get("version"), str):
        return Stored(None, f"{SUMMARY_FILE} was changed or damaged")
    try:
        if collected.get("digest") != _digest(document):
            return Stored(None, f"{SUMMARY_FILE} was changed or damaged")
        if collected["records"] != states.file_digest(folder / RECORDS_FILE):
            return Stored(None, f"{RECORDS_FILE} was changed or damaged")
        return Stored({**document, "run": str(folder), "collected": {"jobs": None, "figures": None, **collected}})
    except OSError:
        return Stored(None, f"{RECORDS_FILE} is missing")
    except (KeyError, ValueError, RecursionError):
        return Stored(None, f"{SUMMARY_FILE} was changed or damaged")


def _digest(document: Mapping[str, Any]) -> str:
    """The place is none of it: a run that was moved or copied is the same."""
    collected = {key: value for key, value in document["collected"].items() if key != "digest"}
    return planned.digest_of_document({**document, "run": None, "collected": collected})
