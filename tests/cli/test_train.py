"""`reslim train` end to end, through the installed command."""

from __future__ import annotations

import csv
import json
import re

import pytest
import yaml
from safetensors import safe_open

from resnet_limits.studies.study import get
from tests.cli.command import TINY, without_seconds
from tests.cli.conftest import DEPTHS, REQUEST

COLUMNS = [
    *("study", "job", "depth", "width", "replicas", "seed", "observable", "value", "stderr", "reference"),
    *("reference_error", "layer", "step", "setting", "seconds"),
]


def rows(run):
    with open(run / "records.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_a_finished_run_has_every_file_of_the_contract(sweep):
    files = {str(p.relative_to(sweep.path)) for p in sweep.path.rglob("*") if p.is_file()}
    assert {"plan.json", "config.yaml", "overrides.txt", "provenance.json", "records.csv", "summary.json"} <= files
    assert {"figures/ode.reversed.euler.svg", "figures/overview.png", "figures/overview.svg"} <= files
    jobs = sorted(path.name for path in (sweep.path / "jobs").iterdir())
    assert sorted(int(name.split("-")[0]) for name in jobs) == sorted(DEPTHS)
    for name in jobs:
        assert {
            f"jobs/{name}/{f}" for f in ("status.json", "records.parquet", "arrays.safetensors", "log.txt")
        } <= files
    hidden = [f for f in files if f.rsplit("/")[-1].startswith(".")]
    assert hidden == ["figures/.drawn.json"], "nothing half-written is left"
    assert not [f for f in files if f.endswith("owner.json")], "nobody owns a finished job"


def test_the_run_folder_is_named_by_study_and_time(sweep):
    assert sweep.path.parent == sweep.reslim.outputs / "ode"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]+", sweep.path.name)


def test_configuration_and_overrides_say_what_was_asked_for(sweep):
    config = yaml.safe_load((sweep.path / "config.yaml").read_text())
    assert sorted(config["depth"]) == sorted(DEPTHS)
    assert config["width"] == 4
    assert config["init"]["name"] == "smooth"
    assert (sweep.path / "overrides.txt").read_text().split() == [*REQUEST]


def test_provenance_says_command_versions_and_machine(sweep):
    document = json.loads((sweep.path / "provenance.json").read_text())
    assert document["schema"] == 2
    (invocation,) = document["invocations"]
    assert invocation["command"][1:] == ["train", *REQUEST, "--json"]
    assert {"reslim", "torch", "numpy", "hydra-core"} <= set(invocation["packages"])
    assert {"time", "host", "platform", "python", "git", "cpus"} <= set(invocation)


def test_a_finished_job_says_so_with_digests_of_its_files(sweep):
    for folder in (sweep.path / "jobs").iterdir():
        status = json.loads((folder / "status.json").read_text())
        assert status["state"] == "finished"
        assert status["device"].startswith("cpu")
        assert set(status["digests"]) == {"records.parquet", "arrays.safetensors"}
        assert {"host", "pid", "started", "folder"} == set(status["process"])
        assert "finished" in (folder / "log.txt").read_text()


def test_records_have_the_columns_of_the_contract_in_order(sweep):
    header = (sweep.path / "records.csv").read_text().splitlines()[0].split(",")
    assert header == [*COLUMNS, "scheme"]


def test_integer_columns_are_written_as_integers_and_absent_ones_as_nothing(sweep, failing):
    for run in (sweep.path, failing.path):
        records = rows(run)
        assert records
        for row in records:
            for column in ("depth", "width", "replicas", "seed"):
                assert re.fullmatch(r"\d+", row[column]), (column, row[column])
            for column in ("layer", "step"):
                assert re.fullmatch(r"\d*", row[column]), (column, row[column])
    assert {row["step"] for row in rows(failing.path)} >= {"", "0", "1"}


def test_records_are_sorted_by_job_and_all_jobs_are_there(sweep):
    depths = [int(row["depth"]) for row in rows(sweep.path) if row["job"]]
    assert depths == sorted(depths)
    assert set(depths) == set(DEPTHS)
    assert {row["observable"] for row in rows(sweep.path)} == {"reversed_gradient_error", "reversed_state_error"}


