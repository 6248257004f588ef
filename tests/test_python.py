"""Jobs and runs from Python: the same jobs as the command's, a run that can be read, and a wrong value in words."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import resnet_limits as rl
from resnet_limits.errors import RunFolderError, SettingError
from resnet_limits.runs import records
from resnet_limits.settings.grid import grid
from resnet_limits.settings.keys import flat
from tests.planting import plant

TINY = rl.Ode(width=4, claims=["ode.forward.euler"], ode=rl.OdeKeys(inputs=2, paths=1), init=rl.TiedLaw())
DEPTHS = (4, 8, 16, 32)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    return rl.sweep(dataclasses.replace(TINY, outputs=str(tmp_path_factory.mktemp("swept"))), depth=DEPTHS)


def test_a_sweep_is_a_run_with_the_numbers_of_its_jobs(swept):
    one = rl.run(dataclasses.replace(TINY, depth=16))
    at_16 = swept.records[swept.records["depth"] == 16]
    for column in ("observable", "scheme", "value", "reference_error"):
        assert at_16[column].to_list() == one[column].to_list()
    assert sorted(swept.records["depth"].unique()) == list(DEPTHS)
    assert list(swept.records.columns) == list(pd.read_csv(swept.path / "records.csv").columns)
    assert str(swept.records["depth"].dtype) == "Int64"


def test_its_claims_have_verdicts_with_intervals(swept):
    assert swept.verdicts == {"ode.forward.euler": "supported"}
    (row,) = swept.claims.to_dict("records")
    assert row["claim"] == "ode.forward.euler"
    assert row["low"] <= row["value"] <= row["high"]
    assert (row["expected"], row["verdict"]) == (1.0, "supported")
    document = json.loads((swept.path / "summary.json").read_text())
    assert document["claims"][0]["measured"]["low"] == row["low"]


def test_it_draws_a_figure_and_writes_the_page(swept, tmp_path):
    figure = swept.figure("ode.forward.euler")
    assert figure.axes[0].lines
    figure.savefig(tmp_path / "figure.png")
    with pytest.raises(SettingError, match=r"no figure 'ode\.forward\.eular'; did you mean 'ode\.forward\.euler'"):
        swept.figure("ode.forward.eular")
    page = swept.report()
    assert page == swept.path / "report.html"
    assert "ode.forward.euler" in page.read_text()


def test_a_notebook_shows_its_claims(swept):
    shown = swept._repr_html_()
    assert "1 of 1 claims supported" in shown
    assert "4 of 4 jobs finished" in shown
    assert "ode.forward.euler" in shown


def test_what_was_swept_is_loaded_again_and_the_command_goes_on_with_it(swept):
    loaded = rl.load_run(swept.path)
    assert type(loaded) is rl.MeasuredRun
    pd.testing.assert_frame_equal(loaded.records, swept.records)
    assert loaded.verdicts == swept.verdicts
    command = [sys.executable, "-c", "from reslim_cli.app import main; main()", "train", "--resume", str(swept.path)]
    command += ["--dry-run", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=swept.path.parent)
    assert done.returncode == 0, done.stderr
    assert [job["missing"] for job in json.loads(done.stdout)] == [False] * 4


def test_a_job_that_fails_is_warned_of_and_the_others_are_judged(tmp_path, monkeypatch):
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path))
    threads = torch.get_num_threads()
    written = records.write_parquet

    def refuse(path: Path, frame: pd.DataFrame) -> None:
        if path.parent.name.startswith("8-"):
            raise OSError(28, "No space left on device")
        written(path, frame)

    plant(monkeypatch, written, refuse)
    with pytest.warns(UserWarning, match="job 8-.* failed: OutputError"):
        run = rl.sweep(TINY, depth=[4, 8])
    assert list(run.records["depth"].unique()) == [4]
    assert "1 of 2 jobs finished" in run._repr_html_()
    assert run.path.parent == tmp_path / "ode"
    assert torch.get_num_threads() == threads


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="is not a run folder"):
        rl.load_run(tmp_path)


def test_a_grid_is_all_combinations():
    parts = grid(rl.Ode(), {"depth": np.array([8, 16]), "seed": range(2), "train.lr": 0.2, "init": ["tied", "rough"]})
    jobs = [flat(job) for part in parts for job in part.settings]
    assert [(job["init"], job["depth"], job["seed"]) for job in jobs] == [
        (init, depth, seed) for init in ("tied", "rough") for depth in (8, 16) for seed in (0, 1)
    ]
    assert {job["train.lr"] for job in jobs} == {0.2}
    assert [type(job["depth"]) for job in jobs] == [int] * 8


def test_a_list_of_claims_is_one_value_and_a_list_of_lists_is_several():
    (part,) = grid(rl.Ode(), {"claims": ["ode.forward", "ode.rough"]})
    assert [job.claims for job in part.settings] == [["ode.forward", "ode.rough"]]
    (part,) = grid(rl.Ode(), {"claims": [["ode.forward"], ["ode.rough"]]})
    assert [job.claims for job in part.settings] == [["ode.forward"], ["ode.rough"]]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"dpeth": [8]}, "unknown key 'dpeth'; did you mean 'depth'"),
        ({"train.rl": 0.1}, "unknown key 'train.rl'.*train.lr"),
        ({"depth": []}, "depth: expected a value, or a list of one or more"),
        ({"depth": [8, 0]}, "depth: expected at least 1"),
        ({"init": ["tied", "smoth"]}, "init: unknown option 'smoth'; did you mean 'smooth'"),
        ({"claims": ["ode.nothing"]}, "ode.nothing"),
        ({"cluster": "slurm"}, "cluster=slurm"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_swept_is_refused_before_a_folder_is_made(keys, words, tmp_path, monkeypatch):
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path))
    with pytest.raises(SettingError, match=words):
        rl.sweep(TINY, **keys)
    assert list(tmp_path.iterdir()) == []
