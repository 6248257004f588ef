"""What tells data from others of the same name: their identity, `data.digest`, such as `mnist-0f1c2a9d3b` or `moons-1`.

    in files       a hash of the names and contents of exactly the files that are loaded
    bundled        a hash of the numbers in scikit-learn's file
    generated      the version that the source declares: keys and seed are content of a job already,
                   and floats differ between processors in their last bits

It is found when a job is planned (`filled`), and content of the job: two folders of one name, or a folder whose files
have changed, are two jobs. The job holds it against what it loads (`held`); of generated points it compares a sketch
with those of the run's first job (`sketch.py`). Free of torch, scikit-learn and, where there is nothing to
identify, numpy.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..errors import DamagedData, MissingData, SettingError
from ..settings.base import Settings
from ..settings.content import content, digest
from . import hashes
from .hashes import Hashes, Listener, label_of_content
from .sources.source import Bundled, Data

S = TypeVar("S", bound=Settings)


def _silent(message: str) -> None:
    return None


@dataclass(frozen=True)
class DataIdentity:
    """Which data these are: the digest, and where it comes from. Of what is not in files, `hashes` is None."""

    digest: str
    name: str
    folder: str = ""
    hashes: Hashes | None = None

    @property
    def files(self) -> int:
        return len(self.hashes.sums) if self.hashes else 0

    @property
    def bytes(self) -> int:
        return sum(mark[0] for mark in self.hashes.marks.values()) if self.hashes else 0

    def document(self) -> dict[str, Any]:
        """What stands of it in the provenance of a run."""
        where = {"folder": self.folder} if self.folder else {}
        return {"data": self.name, **where, **({"files": self.files, "bytes": self.bytes} if self.hashes else {})}


def identity_of(data: Data, *, report: Listener = _silent) -> DataIdentity:
    """The identity of the data that lie where these settings look for them; what was read for it is remembered.

    `report` hears of it where many files have to be read. Raises `MissingData`, `DamagedData` naming the file.
    """
    identity = _identified(data, report)
    if identity.hashes is not None:
        identity.hashes.keep()
    return identity


def _identified(data: Data, report: Listener) -> DataIdentity:
    fingerprint = data.fingerprint(report)
    if isinstance(fingerprint, Hashes):
        return DataIdentity(_digest(data.name, fingerprint.sums), data.name, str(fingerprint.folder), fingerprint)
    if isinstance(fingerprint, Bundled):
        return DataIdentity(label_of_content(data.name, fingerprint.content), data.name, str(fingerprint.folder))
    return DataIdentity(f"{data.name}-{fingerprint}", data.name)


def _digest(name: str, sums: Mapping[str, str]) -> str:
    return label_of_content(name, json.dumps(sorted(sums.items())).encode())


# -- at planning ----------------------------------------------------------------------------------


def filled(settings: Sequence[S], *, report: Listener = _silent) -> list[S]:
    """The settings of jobs with the identity of their data, where it is not given and the data are there.

    What is missing or damaged is left open: `require` says so of the jobs that are to be run.
    """
    digests: dict[str, str | None] = {}
    jobs = []
    for job in settings:
        if (data := _data(job)) is not None and data.digest is None:
            source = _source(data)
            if source not in digests:
                digests[source] = _digest_if_there(data, report)
            job = on(job, digests[source])
        jobs.append(job)
    return jobs


def on(settings: S, digest: str | None) -> S:
    """The same settings on the data of this identity."""
    data = _data(settings)
    return settings if data is None else replace(settings, **{"data": replace(data, digest=digest)})


def digest_of(settings: Settings) -> str | None:
    data = _data(settings)
    return None if data is None else data.digest


def require_data(data: Data) -> None:
    """Make sure that the data are there, and those that these settings mean.

    Raises `MissingData`, `DamagedData`, and `SettingError` where `data.digest` is that of other data.
    """
    identity = identity_of(data)
    if data.digest is not None and data.digest != identity.digest:
        where = f" under {identity.folder}" if identity.folder else ""
        raise SettingError(
            f"data.digest={data.digest}: the data{where} are others, {identity.digest}; bring back those that are"
            " meant, or leave the key out to take these"
        )


def origins_of_data(settings: Iterable[Settings]) -> dict[str, dict[str, Any]]:
    """Where each identity comes from, by digest; of data that are not there its name alone."""
    documents: dict[str, dict[str, Any]] = {}
    for job in settings:
        data = _data(job)
        if data is not None and data.digest is not None and data.digest not in documents:
            documents[data.digest] = {"data": data.name}
            with contextlib.suppress(MissingData, DamagedData):
                if (there := identity_of(data)).digest == data.digest:
                    documents[data.digest] = there.document()
    return documents


def in_words(document: Mapping[str, Any]) -> str:
    """What a provenance says of some data, in words; it may be anybody's."""
    words = [str(document.get("folder") or document.get("data") or "")]
    files, size = document.get("files"), document.get("bytes")
    if all(isinstance(number, int) and 0 <= number < 2**63 for number in (files, size)):
        words.append(f"{files} files, {float(size or 0) / 1e6:.1f} MB")
    return ", ".join(words)


def name_whatever_the_data(settings: Settings) -> str:
    """A name of what these settings ask for, whatever the data are: equal for jobs that differ in them alone."""
    return digest({name: value for name, value in content(settings).items() if name != "data.digest"})


def place_of(settings: Settings) -> str:
    """Where these settings look for their data; empty for what is not in files."""
    data = _data(settings)
    return data.place() if data is not None else ""


def _data(settings: Settings) -> Data | None:
    return getattr(settings, "data", None)


def _source(data: Data) -> str:
    return f"{data.name} {data.place()}"


def _digest_if_there(data: Data, report: Listener) -> str | None:
    try:
        return identity_of(data, report=report).digest
    except (MissingData, DamagedData):
        return None


# -- in the job -----------------------------------------------------------------------------------


@contextlib.contextmanager
def unchanged_while_loaded(data: Data, *, report: Listener = _silent) -> Iterator[None]:
    """While files are loaded: before, hold them against `data.digest`; after, make sure that none was changed.

    Raises `DamagedData` naming a file that is not what it was when the job was planned.
    """
    identity = _identified(data, report)
    if identity.digest != data.digest:  # and is not remembered: the run's next job, too, says what has changed
        raise DamagedData(_others(data, identity))
    if identity.hashes is not None:
        identity.hashes.keep()
    yield
    if identity.hashes is not None:
        for name, mark in identity.hashes.marks.items():
            if hashes.mark(path := identity.hashes.folder / name) != mark:
                raise DamagedData(f"data={data.name}: {path} was changed while the data were loaded; resume the run")


def _others(data: Data, identity: DataIdentity) -> str:
    where = f" under {identity.folder}" if identity.folder else ""
    words = f"data={data.name}: the data{where} are not those that the job was planned with ({identity.digest}, not "
    words += f"{data.digest})"
    file_hashes = identity.hashes
    if (
        file_hashes is None or _digest(data.name, file_hashes.before) != data.digest
    ):  # what was there is not known any more
        return words
    for name in sorted({*file_hashes.before} | {*file_hashes.sums}):
        if file_hashes.before.get(name) != file_hashes.sums.get(name):
            what = (
                "is new"
                if name not in file_hashes.before
                else "is gone"
                if name not in file_hashes.sums
                else "has changed"
            )
            return f"{words}: {file_hashes.folder / name} {what}"
    return words
