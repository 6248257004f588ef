"""Records as tables: `records.parquet` of one job, `records.csv` of a run.

study, job, depth, width, replicas, seed, observable, value, stderr, reference, reference_error,
layer, step, setting, seconds, then further coordinates, then each swept key
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import RunFolderError
from ..files import read_bytes, whole
from ..measurement.record import Record
from ..settings.base import Settings
from ..settings.content import content

COLUMNS_OF_RECORDS = (
    *("study", "job", "depth", "width", "replicas", "seed", "observable", "value", "stderr", "reference"),
    *("reference_error", "layer", "step", "setting", "seconds"),
)
INTEGERS = ("depth", "width", "replicas", "seed", "layer", "step")


def table(
    settings: Settings, records: Sequence[Record], *, job: str = "", seconds: float | None = None
) -> pd.DataFrame:
    """The records of one job, or of a comparison (an empty `job`), as rows of the long table."""
    rows = [
        {
            "study": settings.study,
            "job": job,
            "depth": settings.depth,
            "width": settings.width,
            "replicas": settings.replicas if r.replicas is None else r.replicas,
            "seed": settings.seed,
            "observable": r.observable,
            "value": r.value,
            "stderr": r.stderr,
            "reference": r.reference,
            "reference_error": r.reference_error,
            "layer": r.layer,
            "step": r.step,
            "setting": "",
            "seconds": seconds,
            **r.coordinates,
        }
        for r in records
    ]
    return typed(pd.DataFrame(rows, columns=None if rows else list(COLUMNS_OF_RECORDS)))


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns in order, integers as integers (with gaps), numbers as floats."""
    frame = frame.reindex(columns=[*COLUMNS_OF_RECORDS, *(c for c in frame.columns if c not in COLUMNS_OF_RECORDS)])
    for column in INTEGERS:
        frame[column] = frame[column].astype("Int64")
    for column in ("value", "stderr", "reference", "reference_error", "seconds"):
        frame[column] = frame[column].astype("float64")
    return frame


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    with whole(path) as beside:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), beside)


def read_parquet(path: Path) -> pd.DataFrame:
    """The records of a job. Raises `RunFolderError` for a file that is missing or damaged."""
    try:
        return typed(pq.read_table(pa.BufferReader(read_bytes(path))).to_pandas(ignore_metadata=True))
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise RunFolderError(f"{path} is missing or damaged ({type(error).__name__})") from None


def to_records(frame: pd.DataFrame) -> list[Record]:
    """The rows of one job's table as records again."""
    extra = [c for c in frame.columns if c not in COLUMNS_OF_RECORDS]
    return [
        Record(
            observable=row["observable"],
            value=row["value"],
            stderr=row["stderr"],
            reference=row["reference"],
            reference_error=row["reference_error"],
            layer=None if pd.isna(row["layer"]) else int(row["layer"]),
            step=None if pd.isna(row["step"]) else int(row["step"]),
            coordinates={c: row[c] for c in extra if not pd.isna(row[c])},
            replicas=int(row["replicas"]),
        )
        for row in frame.to_dict("records")
    ]


DATA_COLUMN, PARTS_COLUMN = "data.digest", "parts"


def swept_keys(jobs: Sequence[Settings]) -> list[str]:
    """The keys in which the jobs shown together differ, other than depth and seed.

    The identity of the data, or of files of a user's own, is one only where nothing else tells others apart: two
    folders of one name, say, or a file that was changed.
    """
    values = [content(job) for job in jobs]
    names = [
        name for name in dict.fromkeys(name for value in values for name in value) if name not in ("depth", "seed")
    ]
    swept = [name for name in names if any(value.get(name) != values[0].get(name) for value in values)]
    for identity in (DATA_COLUMN, PARTS_COLUMN):
        others = [name for name in swept if name != identity]
        seen = {tuple(str(value.get(name)) for name in others): value.get(identity) for value in values}
        if all(seen[tuple(str(value.get(name)) for name in others)] == value.get(identity) for value in values):
            swept = others
    return swept


def setting_of(settings: Settings, swept: Sequence[str]) -> dict[str, Any]:
    """The values of the swept keys; a key that these settings do not have is left out."""
    values = content(settings)
    return {name: values[name] for name in swept if name in values}


def setting_label(setting: Mapping[str, Any]) -> str:
    """`activation=relu, width=32`; empty for the only setting."""
    return ", ".join(f"{key}={value}" for key, value in setting.items())


def csv_text(frame: pd.DataFrame) -> str:
    """The table as CSV; floats are written so that reading gives them back bit for bit."""
    return frame.to_csv(index=False, lineterminator="\n")
