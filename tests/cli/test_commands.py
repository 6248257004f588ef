"""`studies`, `runs`, `doctor`: what they say, with and without --json, and to a reader that leaves early."""

from __future__ import annotations

import importlib
import io
import os
import re
import time
from importlib import metadata

import pytest

from resnet_limits.settings.registry import STUDIES
from tests.cli.conftest import DEPTHS, REQUEST

display = importlib.import_module("reslim_cli.display")
"""By the name it is installed under, which a type checker of the tree does not know."""


def test_the_version_is_that_of_the_installed_distribution(in_process):
    answer = in_process("--version").done()
    assert answer.out == f"reslim {metadata.version('reslim')}\n"
    assert answer.err == ""


@pytest.mark.parametrize("arguments", [(), ("studies",)], ids=["alone", "studies"])
def test_studies_is_a_line_a_study_of_command_question_number_of_claims_and_time(reslim, arguments):
    document = reslim("studies", "--json").done().json
    assert [study["name"] for study in document] == list(STUDIES)
    text = reslim(*arguments).done().out
    for study in document:
        words = (
            f"reslim train study={study['name']} +{re.escape(study['question'])} +{len(study['claims'])} +\\d+ (s|min)"
        )
        assert re.search(f"^{words} *$", text, re.MULTILINE), text


def test_a_study_and_its_sections_show_what_the_document_holds(reslim):
    document = reslim("studies", "ode", "--json").done().json
    assert set(document) == {
        *("name", "title", "question", "seconds", "equation", "papers", "groups", "claims"),
        *("observables", "arrays", "keys"),
    }
    assert [claim for group in document["groups"] for claim in group["claims"]] == [c["id"] for c in document["claims"]]
    assert {group["name"]: group["depths"] for group in document["groups"]}["rough"] == {"low": 1, "high": 2048}
    assert all(
        set(group) - {"loss"} == {"name", "title", "seconds", "depths", "claims"} for group in document["groups"]
    )
    assert "loss" in {key for group in document["groups"] for key in group}
    assert all(re.search(r" (19|20)\d\d(, arXiv \d{4}\.\d{5})?$", paper) for paper in document["papers"])
    for claim in document["claims"]:
        assert {"id", "kind", "source", "statement", "observable", "expected", "pins"} <= set(claim)
        assert claim["observable"] in document["observables"]
        assert claim["expected"]["tolerance"] > 0
    keys = {entry["key"]: entry for entry in document["keys"]}
    assert keys["depth"]["default"] == 64
    assert keys["depth"]["range"] == "at least 1 and at most 1000000"
    assert keys["init.hurst"]["with"] == "init=fractional, init=rough"
    assert keys["block"]["range"] == "one of gradient, one, outside, prenorm, two"
    assert all(entry["meaning"] for entry in document["keys"])

    shown = {part: reslim("studies", "ode", part).done().out for part in ("keys", "claims", "observables", "arrays")}
    assert all(f"{key} " in shown["keys"] for key in keys)
    assert all(claim["id"] in shown["claims"] and claim["statement"] in shown["claims"] for claim in document["claims"])
    assert all(part in shown[name] for name in ("observables", "arrays") for part in document[name])
    text = reslim("studies", "ode").done().out
    assert all(word in text for word in (document["equation"], *(group["title"] for group in document["groups"])))


def test_a_study_shows_the_keys_that_it_takes_and_no_other(reslim):
    keys = {entry["key"].split(".")[0] for entry in reslim("studies", "gamma", "--json").done().json["keys"]}
    assert {"gamma", "minimiser", "data", "cluster"} <= keys
    assert not keys & {"init", "block", "train"}, "gamma has no law of weights and no block"


