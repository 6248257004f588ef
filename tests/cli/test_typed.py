"""What is typed with less than Hydra's grammar asks for, and what the configuration and the run hold of it."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from tests.cli.command import TINY
from tests.cli.test_bad_input import assert_refused

in_full = import_module("reslim_cli.overrides").in_full
asked_study = import_module("reslim_cli.keys").asked_study

NAMES_ALONE = [
    ("claims=ode.rough", ["claims=[ode.rough]"]),
    ("claims=ode.rough,ode.forward", ["claims=[ode.rough,ode.forward]"]),
    ("claims=ode.rough, ode.forward.*", ["claims=[ode.rough, ode.forward.*]"]),
    ("sinks=tensorboard", ["sinks=[tensorboard]"]),
    ("claims=sde.strong", ["study=sde", "claims=[sde.strong]"]),
    ("claims=[sde.strong]", ["study=sde", "claims=[sde.strong]"]),
    ("claims=[sde.strong],[sde.weak]", ["study=sde", "claims=[sde.strong],[sde.weak]"]),
    ("claims=sde", ["study=sde", "claims=[sde]"]),
    ("claims=[ode.rough],[ode.forward]", ["claims=[ode.rough],[ode.forward]"]),
    ("claims=null", ["claims=null"]),
    ("claims=null,[ode.rough]", ["claims=null,[ode.rough]"]),
]


@pytest.mark.parametrize(("typed", "full"), NAMES_ALONE, ids=lambda value: str(value))
def test_names_with_commas_are_a_list_and_their_study_is_the_one_before_the_dot(typed, full):
    assert in_full([typed]) == full


def test_a_study_that_is_named_and_that_of_a_figure_stay():
    assert in_full(["study=ode", "claims=sde.strong"]) == ["study=ode", "claims=[sde.strong]"]
    assert in_full(["figure=minimisers", "claims=sde.strong"]) == ["figure=minimisers", "claims=[sde.strong]"]


def test_the_configuration_holds_the_list_and_the_study(in_process):
    config = in_process("train", "--cfg", "job", "--json", "depth=4", "claims=sde.strong,sde.weak").json
    assert (config["study"], config["claims"]) == ("sde", ["sde.strong", "sde.weak"])
    jobs = in_process("train", "--dry-run", "--json", "depth=4", "claims=[ode.rough],[ode.forward]").json
    assert len(jobs) == 2, "a sweep of lists is one"


def test_claims_of_several_studies_are_refused_with_their_names(in_process, tmp_path):
    for claims in ("sde.strong,ode.rough", "[sde.strong],[ode.rough]"):
        assert_refused(in_process("train", f"claims={claims}"), "claims", "sde, ode", "one run for each")
    assert not (tmp_path / "outputs").exists()


def test_what_is_checked_before_hydra_composes_is_of_the_study_of_the_claims():
    assert asked_study(["claims=sde.strong", "depth=4"]) == "sde"
    assert asked_study(["claims=sde.strong", "study=ode"]) == "ode"
    assert asked_study(["claims=odd.strong"]) == asked_study([])


def test_a_run_of_what_was_typed_holds_it_in_full_and_is_resumed(reslim):
    short = [word.replace("[", "").replace("]", "") for word in TINY]
    assert "claims=ode.reversed.euler" in short
    reslim("train", *short, "depth=4").done()
    (run,) = reslim.runs()
    assert "claims=[ode.reversed.euler]" in (run / "overrides.txt").read_text()
    summary = reslim("train", "--resume", "latest", "--json", "depth=4,8", "claims=ode.reversed.euler").done().json
    assert sorted(summary["jobs"].values()) == ["finished", "finished"]
    assert json.loads((run / "plan.json").read_text())


def test_verify_takes_claims_without_brackets(in_process):
    document = in_process("verify", "--smoke", "--json", *TINY[1:-1], "depth=4,8", "claims=ode.reversed.euler").json
    assert [(study["study"], [c["id"] for c in study["claims"]]) for study in document["studies"]] == [
        ("ode", ["ode.reversed.euler"])
    ]
