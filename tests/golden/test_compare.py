"""The comparison of two checkouts sees one bit, a missing record, another array; and nothing in what is equal."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from tests.golden.compare import differences, pairs


def job(folder, *, value=1.0, rows=2, weights=(0.0, 1.0), name="weights", seconds=1.0, dtype=np.float64):
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"job": folder.name, "observable": "error", "value": [value, math.nan], "seconds": seconds})
    frame.head(rows).to_parquet(folder / "records.parquet")
    save_file({name: np.array(weights, dtype=dtype)}, folder / "arrays.safetensors")
    return folder


def test_equal_jobs_differ_in_nothing_whatever_their_names_and_times(tmp_path):
    assert differences(job(tmp_path / "8-a"), job(tmp_path / "8-b", seconds=2.0)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"value": math.nextafter(1.0, 2.0)},
        {"value": math.nan},
        {"rows": 1},
        {"weights": (0.0, math.nextafter(1.0, 2.0))},
        {"weights": (-0.0, 1.0)},
        {"weights": (0.0,)},
        {"name": "states"},
        {"dtype": np.float32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_is_named(tmp_path, change):
    assert len(differences(job(tmp_path / "ours"), job(tmp_path / "theirs", **change))) >= 1


def test_jobs_are_paired_by_name_or_else_by_depth_and_one_without_another_is_shown(tmp_path):
    for name in ("ours/ode/run/jobs/8-a", "ours/ode/run/jobs/16-a", "theirs/ode/run/jobs/8-b"):
        job(tmp_path / name)
    sides = {name: (a is not None, b is not None) for name, a, b in pairs(tmp_path / "ours", tmp_path / "theirs")}
    assert sides == {"ode 8": (True, True), "ode 16": (True, False)}


def test_several_jobs_of_one_depth_and_other_names_are_not_guessed_at(tmp_path):
    for name in ("ours/ode/run/jobs/8-a", "ours/ode/run/jobs/8-b", "theirs/ode/run/jobs/8-c"):
        job(tmp_path / name)
    with pytest.raises(SystemExit, match="several have depth 8"):
        list(pairs(tmp_path / "ours", tmp_path / "theirs"))
