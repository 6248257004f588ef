"""What is typed with less than Hydra's grammar asks for, and what the configuration and the run hold of it."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from resnet_limits.networks.activations import Activation
from resnet_limits.settings.keys import describe
from resnet_limits.settings.registry import STUDIES
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


@pytest.mark.slow
def test_a_run_of_what_was_typed_holds_it_in_full_and_is_resumed(reslim):
    short = [word.replace("[", "").replace("]", "") for word in TINY]
    assert "claims=ode.reversed.euler" in short
    reslim("train", *short, "depth=4..8").done()
    (run,) = reslim.runs()
    assert "claims=[ode.reversed.euler]" in (run / "overrides.txt").read_text()
    summary = reslim("train", "--resume", "latest", "--json", "depth=4..16", "claims=ode.reversed.euler").done().json
    assert sorted(summary["jobs"].values()) == ["finished"] * 3
    assert "depth=4,8,16" in (run / "plan.json").read_text()


def test_verify_takes_claims_without_brackets(in_process):
    document = in_process("verify", "--smoke", "--json", *TINY[1:-1], "depth=4..8", "claims=ode.reversed.euler").json
    assert [(study["study"], [c["id"] for c in study["claims"]]) for study in document["studies"]] == [
        ("ode", ["ode.reversed.euler"])
    ]


# -- short forms of keys, further names of values -------------------------------------------------

SHORT = [
    (["lr=0.1"], ["train.lr=0.1"]),
    (["lr=0.1,0.2", "epochs=5", "batch=64"], ["train.lr=0.1,0.2", "train.epochs=5", "train.batch_size=64"]),
    (["study=flow", "lr=0.1"], ["study=flow", "train.lr=0.1"]),
    (["activation=silu"], ["activation=swish"]),
    (["activation=choice(tanh, 'silu')"], ["activation=choice(tanh, 'swish')"]),
    (["study=sde", "activation_inside=silu,tanh"], ["study=sde", "activation_inside=swish,tanh"]),
    (["data.folder=silu"], ["data.folder=silu"]),
    (["hydra.launcher.batch_size=2"], ["hydra.launcher.batch_size=2"]),
    (["lr"], ["lr"]),
]


@pytest.mark.parametrize(("typed", "full"), SHORT, ids=lambda value: " ".join(value))
def test_a_short_form_stands_for_its_key_and_a_further_name_for_its_value(typed, full):
    assert in_full(typed) == full


def test_no_short_form_is_that_of_two_keys_or_a_key_itself():
    for name, settings in STUDIES.items():
        entries = list(describe(settings(study=name)))
        shorts = [short for entry in entries if (short := entry.field.metadata.get("short"))]
        assert len(set(shorts)) == len(shorts)
        assert not set(shorts) & {entry.key for entry in entries}


def test_no_further_name_is_that_of_two_activations_or_of_one():
    also = [name for activation in Activation.options.values() for name in activation.also]
    assert "silu" in also
    assert len(set(also)) == len(also)
    assert not set(also) & set(Activation.options)


def test_jobs_are_the_same_whichever_form_was_typed(in_process):
    ask = ("train", "--dry-run", "--json", "depth=4")
    short = in_process(*ask, "lr=0.1", "epochs=5", "batch=64", "activation=silu,swish").json
    full = in_process(*ask, "train.lr=0.1", "train.epochs=5", "train.batch_size=64", "activation=swish").json
    assert short == full
    assert {"train.lr=0.1", "activation=swish"} <= set(short[0]["overrides"])


def test_mistakes_in_short_forms_are_about_the_key(in_process):
    assert_refused(in_process("train", "lr=abc"), "train.lr", "a number")
    assert_refused(in_process("train", "epochs=0"), "train.epochs", "at least 1")
    assert_refused(in_process("train", "study=sde", "batch=8"), "train.batch_size", "study=ode")
    answer = in_process("train", "--dry-run", "depth=4", "lr=0.1", "train.lr=0.2")
    assert "train.lr=0.1 does not count" in answer.err


# -- keys that there are not ----------------------------------------------------------------------

UNKNOWN = [
    ("dpeth=8", "depth"),
    ("epoch=3", "train.epochs"),
    ("activtion=relu", "activation"),
    ("sigma=2", "init.sigma_w"),
    ("ode.input=2", "ode.inputs"),
]


@pytest.mark.parametrize(("typed", "meant"), UNKNOWN, ids=lambda value: value)
def test_of_an_unknown_key_the_three_nearest_are_said_in_one_line(typed, meant, in_process):
    answer = in_process("train", typed)
    name = typed.partition("=")[0]
    assert_refused(answer, f"unknown key '{name}'", "reslim studies ode lists all")
    (line,) = answer.err.splitlines()
    named = re.findall(r"'([\w.]+)'", line)
    assert named[:2] == [name, meant]
    assert len(named) == 4


def test_beside_a_figure_the_nearest_key_of_any_study_is_said(in_process):
    assert_refused(in_process("train", "figure=minimisers", "dpth=2"), "unknown key 'dpth'; did you mean 'depth'?")


# -- ladders --------------------------------------------------------------------------------------

LADDERS = [
    ("depth=8..512", "depth=8,16,32,64,128,256,512"),
    ("depth=3..6", "depth=3,6"),
    ("depth=4,8..32,100", "depth=4,8,16,32,100"),
    ("width=1..4", "width=1,2,4"),
    ("train.replicas=1..2", "train.replicas=1,2"),
    ("batch=32..64", "train.batch_size=32,64"),
    ("horizon=1..4", "horizon=1..4"),
    ("outputs=8..16", "outputs=8..16"),
    ("depth=-8..16", "depth=-8..16"),
    ("depth=8...16", "depth=8...16"),
]


@pytest.mark.parametrize(("typed", "full"), LADDERS, ids=lambda value: value)
def test_two_dots_between_integers_are_a_ladder_of_doubles(typed, full):
    assert in_full([typed]) == [full]


@pytest.mark.parametrize(
    ("ladder", "words"),
    [
        ("8..100", "100 is no doubling of 8; 64 and 128 are"),
        ("8..8", "8 is no doubling of 8"),
        ("16..8", "8 is no doubling of 16"),
        ("0..8", "8 is no doubling of 0"),
    ],
)
def test_a_ladder_whose_end_is_not_reached_is_refused(ladder, words, in_process, tmp_path):
    assert_refused(in_process("train", f"depth={ladder}"), f"depth={ladder}", words)
    assert not (tmp_path / "outputs").exists()


def test_what_is_no_ladder_is_refused_by_its_key(in_process):
    assert_refused(in_process("train", "horizon=1..4"), "horizon", "a number")
    assert_refused(in_process("train", "depth=-8..16"), "depth", "an integer")
    assert_refused(in_process("train", "threads=1..4"), "threads", "no content")


def test_a_ladder_is_planned_as_its_depths(in_process):
    jobs = in_process("train", "--dry-run", "--json", "depth=8..64").json
    assert [job["overrides"][0] for job in jobs] == ["depth=8", "depth=16", "depth=32", "depth=64"]


def test_what_an_option_declares_of_itself_is_no_key_that_is_proposed(in_process):
    answer = in_process("train", "study=hamiltonian", "widht=3")
    assert answer.code == 2
    assert "'width'" in answer.err
    assert "entwined" not in answer.err