def test_a_working_folder_that_was_removed_is_said(reslim, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    answer = reslim("runs", cwd=gone, preexec_fn=gone.rmdir)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "reslim: the working folder was removed; cd to one that is there\n"


def test_runs_says_so_where_there_are_none(reslim):
    assert "no runs under" in reslim("runs").done().out
    assert reslim("runs", "--json").done().json == []


def test_runs_lists_runs_with_state_study_depths_and_verdicts(sweep):
    (document,) = sweep.reslim("runs", "--json").done().json
    assert document["id"] == sweep.path.name
    assert document["run"] == str(sweep.path)
    assert (document["study"], document["state"], document["continue"]) == ("ode", "finished", None)
    assert document["depths"] == [4, 8, 16, 2048]
    assert sum(document["verdicts"].values()) == 1
    text = sweep.reslim("runs").done().out
    assert sweep.path.name in text
    assert "4, 8, 16, 2048" in text
    assert f"{sweep.path.name}, study ode, finished\n" in sweep.reslim("runs", "latest").done().out


@pytest.mark.parametrize("word", ["latest", "a unique beginning", "the end of the id", "a folder"])
def test_a_run_is_shown_by_latest_a_unique_beginning_or_its_folder(sweep, word):
    tail = sweep.path.name.rsplit("_", 1)[1]
    name = {"latest": "latest", "a unique beginning": sweep.path.name[:20], "the end of the id": tail[:5]}
    document = sweep.reslim("runs", name.get(word, str(sweep.path)), "--json").done().json
    assert document["id"] == sweep.path.name
    assert document["summary"] == sweep.answer.json


def test_a_run_is_shown_with_its_jobs_and_claims(sweep):
    text = sweep.reslim("runs", "latest").done().out
    for name in sweep.answer.json["jobs"]:
        assert name in text
    assert "ode.reversed.euler" in text
    assert f"run: {sweep.path}" in text


def test_a_summary_of_a_version_that_knew_of_no_groups_is_shown(sweep):
    older = {key: value for key, value in sweep.answer.json.items() if key != "groups"}
    text = io.StringIO()
    display.show_summary(older, display.Terminal(file=text, width=300))
    assert "ode.reversed.euler" in text.getvalue()
    assert "question" not in text.getvalue()


@pytest.mark.slow
def test_doctor_says_what_works(reslim):
    findings = {finding["what"]: finding for finding in reslim("doctor", "--json").done().json}
    assert {"reslim", "torch", "CUDA", "torchvision", "launcher basic", "launcher joblib", "outputs"} <= set(findings)
    assert findings["torch"]["works"]
    assert all(finding["works"] or finding["advice"] for finding in findings.values())
    assert str(reslim.outputs) in findings["outputs"]["seen"]
    text = reslim("doctor").done().out
    assert all(what in text for what in findings)
    assert not reslim.outputs.exists()


@pytest.mark.parametrize("arguments", [("studies",), ("studies", "ode", "--json"), ("runs", "latest")], ids=" ".join)
def test_a_reader_that_leaves_early_sees_no_traceback(sweep, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    process = sweep.reslim.start(*arguments, stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert err == ""


@pytest.mark.slow
def test_a_training_whose_reader_leaves_early_still_writes_its_summary(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    (run / "summary.json").unlink()
    reading, writing = os.pipe()
    os.close(reading)
    process = reslim.start("train", "--resume", "latest", stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert (run / "summary.json").exists()


def test_runs_say_what_was_asked_when_and_how_long_and_are_listed_by_study(sweep, tmp_path):
    path, reslim = sweep.copy(tmp_path / "outputs")
    (listed,) = reslim("runs", "ode", "--json").done().json
    assert listed["overrides"] == [list(REQUEST)]
    assert time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(listed["started"])) == path.name[:19]
    assert listed["seconds"] > 0
    text = " ".join(reslim("runs").done().out.split())
    assert f"study ode: {' '.join(REQUEST)} {time.strftime('%d %b %H:%M', time.localtime(listed['started']))}, " in text
    assert f"s of jobs, depths {', '.join(map(str, DEPTHS))} 1 supported" in text
    assert reslim("runs", "--study", "ode").done().out == reslim("runs").done().out
    assert "no runs of study sde" in reslim("runs", "sde").done().out
    assert reslim("runs", "--study", "sde", "--json").done().json == []
    assert reslim("runs", "--study", "odd").code == 2
    assert "leave it out to show the run" in reslim("runs", "latest", "--study", "ode").err
