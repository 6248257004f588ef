"""Jobs that train for a moment, in folders of their own, with every step shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.measurement.record import Record
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.runs.records import read_parquet, to_records
from resnet_limits.settings.training import Train
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from resnet_limits.training import shown
from tests.planting import resize
from tests.sinks.reading import Curves

BOTH = ["tensorboard", "wandb"]
LIVE = ("train_loss", "gradient_norm", "test_loss", "test_accuracy", "roughness", "largest_increment")


def settings(sinks: Sequence[str] | None, **values) -> Ode:
    keys = {"depth": 4, "width": 4, "device": "cpu", "claims": ["ode.trained", "ode.trained_iid.distance"]}
    keys |= {"ode": OdeKeys(inputs=2, paths=1), "data": DigitsData(train_size=140, test_size=20)}
    keys |= {"train": Train(epochs=4, batch_size=14, replicas=3)}
    return Ode(**{**keys, "sinks": sinks if sinks is None else list(sinks), **values})


def queued(outputs: Path, job: Ode) -> Path:
    """The folder of the job, in a run of its own."""
    (folder,) = Run.create(outputs, [job], ["depth=4"], ["reslim", "train"]).path.glob("jobs/*")
    return folder


def run(folder: Path, job: Ode) -> None:
    with pytest.MonkeyPatch.context() as patch:
        resize(patch, shown, SECONDS_BETWEEN_POINTS=0.0)
        run_job(folder.parent.parent, job)


def log(folder: Path) -> str:
    return (folder / "log.txt").read_text()


def records(folder: Path) -> list[Record]:
    return to_records(read_parquet(folder / "records.parquet"))


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def live_curves(folder: Path) -> Curves:
    """The curves by step that a sink must have been shown of `settings`, from the records."""
    curves: Curves = {}
    for r in records(folder):
        if r.observable in LIVE and r.step is not None:
            part = "trained" if r.coordinates["init"] == "tied" else "trained_iid"
            curves.setdefault(f"{part}/{r.observable}", []).append((r.step, r.value))
    assert len(curves) == 2 * len(LIVE)
    return curves
