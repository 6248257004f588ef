"""A request that is wrong: exit code 2, one or two lines, the nearest valid name, and nothing written."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from resnet_limits.settings.keys import flat
from resnet_limits.settings.registry import STUDIES, kinds
from tests.cli.command import TINY


def assert_refused(answer, *words):
    assert answer.code == 2, (answer.code, answer.out, answer.err)
    lines = answer.err.strip().splitlines()
    assert 1 <= len(lines) <= 2, answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""
    for word in words:
        assert word in answer.err, answer.err


BAD = [
    ("study=odd", "study", "'ode'"),
    ("study=[ode]", "study"),
    ("dpeth=8", "'depth'"),
    ("learning_rate=0.1", "did you mean 'train.lr'"),
    ("ode.input=2", "'ode.inputs'"),
    ("size=big", "unknown key"),
    ("hydra=1", "hydra/launcher"),
    ("init=smoth", "init", "'smooth'"),
    ("init=null", "init", "smooth"),
    ("init.name=rough", "init=", "rough"),
    ("activation=tahn", "activation", "'tanh'"),
    ("preset=smok", "preset", "'smoke'"),
    ("preset=tiny", "preset", "Valid: full, smoke\n"),
    ("data=mnst", "data", "digits"),
    ("hydra/launcher=jobib", "launcher", "basic"),
    ("depth=abc", "depth", "integer", "abc"),
    ("depth=1.5", "depth", "integer"),
    ("depth=null", "depth", "null"),
    ("depth=0", "depth", "at least 1"),
    ("depth=-3", "depth", "at least 1"),
    ("depth=nan", "depth", "nan"),
    ("depth=1e30", "depth", "integer"),
    ("depth=99999999999999999999999", "depth", "at most"),
    ("depth=range(8,8)", "depth", "empty"),
    ("depth=8,", "depth=8,"),
    ("depth=choice()", "depth=choice()"),
    ("depth=range(1,200000)", "depth", "10000 jobs"),
    ("=4", "=4"),
    ("depth", "KEY=VALUE"),
    ("depth=~8", "depth=~8", "$HOME"),
    ("+depth=8", "+depth=8"),
    ("++depth=8", "++depth=8"),
    ("init@x=rough", "init@x=rough"),
    ("threads=1,2", "threads", "no content", "one value"),
    ("device=cpu,auto", "device", "no content"),
    ("outputs=choice(a,b)", "outputs", "no content"),
    ("outputs=r${depth}", "outputs", "no content"),
    ("threads=range(1,3)", "threads", "no content"),
    ("sinks=[tensorboard],[wandb]", "sinks", "no content"),
    ("train.memory=1,2", "train.memory", "no content"),
    ("train.checkpoint_seconds=shuffle(1,2)", "train.checkpoint_seconds", "no content"),
    ("hydra.launcher.n_jobs=1,2", "hydra.launcher.n_jobs", "no content"),
    ("figure=minimisers,folding", "figure", "one named figure"),
    ("hydra.run.dir=/x", "hydra.run.dir", "outputs=", "hydra/launcher"),
    ("hydra.sweep.dir=/x", "hydra.sweep.dir", "outputs=", "hydra/launcher"),
    ("hydra.mode=RUN", "hydra.mode", "hydra/launcher"),
    ("hydra.sweeper.params.depth=2", "hydra.sweeper.params.depth", "KEY=VALUE,VALUE"),
    ("hydra/sweeper=basic", "hydra/sweeper", "hydra/launcher"),
    ("hydra/job_logging=default", "hydra/job_logging", "hydra/launcher"),
    ("hydra.searchpath=[/x]", "hydra.searchpath", "hydra/launcher"),
    ("hydra.verbose=true", "hydra.verbose", "hydra/launcher"),
    ("hydra.launcher._target_=os.system", "hydra.launcher._target_", "hydra/launcher"),
    ("hydra.launcher.n_jobs=2", "hydra.launcher.n_jobs", "basic", "hydra/launcher=joblib"),
    ("depth=range(8,1e9)", "depth", "10000 jobs"),
    ("depth=shuffle(range(1,1e9))", "depth", "10000 jobs"),
    ("horizon=range(0.1,1,1e-300)", "horizon", "10000 jobs"),
    ("depth=range(1,inf)", "depth", "finite"),
    ("depth=range(9,1,0)", "depth", "step"),
    ("depth=1,range(3,5)", "depth", "sweep inside"),
    ("claims=[range(1,3)]", "claims", "sweep inside"),
    ("depth=interval(1,3)", "depth", "range("),
    ("activation=glob(*)", "activation", "group"),
    ("seed=${now:%S}", "seed", "now"),
    ("width=${nothing}", "width", "nothing"),
    ("init=${block}", "init", "smooth"),
    ("train={epochs: 5}", "train", "one by one"),
    ("~depth", "~depth"),
    ("horizon=inf", "horizon", "finite"),
    ("horizon=nan", "horizon", "finite"),
    ("train.lr=0", "train.lr", "above 0"),
    ("seed=-1", "seed", "at least 0"),
    ("threads=0", "threads", "at least 1"),
    ("width=true", "width", "integer"),
    ("device=gpu", "device", "cuda:N"),
    ("train=adam", "train", "train.epochs"),
    ("claims=null,ode.forward", "claims", "list"),
    ("claims=[ode.forwrd]", "claims", "ode.forward"),
    ("claims=nonsense", "unknown claim 'nonsense'; the study ode has", "which reslim studies ode claims lists"),
    ("claims=[]", "claims", "null"),
    ("init.hurst=0.3", "init.hurst", "init=rough"),
    ("block.hidden=4", "block.hidden", "block=two"),
    ("gamma.alpha=1", "gamma.alpha"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad[0])
def test_a_bad_override_is_refused_in_one_or_two_lines_and_nothing_is_written(bad, in_process, tmp_path):
    override, *words = bad
    assert_refused(in_process("train", override), *words)
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("bad", [BAD[0], BAD[2], ("depth=0", "depth")], ids=lambda bad: bad[0])
def test_the_installed_command_refuses_a_bad_override(bad, reslim):
    override, *words = bad
    assert_refused(reslim("train", override), *words)
    assert not reslim.outputs.exists()


def test_one_bad_value_of_a_sweep_refuses_the_whole_sweep(in_process, tmp_path):
    assert_refused(in_process("train", "depth=4,8,0"), "depth")
    assert_refused(in_process("train", "activation=tanh,tahn"), "'tanh'")
    assert not (tmp_path / "outputs").exists()


@pytest.mark.slow
def test_a_device_that_is_not_there_is_refused(reslim):
    import torch

    device = f"cuda:{torch.cuda.device_count()}" if torch.cuda.is_available() else "cuda"
    assert_refused(reslim("train", *TINY, f"device={device}"), device)
    assert not reslim.outputs.exists()


def test_a_list_of_integers_is_written_as_one(in_process):
    assert_refused(in_process("train", "study=flow", "flow.images.units=1,3"), "flow.images.units", "[1,3]")
    generators = "hamiltonian.generators"
    for typed in ("[1,2,0]", "[[1,2,0],[1,a]]"):
        assert_refused(in_process("train", "study=hamiltonian", f"{generators}={typed}"), generators, "[[1,2,0]")


def test_a_group_that_a_study_does_not_have_is_said_with_those_that_have_it(in_process):
    assert_refused(in_process("train", "study=sde", "block=one"), "block", "does not use it", "study=ode")
    assert_refused(in_process("train", "figure=minimisers", "init=iid"), "init", "does not use it", "study=ode")


def test_what_is_said_of_an_unknown_key_is_about_the_study_that_runs(in_process):
    keys, bridge = import_module("reslim_cli.keys"), import_module("reslim_cli.hydra_bridge")
    assert bridge.plan([]).study == keys.asked_study([])
    assert_refused(
        in_process("train", "study=sde", "sde.imputs=3"),
        "'sde.inputs'",
        "did you mean 'sde.inputs', ",
        "reslim studies sde",
    )


@pytest.mark.parametrize("study", [name for name, settings in STUDIES.items() if "data" in kinds(settings)])
def test_data_that_are_not_there_are_refused_before_anything_runs(study, in_process, tmp_path):
    wide = {"hamiltonian": ["width=16"], "exponents": ["exponents.trained.embedding=convolution"]}.get(study, [])
    answer = in_process("train", f"study={study}", *wide, "data=mnist", f"data.root={tmp_path / 'none'}")
    assert answer.code == 2
    assert "data=mnist is not under" in answer.err
    assert not (tmp_path / "outputs").exists()


def test_an_output_folder_that_cannot_be_written_is_refused(in_process, tmp_path):
    # A file in its place: permissions do not stop root, who may run these tests.
    (tmp_path / "file").write_text("not a folder")
    assert_refused(in_process("train", *TINY, "depth=4", f"outputs={tmp_path / 'file'}"), "cannot write", "outputs=")
    assert_refused(in_process("train", *TINY, "depth=4", f"outputs={tmp_path / 'file' / 'below'}"), "cannot write")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_resuming_what_is_no_run_is_refused(in_process, tmp_path):
    (tmp_path / "empty").mkdir()
    assert_refused(in_process("train", "--resume", str(tmp_path / "empty")), "not a run folder")
    assert_refused(in_process("train", "--resume", "nothing"), "no run")
    assert_refused(in_process("train", "--resume", "latest"), "no run")
    assert_refused(in_process("runs", "nothing"), "no run")
    assert_refused(in_process("runs", "outputs=/a b"), "RESLIM_OUTPUTS='/a b' reslim runs lists those")


def test_resuming_a_run_of_another_schema_is_refused(in_process, tmp_path):
    run = tmp_path / "outputs" / "ode" / "2031-01-01_00-00-00_abcdef"
    run.mkdir(parents=True)
    (run / "provenance.json").write_text(json.dumps({"schema": 99, "invocations": [{}]}))
    assert_refused(in_process("train", "--resume", str(run)), "schema 99", "schema 2")
    assert [p.name for p in run.iterdir()] == ["provenance.json"]


def test_an_unknown_word_is_refused(in_process):
    assert_refused(in_process("studies", "odd"), "'ode'")
    assert_refused(in_process("train", "--cfg", "hydra"), "job")
    assert in_process("train", "--nonsense").code == 2
    assert in_process("trian").code == 2


KEPT = [
    (["outputs=2024_01"], "outputs", "2024_01"),
    (["outputs=1e3"], "outputs", "1e3"),
    (["outputs=str(true)"], "outputs", "true"),
    (["data=image_folder", "data.folder=007"], "data.folder", "007"),
    (["cluster=slurm", "cluster.account=1_0"], "cluster.account", "1_0"),
]


@pytest.mark.parametrize(("overrides", "key", "value"), KEPT, ids=lambda value: str(value))
def test_a_word_that_looks_like_a_number_stays_as_it_was_typed(overrides, key, value):
    bridge = import_module("reslim_cli.hydra_bridge")
    planned = bridge.plan(["depth=4", *overrides])
    (box,) = bridge.boxes(planned, {job.name for job in planned.jobs})
    for one in (planned, bridge.plan(box.overrides)):
        assert {flat(job.settings)[key] for job in one.jobs} == {value}


def test_words_that_look_like_numbers_are_swept_in_quotes(in_process):
    assert_refused(in_process("train", "data=image_folder", "data.folder=2024_01,2024_02"), "data.folder", "quotes")


def test_a_value_may_go_with_the_options_of_a_sweep(in_process):
    assert (
        len(in_process("train", "--dry-run", "--json", "depth=4", "init=rough,fractional", "init.hurst=0.3").json) == 2
    )


def test_options_are_swept_by_a_pattern(in_process):
    jobs = in_process("train", "--dry-run", "--json", "depth=4", "init=glob(*o*,exclude=[matrix*,zero])").json
    words = {word for job in jobs for word in job["overrides"] if not word.startswith("data.digest=")}
    assert words == {
        "depth=4",
        "init=smooth",
        "init=rough",
        "init=fractional",
    }


def test_an_override_that_a_later_one_replaces_is_named(in_process):
    answer = in_process("train", "--dry-run", "depth=4", "depth=8")
    assert answer.code == 0
    assert "depth=4" in answer.err
    assert "1 of 1 jobs" in answer.out
    assert in_process("train", "--dry-run", "depth=4", "depth=4").err == ""


def test_a_figure_of_another_study_is_refused_as_that(in_process):
    assert_refused(in_process("train", "study=ode", "figure=minimisers"), "figure=minimisers", "gamma")


def test_verify_refuses_what_train_refuses(in_process):
    assert_refused(in_process("verify", "ode", "--smoke", "threads=1,2"), "threads", "no content")
    assert_refused(in_process("verify", "ode", "--smoke", "hydra.sweep.dir=/x"), "hydra.sweep.dir")
    assert_refused(in_process("verify", "ode", "preset=smoke,full"), "preset", "one preset")


def test_flags_that_would_go_unheard_are_refused_and_json_is_json(in_process):
    assert_refused(in_process("train", "--cfg", "job", "--resume", "latest"), "--cfg", "config.yaml")
    assert in_process("train", "--cfg", "job", "--json", "depth=4").json["depth"] == 4
