"""Run folders: found by name, never shared by two runs, and safe to open whoever wrote them."""

from __future__ import annotations

import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import yaml

from resnet_limits.errors import OutputError, ReslimError, RunFolderError
from resnet_limits.report.publish import collect
from resnet_limits.runs import status as states
from resnet_limits.runs.folder import Run, outputs_root
from resnet_limits.runs.records import csv_text, read_parquet
from tests.runs.conftest import settings, vouched

# -- names ----------------------------------------------------------------------------------------


def test_runs_that_start_in_the_same_second_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: Run.create(tmp_path, [settings(4)], ["depth=4"], ["reslim"]), range(16)))
    assert len({run.path for run in runs}) == 16
    assert all(len(run.jobs()) == 1 for run in runs)
    assert len({run.id[:19] for run in runs}) < 16, "some did start in the same second"
    assert len(list((tmp_path / "ode").iterdir())) == 16, "nothing half-written is left"


def test_a_run_is_found_by_latest_by_a_unique_beginning_and_by_its_folder(make_run):
    first, second = make_run(), make_run()
    root = first.path.parent.parent
    assert Run.find(root, "latest") == second
    for run in (first, second):
        assert Run.find(root, run.id) == run
        assert Run.find(root, run.id[:-1]) == run
        assert Run.find(root, str(run.path)) == run


def test_a_beginning_of_several_runs_is_refused_with_their_names(make_run):
    first, second = make_run(), make_run()
    with pytest.raises(RunFolderError, match="begins 2 runs") as refused:
        Run.find(first.path.parent.parent, first.id[:4])
    assert first.id in str(refused.value)
    assert second.id in str(refused.value)


def test_a_run_that_is_not_there_is_refused_with_the_nearest(make_run, tmp_path):
    run = make_run()
    with pytest.raises(RunFolderError, match="did you mean 'latest'"):
        Run.find(run.path.parent.parent, "lates")
    for name in ("latest", "lates"):
        with pytest.raises(RunFolderError, match=f"there is no run under {tmp_path}"):
            Run.find(tmp_path / "nowhere", name)


def test_half_made_runs_and_foreign_folders_are_not_listed(make_run):
    run = make_run()
    parent = run.path.parent
    (parent / ".2030-01-01_00-00-00_aa").mkdir()
    (parent / ".2030-01-01_00-00-00_aa" / "provenance.json").write_text((run.path / "provenance.json").read_text())
    (parent / "notes").mkdir()
    (parent / "broken").mkdir()
    (parent / "broken" / "provenance.json").write_text("{")
    (parent / "2030-01-01_00-00-00_aaaaaaaa").write_text("no folder")
    assert Run.all(parent.parent) == [run]


def test_the_folder_of_runs_is_the_key_else_the_variable_else_outputs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path / "variable"))
    assert outputs_root(str(tmp_path / "key")) == tmp_path / "key"
    assert outputs_root(None) == tmp_path / "variable"
    monkeypatch.delenv("RESLIM_OUTPUTS")
    assert outputs_root(None) == tmp_path / "outputs"


def test_an_output_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        Run.create(tmp_path / "file", [settings(4)], [], [])


# -- states ---------------------------------------------------------------------------------------


def test_the_state_of_a_run_follows_from_its_jobs(make_run):
    run = make_run((4, 8))
    first, second = (job.path for job in run.jobs())

    def state(one, other):
        one, other = (vouched(summary) if word is done else word for summary, word in ((first, one), (second, other)))
        states.write_status(first, one)
        states.write_status(second, other)
        return run.state()

    process = states.Process.this()
    done, failed, queued = states.Status("finished"), states.Status("failed"), states.Status("queued")
    assert state(done, done) == "finished"
    (second / "arrays.safetensors").unlink()
    assert run.state() == "interrupted"
    assert state(done, failed) == "failed"
    assert state(done, queued) == "interrupted"
    assert state(failed, states.Status("running", process)) == "running"
    assert state(done, states.Status("running", states.Process(process.host, 2**22 - 1, "1"))) == "interrupted"


# -- records --------------------------------------------------------------------------------------


def test_floats_in_records_csv_read_back_bit_for_bit():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**63, 4000, dtype=np.int64).view(np.float64)
    values = np.concatenate([bits[np.isfinite(bits)], [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 2.0**53 + 2]])
    text = csv_text(pd.DataFrame({"value": values}))
    assert [float(line).hex() for line in text.splitlines()[1:]] == [float(value).hex() for value in values]


