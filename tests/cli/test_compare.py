"""`reslim compare` and `reslim verify --against` through the installed command: what they say, and their exit codes."""

from __future__ import annotations

import json
import shutil
from importlib import import_module

import pytest

from tests.cli.command import TINY, Reslim
from tests.cli.test_bad_input import assert_refused

FOUR = ("seed=1", "depth=4,8,16,32")


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Reslim:
    """The command with two runs: four depths, and the same with an activation that no theorem covers."""
    reslim = Reslim(tmp_path_factory.mktemp("two"))
    reslim("train", *TINY, *FOUR).done()
    reslim("train", *TINY, *FOUR, "activation=relu", "depth=4,8,16").done()
    return reslim


def test_a_run_that_is_repeated_has_not_moved(two, tmp_path):
    first, _ = two.runs()
    shutil.copytree(first, tmp_path / "again" / "ode" / first.name)
    answer = two("compare", str(first), str(tmp_path / "again" / "ode" / first.name)).done()
    assert answer.out.splitlines()[0] == "Study ode: none of 1 claims moved"
    assert len(answer.out.splitlines()) == 3, "and where the two are"


def test_what_moved_and_what_differs_is_said_in_lines(two):
    first, second = two.runs()
    answer = two("compare", first.name, "latest")
    assert answer.code == 1
    assert answer.out.splitlines() == [
        "Study ode: 1 of 1 claims moved",
        "ode.reversed.euler: supported -> inconclusive",
        "depth: 4, 8, 16, 32 -> 4, 8, 16",
        "activation: tanh -> relu",
        *[line for line in answer.out.splitlines() if line.startswith("records in the first alone: ")],
        f"first: {first}",
        f"second: {second}",
    ]


def test_the_document_says_the_same(two):
    first, second = two.runs()
    answer = two("compare", first.name, second.name, "--json")
    assert answer.code == 1
    document = answer.json
    assert (document["schema"], document["study"], document["moved"]) == (1, "ode", True)
    assert (document["first"], document["second"]) == (str(first), str(second))
    assert [entry["id"] for entry in document["claims"]] == ["ode.reversed.euler"]
    assert {entry["key"] for entry in document["keys"]} == {"depth", "activation"}
    assert all(entry["first"] > entry["second"] == 0 for entry in document["records"])


def test_no_word_is_broken_in_eighty_columns(two):
    first, second = two.runs()
    narrow = Reslim(two.outputs, {"COLUMNS": "80"})
    words = narrow("compare", first.name, second.name).out.split()
    assert {"ode.reversed.euler:", "supported", "inconclusive", str(first)} <= set(words)


def test_a_request_that_is_wrong_is_refused(two, tmp_path):
    first, second = two.runs()
    assert_refused(two("compare", first.name, first.name), "the two are one run")
    assert_refused(two("compare", first.name, "nothing"), "no run 'nothing'")
    elsewhere = tmp_path / first.name
    shutil.copytree(second, elsewhere)
    (elsewhere / "plan.json").unlink()
    assert two("compare", str(first), str(elsewhere)).code == 2


def test_verify_is_held_against_what_it_printed_and_against_a_run(reslim, two, tmp_path):
    ask = ("verify", "ode", *TINY, *FOUR, "--json")
    before = reslim(*ask)
    assert before.code == 0, before.err
    file = tmp_path / "before.json"
    file.write_text(before.out)
    same = reslim(*ask, "--against", str(file))
    assert same.code == 0, same.err
    assert [(entry["study"], entry["moved"], entry["compared"]) for entry in same.json["against"]] == [
        ("ode", False, 1)
    ]
    document = before.json
    measured = document["studies"][0]["claims"][0]["measured"]
    document["studies"][0]["claims"][0]["measured"] = {k: v + 0.2 if k != "level" else v for k, v in measured.items()}
    file.write_text(json.dumps(document))
    moved = reslim("verify", "ode", *TINY, *FOUR, "--against", str(file))
    assert moved.code == 1
    assert "Study ode: 1 of 1 claims moved" in moved.out
    assert "ok: 1 of 1 claims came out as they must" in moved.out
    _, relu = two.runs()
    against_run = reslim(*ask, "--against", str(relu / "summary.json"))
    assert against_run.code == 1
    assert [entry["first"]["verdict"] for entry in against_run.json["against"][0]["claims"]] == ["inconclusive"]


def test_a_file_that_is_none_is_refused_before_anything_runs(reslim, tmp_path):
    (tmp_path / "odd.json").write_text("[]")
    for name, words in (("none.json", "there is no file"), ("odd.json", "holds no claims")):
        assert_refused(reslim("verify", "ode", *TINY, *FOUR, "--against", str(tmp_path / name)), name, words)
    assert reslim.runs() == []


def test_runs_without_a_claim_in_common_are_said_to_have_none_and_values_stand_as_they_are_typed(capsys):
    keys = [
        {"key": "seed", "first": [1, 0], "second": [0]},
        {"key": "claims", "first": [["ode.rough"]], "second": [["ode.forward", "ode.trained"]]},
        {"key": "data.train_size", "first": [1400], "second": [None]},
        {"key": "data.file", "first": [], "second": ["my.npz"]},
    ]
    document = {"study": "ode", "compared": 0, "claims": [], "accuracy": [], "keys": keys, "records": []}
    alone = {"first": ["ode.rough"], "second": []}
    compare = import_module("reslim_cli.compare")
    compare.show({**document, "alone": alone, "first": "/a", "second": "/b"}, compare.Terminal())
    assert capsys.readouterr().out.splitlines() == [
        "Study ode: no claim stands on both sides",
        "seed: 0, 1 -> 0",
        "claims: [ode.rough] -> [ode.forward, ode.trained]",
        "data.train_size: 1400 -> null",
        "data.file: none -> my.npz",
        "claims in the first alone: ode.rough",
        "first: /a",
        "second: /b",
    ]
