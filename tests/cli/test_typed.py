"""What is typed with less than Hydra's grammar asks for, and what the configuration and the run hold of it."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from resnet_limits.networks.activations import Activation
from resnet_limits.settings.keys import describe
from resnet_limits.settings.registry import STUDIES
from tests.checkout import HERE
from tests.cli.command import TINY
from tests.cli.test_bad_input import assert_refused
from tests.data.own_files import points, write_npz

plan = import_module("reslim_cli.hydra_bridge").plan
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
    ("data.x=0.4", ["data.x=[0.4]"]),
    ("data.x=0.4,-1e-3", ["data.x=[0.4,-1e-3]"]),
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


def test_verify_judges_the_studies_of_the_claims_each_its_own(in_process, tmp_path):
    (tmp_path / "flow.json").write_text('{"study": "flow", "claims": []}')
    for claims, studies in (
        ("sde", "sde"),
        ("ode.rough", "ode"),
        ("[sde.strong]", "sde"),
        ("sde.strong,ode.rough", "ode, sde"),
    ):
        answer = in_process("verify", f"claims={claims}", "--against", str(tmp_path / "flow.json"))
        assert_refused(answer, f"it holds claims of flow, and {studies} would be verified")


# -- texts that Hydra would not read --------------------------------------------------------------

TEXTS = (
    *(
        "/tmp/my runs=1 (ä)",
        "/tmp/Bilder groß",
        "a=b",
        "/tmp/[x]{y}",
        "[x]",
        "it's",
        'say "so"',
        "/tmp/x&y#z!",
        "2024_01",
    ),
    *("a\\b=", "/tmp/x=\\", "früh, spät", "~/runs"),
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_through_as_it_was_typed(text):
    (job,) = plan(in_full([f"outputs={text}", "depth=4"])).jobs
    assert job.settings.outputs == text


def test_a_key_that_may_be_swept_takes_such_texts_one_by_one():
    assert in_full(["data=image_folder", "data.folder=groß, klein=1"])[1] == "data.folder='groß','klein=1'"


LEGAL = (
    *(
        "depth=8,16",
        "claims=[a,b]",
        "depth=range(1,5)",
        "train.lr=choice(0.1,0.2)",
        "outputs='/tmp/a b'",
        'outputs="ä"',
    ),
    *("data.folder=a,b", "data.folder=choice(a,b)", "outputs=/tmp/${seed}", "init=glob(*)", "outputs=", 'outputs="ä"'),
    *("outputs=/tmp/a b", "data.folder=shuffle(a,b)", "hydra.launcher.setup=[ä]"),
)


@pytest.mark.parametrize("line", LEGAL)
def test_what_hydra_reads_stays_as_it_is(line):
    assert in_full([line]) == [line]


def test_a_run_lives_in_a_folder_of_any_name(tmp_path, reslim):
    outputs = tmp_path / "my runs=1 (ä) [x]"
    summary = reslim("train", *TINY, "depth=4", f"outputs={outputs}", "--json").done().json
    assert Path(summary["run"]).is_relative_to(outputs)
    assert summary["state"] == "finished"


# -- parts that there are not ---------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["init=my_law", "activation=my_kink", "block=my_block", "data=my_data", "study=mine"])
def test_of_a_part_that_is_not_known_it_is_said_how_to_bring_one(asked, in_process):
    assert_refused(in_process("train", asked), asked.partition("=")[2], "one of your own comes with --with FILE")


def test_where_a_file_was_named_it_is_not_said(in_process, monkeypatch):
    monkeypatch.setenv("RESLIM_WITH", "")
    law = HERE / "tests" / "examples" / "own_law.py"
    answer = in_process("train", "--with", str(law), "init=my_law")
    assert_refused(answer, "unknown option 'my_law'")
    assert "--with" not in answer.err


# -- data by their path ---------------------------------------------------------------------------


def test_a_path_in_place_of_a_name_says_which_data_are_meant_and_where(tmp_path, monkeypatch):
    (tmp_path / "Bilder groß").mkdir()
    write_npz(tmp_path / "a=1 (ä).npz")
    monkeypatch.chdir(tmp_path)
    root = f"data.root='{tmp_path}'"
    assert in_full(["data=a=1 (ä).npz"]) == ["data=labelled_file", root, "data.file='a=1 (ä).npz'"]
    assert in_full(["data='Bilder groß'"]) == ["data=image_folder", root, "data.folder='Bilder groß'"]
    assert in_full(["data=digits,moons", "data='digits'"]) == ["data=digits,moons", "data='digits'"]


def test_a_path_is_not_swept_and_says_alone_where_the_data_are(tmp_path, in_process):
    path = write_npz(tmp_path / "my.npz")
    assert_refused(in_process("train", f"data=digits,{path}"), "data: a path stands alone", "one run for each")
    assert_refused(in_process("train", f"data={path}", "data.root=/tmp"), "leave one of them out")
    assert_refused(in_process("train", "data=none.npz"), "there is no file or folder", "none.npz")


def test_a_run_on_ones_own_data_goes_on_from_another_folder_until_they_change(tmp_path, reslim):
    folder = tmp_path / "Daten groß (1)"
    folder.mkdir()
    write_npz(folder / "my.npz")
    small = ("preset=smoke", "width=4", "train.replicas=1", "device=cpu", "claims=ode.trained", "epochs=1", "batch=30")
    first = reslim("train", *small, "depth=2", "data=my.npz", "--json", cwd=folder).done()
    assert "holds 90 training and 30 test points of 4 features, 3 classes" in first.err
    more = reslim("train", "--resume", "latest", "depth=2,3", "--json", cwd=tmp_path).done().json
    assert sorted(more["jobs"].values()) == ["finished", "finished"]
    write_npz(folder / "my.npz", **points(90, 31))
    changed = reslim("train", "--resume", "latest", "depth=4", "--dry-run", cwd=tmp_path)
    assert changed.code == 2
    assert "the data under" in changed.err
    assert "are others than the run's" in changed.err


BAD_DATA = {
    "lacks an array": ({"y_test": None}, "lacks y_test; expected the arrays x_train, y_train, x_test, y_test, got"),
    "shapes": ({"y_train": points()["y_train"][:80]}, "y_train has shape (80,); expected (90,)"),
    "not a number": (
        {"x_test": points()["x_test"] * float("nan")},
        "x_test holds 120 values that are no finite numbers",
    ),
    "labels": ({"y_train": points()["y_train"] + 1}, "expected 0 to 2"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_data_that_do_not_fit_are_refused_before_anything_runs(case, in_process, tmp_path):
    arrays, words = BAD_DATA[case]
    path = write_npz(tmp_path / "my.npz", **arrays)
    assert_refused(in_process("train", f"data={path}"), str(path), words)
    assert_refused(in_process("data", str(path)), str(path), words)
    assert not (tmp_path / "outputs").exists()


def test_what_lies_at_a_path_is_shown_and_what_lies_under_the_root_is_listed(in_process, tmp_path):
    path = write_npz(tmp_path / "my.npz")
    labels = points()
    train, test = (np.bincount(labels[f"y_{part}"]) for part in ("train", "test"))
    each = ", ".join(f"label {k}: {train[k]} + {test[k]}" for k in range(3))
    said = f"data=labelled_file: {path} holds 90 training and 30 test points of 4 features, 3 classes: {each}"
    assert in_process("data", str(path)).done().out.strip() == said
    document = in_process("data", str(path), "--json").done().json
    assert document["keys"] == {"data": "labelled_file", "data.root": str(tmp_path), "data.file": "my.npz"}
    listed = {
        entry["name"]: entry for entry in in_process("data", "--root", str(tmp_path), "--json").done().json["data"]
    }
    assert listed["labelled_file"]["files"] == ["my.npz"]
    assert listed["target_file"]["files"] == []


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
        ("8..8", "depth=8 is one value"),
        ("64..8", "from a first value above 0 to a larger last one"),
        ("0..8", "from a first value above 0 to a larger last one"),
        ("8..", "from a first to a last value, such as depth=8..64"),
        ("4,..64", "from a first to a last value, such as depth=8..64"),
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