def test_collecting_twice_writes_the_same_bytes(make_run):
    run = make_run((4, 8), measured=True)
    files = ("records.csv", "summary.json")
    collect(run, figures=False)
    once = [(run.path / name).read_bytes() for name in files]
    collect(run, figures=False)
    assert [(run.path / name).read_bytes() for name in files] == once


# -- hostile folders ------------------------------------------------------------------------------


class Trap:
    """Unpickled, it makes a folder."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def yaml_trap(mark):
    return f"!!python/object/apply:os.mkdir ['{mark}']\n"


def accept_digests(job):
    """Make a finished job's status agree with whatever lies in its folder."""
    document = json.loads((job / "status.json").read_text())
    document["digests"] = {name: states.file_digest(job / name) for name in document["digests"]}
    (job / "status.json").write_text(json.dumps(document))


def test_yaml_in_a_run_folder_cannot_run_code(make_run, tmp_path):
    run, mark = make_run((4, 8)), tmp_path / "executed"
    good, bad = (job.path for job in run.jobs())
    (bad / "config.yaml").write_text(yaml_trap(mark))
    (run.path / "config.yaml").write_text(yaml_trap(mark))
    assert [job.path for job in Run.open(run.path).jobs()] == [good]
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(yaml_trap(mark))
    assert not mark.exists()


@pytest.mark.parametrize("name", ["records.parquet", "arrays.safetensors"])
def test_a_pickle_in_place_of_results_is_refused_and_not_loaded(make_run, tmp_path, name):
    run, mark = make_run((4,), measured=True), tmp_path / "executed"
    (job,) = (job.path for job in run.jobs())
    (job / name).write_bytes(pickle.dumps(Trap(mark)))
    assert run.jobs(verify=True)[0].status.state == "lost"
    accept_digests(job)
    assert run.jobs(verify=True)[0].status.state == "finished"
    if name == "records.parquet":
        with pytest.raises(RunFolderError, match=r"records\.parquet is missing or damaged"):
            collect(run, figures=False)
    else:
        collect(run, figures=False)  # nothing that is compared here reads arrays
    assert not mark.exists()


def test_arrays_of_a_comparison_are_refused_where_they_are_a_pickle(tmp_path):
    from resnet_limits.runs.collect import arrays

    mark = tmp_path / "executed"
    (tmp_path / "arrays.safetensors").write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(RunFolderError, match=r"arrays\.safetensors is missing or damaged"):
        arrays(tmp_path / "arrays.safetensors")("trained.W")
    assert not mark.exists()


def test_a_table_of_other_columns_in_place_of_records_is_refused_or_empty(make_run):
    run = make_run((4,), measured=True)
    (job,) = (job.path for job in run.jobs())
    pd.DataFrame({"depth": ["a"], "value": ["b"]}).to_parquet(job / "records.parquet")
    accept_digests(job)
    with pytest.raises(ReslimError):
        read_parquet(job / "records.parquet")


def test_a_job_folder_counts_only_under_the_name_of_its_content(make_run):
    run = make_run((4, 8), measured=True)
    job, other = (job.path for job in run.jobs())
    outside = run.path / "outside"
    job.rename(outside)
    assert [job.path for job in run.jobs()] == [other]
    (run.path / "jobs" / "4-0000000000").symlink_to(outside)
    (run.path / "jobs" / "..hidden").symlink_to(outside)
    assert [job.path for job in run.jobs()] == [other]


def test_versions_that_are_no_versions_do_not_matter(make_run):
    run = make_run()
    for packages in (3, None, [], {}):
        text = json.dumps({"schema": 2, "invocations": [{"packages": packages}]})
        (run.path / "provenance.json").write_text(text)
        assert Run.open(run.path).version() == "unknown"


@pytest.mark.parametrize("summary", ["3", "{}", '{"claims": 5}', '{"claims": [{"id": "[/x]"}], "table": []}', "null"])
def test_the_command_shows_a_run_whose_summary_is_damaged(make_run, summary, monkeypatch, capsys):
    runs = import_module("reslim_cli.runs").runs
    run = make_run()
    (run.path / "summary.json").write_text(summary)
    monkeypatch.setenv("RESLIM_OUTPUTS", str(run.path.parent.parent))
    runs(None, json_out=True)
    assert json.loads(capsys.readouterr().out)[0]["verdicts"] == {}
    runs("latest", json_out=False)
    assert run.id in capsys.readouterr().out