def test_numbers_in_records_read_back_bit_for_bit(sweep):
    from resnet_limits.runs.records import read_parquet

    written = {(row["job"], row["observable"], row["scheme"]): float(row["value"]) for row in rows(sweep.path)}
    for folder in (sweep.path / "jobs").iterdir():
        for row in read_parquet(folder / "records.parquet").to_dict("records"):
            assert written[folder.name, row["observable"], row["scheme"]] == row["value"]


def test_json_is_one_document_on_stdout_and_equals_the_summary(sweep):
    assert sweep.answer.json == json.loads((sweep.path / "summary.json").read_text())
    assert "finished" in sweep.answer.err, "progress goes to stderr"


def test_the_summary_has_the_schema_of_the_contract(sweep):
    summary = sweep.answer.json
    assert set(summary) == {
        *("schema", "study", "run", "state", "groups", "claims", "table", "jobs", "seconds", "collected"),
        *("reached", "elapsed"),
    }
    assert (summary["schema"], summary["study"], summary["state"]) == (1, "ode", "finished")
    assert summary["run"] == str(sweep.path)
    assert summary["seconds"] > 0
    assert set(summary["jobs"].values()) == {"finished"}
    (claim,) = summary["claims"]
    assert set(claim) == {
        *("id", "setting", "source", "statement", "kind", "group", "rival"),
        *("observable", "expected", "pins", "measured", "verdict", "why"),
    }
    (group,) = summary["groups"]
    assert group["name"] == claim["group"] == "reversed"
    assert group["title"].endswith("?")
    assert claim["id"] == "ode.reversed.euler"
    assert claim["setting"] == {}
    assert "arXiv" in claim["source"]
    assert claim["kind"] in ("theorem", "derived", "observation", "control", "identity")
    assert claim["expected"] == {"what": "order", "value": 1.0, "tolerance": 0.1}
    assert claim["pins"] == {}
    assert set(claim["measured"]) == {"value", "low", "high", "level"}
    assert claim["measured"]["low"] < claim["measured"]["value"] < claim["measured"]["high"]
    assert claim["measured"]["level"] == 0.95
    assert claim["verdict"] in ("supported", "refuted", "inconclusive")
    assert claim["why"]
    for row in summary["table"]:
        keys = {"depth", "setting", "observable", "value", "stderr", "scaled", "claim", "reference_error"}
        assert set(row) == keys
        assert row["scaled"] == row["value"] * row["depth"]
    assert [row["depth"] for row in summary["table"]] == sorted(DEPTHS)


def test_without_json_headline_question_claims_and_places_stand_on_stdout(joblib_sweep):
    """With `--table`, which the fixture asks for, the values by depth too."""
    out, err = joblib_sweep.answer.out, joblib_sweep.answer.err
    assert re.match(r"[01] of 1 claim supported · \d+ s\n", out)
    for word in ("L=4", "L=2048", "ode.reversed.euler", "order 1 ± 0.1"):
        assert word in out
    question = get("ode").group("reversed").title
    assert re.search(rf"^. +[01] of 1 +{re.escape(question)}$", out, re.MULTILINE), "how many of its claims"
    assert out.index(question) < out.index("By depth") < out.index(get("ode").claims[8].statement)
    report, figures, what_next = out.splitlines()[-3:]
    assert report == f"report   {joblib_sweep.path}/report.html"
    assert figures == f"figures  {joblib_sweep.path}/figures"
    assert what_next.startswith("next     reslim ")
    for name in (p.name for p in (joblib_sweep.path / "jobs").iterdir()):
        assert f"{name} finished" in err


def test_the_joblib_launcher_and_a_second_run_give_the_same_records_bit_for_bit(sweep, joblib_sweep):
    assert without_seconds(joblib_sweep.path / "records.csv") == without_seconds(sweep.path / "records.csv")


def test_a_job_does_not_depend_on_which_others_were_asked_for(sweep, settings_sweep):
    def values_by_depth(run, **values):
        return {
            (row["job"], row["depth"], row["observable"], row["scheme"]): row["value"]
            for row in rows(run)
            if all(row[key] == value for key, value in values.items())
        }

    alone = values_by_depth(sweep.path)
    among_others = values_by_depth(settings_sweep.path, activation="tanh", seed="0")
    common = {key: value for key, value in among_others.items() if key in alone}
    assert {key[1] for key in common} == {"4", "8", "16"}
    assert common == {key: alone[key] for key in common}


