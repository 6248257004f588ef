"""What TensorBoard and W&B have in their files, read with their own code where there is some."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2

Record: Any = vars(wandb_internal_pb2)["Record"]  # made when it is imported: no type checker sees it
Curves = dict[str, list[tuple[int, float]]]
"""Points (step, value) by name, in the order of the file."""

BLOCK, HEADER = 32768, 7
WHOLE, LAST = 1, 4


def tensorboard_curves(job: Path) -> Curves:
    """All scalars of the folder; nothing that was written is left out."""
    events = EventAccumulator(str(job / "tensorboard"), {"scalars": 0}, purge_orphaned_data=False).Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def wandb_file(job: Path) -> Path:
    """The one file of W&B of a job."""
    (path,) = (job / "wandb").rglob("*.wandb")
    return path


def wandb_records(job: Path) -> Iterator[Any]:
    """The records of W&B's file: its protocol buffers, in the log format of LevelDB, for which W&B has no Python."""
    data = wandb_file(job).read_bytes()
    assert data.startswith(b":W&B")
    at, content = HEADER, b""
    while at + HEADER <= len(data):
        if (left := BLOCK - at % BLOCK) < HEADER:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        content += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (WHOLE, LAST):
            record = Record()
            record.ParseFromString(content)
            yield record
            content = b""
    assert content == b"", "the file ends within a record"


def wandb_run(job: Path) -> Any:
    """The record that says which run it is."""
    (run,) = (r.run for r in wandb_records(job) if r.WhichOneof("record_type") == "run")
    return run


def wandb_curves(job: Path) -> Curves:
    """All of the history by name, over the step that W&B was told to draw it over."""
    curves: Curves = {}
    axes = {}
    for record in wandb_records(job):
        if record.WhichOneof("record_type") == "metric" and record.metric.glob_name:
            axes[record.metric.glob_name] = record.metric.step_metric
        if record.WhichOneof("record_type") != "history":
            continue
        row = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
        for name, value in row.items():
            if not name.startswith("_") and not name.endswith("/step"):
                axis = axes[f"{name.rpartition('/')[0]}/*"]
                curves.setdefault(name, []).append((row[axis], float(value)))
    return curves
