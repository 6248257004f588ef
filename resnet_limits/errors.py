"""Everything that can go wrong, as one tree.

    ReslimError
    ├── RequestError          the request was wrong: exit code 2, one or two lines, no traceback
    │   ├── SettingError      an unknown key, a bad value, a key that the study does not use
    │   │   └── TooFewPoints  a key asks for more points than the data have
    │   ├── MissingData       a data set that is not where it was looked for
    │   ├── DamagedData       data that are truncated, corrupt, of the wrong shape or of one class
    │   ├── RunFolderError    not a run folder, or damaged
    │   │   ├── OtherSchema   of another schema (`runs/planned.py`)
    │   │   └── MissingFiles  made with files of a user's own that were not named (`runs/planned.py`)
    │   ├── OutputError       a folder that cannot be written
    │   └── SchedulerError    the scheduler of a cluster is not there, or refuses
    └── MeasurementError      a job could not finish its measurement: the job fails, the run goes on
        ├── OtherPackage      the process of a job imports another reslim than the client does
        ├── OutOfMemory       memory of the host or of a GPU ran out
        ├── Undetermined      rounding hides what is asked for: its claims are inconclusive, the job goes on
        └── NotInverted       a network that is not one to one (`diffeomorphisms/inverse.py`)

A message names the value got, the values allowed and, where there is one, the next step.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ReslimError(Exception):
    """Base class of every error that reslim raises on purpose."""


class RequestError(ReslimError):
    """The request was wrong; nothing was started."""


class SettingError(RequestError):
    """A key or a value of the settings was refused."""


class TooFewPoints(SettingError):
    """A key asks for more points than the data have."""

    def __init__(self, key: str, asked: int, has: int, of: str, points: str = "training points") -> None:
        self.key = key
        self.fewer = f"{of} has {has} {points} here; give {key}={has} or fewer"
        self.asked = f"{key}={asked}"
        super().__init__(f"{self.asked}: {self.fewer}")

    def asked_by(self, who: str) -> SettingError:
        """The same, where the value is not the user's own: `who` is `preset=smoke`, or a default."""
        return SettingError(f"{who} asks for {self.asked}, and {self.fewer}")


class MissingData(RequestError):
    """A data set is not present."""


class DamagedData(RequestError):
    """Data are truncated, corrupt, of the wrong shape, or of a single class."""


class RunFolderError(RequestError):
    """A folder is no run, is a run of another schema, or is damaged."""


class OutputError(RequestError):
    """A folder cannot be written."""


class SchedulerError(RequestError):
    """A scheduler is not there, does not answer, or refuses the jobs."""


class MeasurementError(ReslimError):
    """A job could not finish its measurement."""


class Undetermined(MeasurementError):
    """Rounding leaves what is asked for undetermined; the claims that need it are inconclusive for this reason."""


class OtherPackage(MeasurementError):
    """A process would measure with other sources than those that the run names."""


class OutOfMemory(MeasurementError):
    """Memory ran out; the message says what was asked for, what there was, and which keys help (`memory.py`)."""


def is_text(words: str) -> bool:
    """Whether words can be written as UTF-8; those from arguments, variables and names of files need not."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return False
    return True


def nearest(name: str, valid: Iterable[str]) -> str:
    """`; did you mean 'depth'?` for a name close to a valid one, else an empty string."""
    close = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def closest(name: str, valid: Iterable[str], count: int = 3) -> list[str]:
    """The valid names that are most like this one, the nearest first; of a dotted name its last part may be meant."""

    def likeness(other: str) -> float:
        return max(difflib.SequenceMatcher(None, name, word).ratio() for word in (other, other.rpartition(".")[2]))

    return sorted(dict.fromkeys(valid), key=likeness, reverse=True)[:count]


def one_of(name: str, valid: Iterable[str]) -> str:
    """`'dpeth'; did you mean 'depth'? Valid: depth, width` -- the ending of most messages."""
    names = list(valid)
    return f"'{name}'{nearest(name, names) or '.'} Valid: {', '.join(names)}"