def test_one_depth_is_one_job_and_its_claims_are_inconclusive_for_want_of_depths(one_job):
    summary = one_job.answer.json
    assert summary["state"] == "finished"
    assert len(summary["jobs"]) == 1
    (claim,) = summary["claims"]
    assert claim["verdict"] == "inconclusive"
    assert re.search(r"\b(4|four)\b.*depths", claim["why"])
    assert [row["depth"] for row in summary["table"]] == [16]


def test_a_solution_that_jobs_share_is_kept_in_the_run(one_job):
    shared = list((one_job.path / "shared").glob("*.safetensors"))
    assert shared
    assert {path.suffix for path in (one_job.path / "shared").iterdir()} == {".safetensors", ".lock"}
    for path in shared:  # the flow, and the leading error of Euler's scheme on it
        with safe_open(path, framework="numpy") as file:
            assert file.get_tensor("x").shape == (1, 2, 4)


def test_a_sweep_over_a_setting_judges_each_claim_once_a_setting(settings_sweep):
    summary = settings_sweep.answer.json
    assert [claim["id"] for claim in summary["claims"]] == ["ode.reversed.euler"] * 2
    assert [claim["setting"] for claim in summary["claims"]] == [{"activation": "swish"}, {"activation": "tanh"}]
    assert len(summary["jobs"]) == 16
    assert {row["setting"] for row in rows(settings_sweep.path)} == {"activation=tanh", "activation=swish"}
    assert {row["activation"] for row in rows(settings_sweep.path)} == {"tanh", "swish"}
    header = (settings_sweep.path / "records.csv").read_text().splitlines()[0].split(",")
    assert header == [*COLUMNS, "scheme", "activation"]


def test_seeds_are_pooled_and_no_setting(settings_sweep):
    summary = settings_sweep.answer.json
    assert {row["seed"] for row in rows(settings_sweep.path)} == {"0", "1"}
    for setting in ({"activation": "tanh"}, {"activation": "swish"}):
        points = [row for row in summary["table"] if row["setting"] == setting]
        assert [row["depth"] for row in points] == [4, 8, 16, 32], "one point a depth, not one a seed"
        for point in points:
            values = [
                float(row["value"])
                for row in rows(settings_sweep.path)
                if (row["observable"], row["scheme"]) == ("reversed_gradient_error", "euler")
                and (row["depth"], row["activation"]) == (str(point["depth"]), setting["activation"])
            ]
            assert len(values) == 2
            assert point["value"] == pytest.approx(sum(values) / 2)


def test_a_job_that_fails_does_not_stop_the_others(failing):
    states = {json.loads((p / "status.json").read_text())["state"]: p.name for p in (failing.path / "jobs").iterdir()}
    assert set(states) == {"failed", "finished"}
    assert failing.answer.code == 1
    assert f"{states['failed']} failed" in failing.answer.err
    assert "started on cpu" in failing.answer.err, "the last lines of its log are shown"
    assert "the loss is nan" in failing.answer.err
    assert f"reslim train --resume {failing.path}" in failing.answer.err
    assert "Traceback" not in failing.answer.err + failing.answer.out
    assert {row["job"] for row in rows(failing.path) if row["job"]} == {states["finished"]}
    assert json.loads((failing.path / "summary.json").read_text())["state"] == "failed"


def test_runs_shows_a_failed_run_with_the_command_that_continues_it(failing):
    document = failing.reslim("runs", "latest", "--json").done().json
    assert document["state"] == "failed"
    assert document["continue"] == f"reslim train --resume {failing.path}"
    assert sorted(document["jobs"].values()) == ["failed", "finished"]
    assert f"continue with: reslim train --resume {failing.path}" in failing.reslim("runs").done().out.splitlines()


@pytest.mark.slow
def test_a_dry_run_lists_the_jobs_and_writes_nothing(reslim):
    answer = reslim("train", *TINY, "depth=4,8", "--dry-run").done()
    names = re.findall(r"^\d+-[0-9a-f]{10}", answer.out, re.MULTILINE)
    assert [name.split("-")[0] for name in names] == ["4", "8"]
    assert "2 of 2 jobs" in answer.out
    jobs = reslim("train", *TINY, "depth=4,8", "--dry-run", "--json").done().json
    assert [job["job"] for job in jobs] == names
    assert all(job["missing"] for job in jobs)
    assert [(job["groups"], job["skipped"]) for job in jobs] == [(["reversed"], [])] * 2
    assert not reslim.outputs.exists()


@pytest.mark.slow
def test_planning_says_which_groups_are_skipped_at_which_depths(reslim):
    words = ("study=hamiltonian", "claims=[hamiltonian.geodesic.*,hamiltonian.energy]", "preset=smoke", "device=cpu")
    answer = reslim("train", *words, "depth=16,64,128", "--dry-run").done()
    line = "landmarks: measured at depths up to 32; skipped at 64, 128"
    assert line in answer.out.splitlines()
    jobs = reslim("train", *words, "depth=16,64,128", "--dry-run", "--json").done().json
    skipped = {int(job["job"].split("-")[0]): job["skipped"] for job in jobs}
    assert skipped == {16: [], 64: ["landmarks"], 128: ["landmarks"]}
    assert all(("landmarks" in job["groups"]) != bool(job["skipped"]) for job in jobs)
    assert "skipped" not in reslim("train", *words, "depth=16", "--dry-run").done().out


@pytest.mark.slow
def test_a_claim_that_no_planned_depth_measures_is_inconclusive_and_says_so(reslim):
    words = ("study=hamiltonian", "claims=[hamiltonian.geodesic.landmarks.*]", "preset=smoke", "device=cpu", "depth=64")
    answer = reslim("train", *words, "--json").done()
    assert "reslim: landmarks: measured at depths up to 32; skipped at 64" in answer.err.splitlines()
    assert [claim["verdict"] for claim in answer.json["claims"]] == ["inconclusive"] * 2
    assert all("depths up to 32" in claim["why"] for claim in answer.json["claims"])
    answer = reslim("verify", "hamiltonian", *words[1:])
    assert answer.code == 1
    assert "nothing was measured" in answer.out
    assert "depths up to 32" in answer.out


@pytest.mark.slow
def test_a_claim_is_run_alone_where_other_ids_begin_with_its_own(reslim):
    words = ("study=sde", "width=4", "replicas=8", "device=cpu", "depth=4,8", "--json")
    for name, ids in (("sde.strong", ["sde.strong"]), ("sde.strong.*", list(get("sde").parts["strong"]))):
        summary = reslim("train", f"claims=[{name}]", *words).done().json
        assert [claim["id"] for claim in summary["claims"]] == ids


@pytest.mark.slow
def test_the_multirun_flag_of_hydra_changes_nothing(reslim):
    without = reslim("train", *TINY, "depth=4", "--dry-run").done()
    assert reslim("train", "-m", *TINY, "depth=4", "--dry-run").done() == without


def test_cfg_job_prints_the_configuration_of_a_job(reslim):
    configuration = yaml.safe_load(reslim("train", *TINY, "depth=4", "--cfg", "job").done().out)
    assert configuration["depth"] == 4
    assert configuration["ode"] == {"inputs": 2, "paths": 1, "draws": 8}
    assert configuration["init"]["name"] == "smooth"
    assert not reslim.outputs.exists()


@pytest.mark.slow
def test_the_smoke_preset_gives_every_claim_the_verdict_that_it_must_have(finished):
    run = finished("smoke", "preset=smoke", "device=cpu")
    assert run.answer.code == 0
    expected = {claim.id: claim.verdicts["smoke"] for claim in get("ode").claims}
    summary = json.loads((run.path / "summary.json").read_text())
    assert {claim["id"]: claim["verdict"] for claim in summary["claims"]} == expected


@pytest.mark.slow
def test_a_sweep_with_another_option_of_a_group_runs(reslim):
    request = [*TINY[:-1], "claims=[ode.forward.euler]", "depth=2,4"]
    summary = reslim("train", *request, "init=tied", "block=outside", "data=moons", "--json").done().json
    assert summary["state"] == "finished"
