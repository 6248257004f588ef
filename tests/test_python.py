"""Jobs and runs from Python: the same jobs as the command's, a run that can be read, and a wrong value in words."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch

import resnet_limits as rl
from resnet_limits.errors import RequestError, RunFolderError, SettingError
from resnet_limits.in_words import InWords
from resnet_limits.runs import records
from resnet_limits.settings.grid import grid
from resnet_limits.settings.keys import flat
from tests.data.own_files import write_npz
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
    said = f"run {swept.id}, 4 of 4 jobs finished, 1 claim: 1 supported"
    assert f"<p><b>{said}</b></p>" in swept._repr_html_()
    first, second = repr(swept).splitlines()
    assert first == said
    assert re.fullmatch(r"  ode\.forward\.euler  supported +[01]\.\d+ \[.*\], expected order 1 ± 0\.1", second)
    assert repr(swept.verdicts).splitlines() == ["1 claim: 1 supported", "  ode.forward.euler  supported"]
    assert "<table>" in swept.verdicts._repr_html_()


def test_what_a_notebook_shows_is_escaped():
    class Odd(InWords):
        def headline(self):
            return "a < b\x1b"

        def facts(self):
            return {"<script>": '"&"'}

    shown = Odd()._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "a &lt; b\\x1b" in shown
    assert "&quot;&amp;&quot;" in shown
    assert repr(Odd()) == 'a < b\\x1b\n  <script>  "&"'


ESTIMATES = [
    (rl.fit_order(DEPTHS, [1 / depth for depth in DEPTHS]), "order 1"),
    (rl.fit_order(DEPTHS[:3], [1, 2, 3]), "no order: an order needs 4 usable points, and there are 3"),
    (rl.minimise(lambda u: (u - 1).square().sum() + 2, [0.0, 3.0]), "minimum, value 2 at a point of 2 numbers"),
    (rl.minimise(lambda u: u.prod(), np.zeros(2)), "no minimum reached, value 0 at a point of 2 numbers"),
]


@pytest.mark.parametrize(("estimate", "words"), ESTIMATES, ids=lambda value: type(value).__name__)
def test_estimates_say_what_they_are(estimate, words):
    assert repr(estimate).startswith(words)
    assert f"<b>{words}" in estimate._repr_html_()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_sweep_shows_a_line_of_progress_on_a_terminal_alone(is_terminal, tmp_path, monkeypatch):
    class Stream(io.StringIO):
        def isatty(self):
            return is_terminal

    monkeypatch.setattr(sys, "stderr", stream := Stream())
    rl.sweep(dataclasses.replace(TINY, outputs=str(tmp_path)), depth=[2, 4])
    lines = [re.sub(r"\d+ s$", "", line.strip()) for line in stream.getvalue().split("\r")]
    assert lines == (["", "job 1 of 2, depth 2, ", "job 2 of 2, depth 4, ", "", ""] if is_terminal else [""])


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
    assert "1 of 2 jobs finished" in repr(run)
    assert run.path.parent == tmp_path / "ode"
    assert torch.get_num_threads() == threads


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="is not a run folder"):
        rl.load_run(tmp_path)
    with pytest.raises(RunFolderError, match="a beginning of its id, or latest; got 3"):
        rl.load_run(3)  # type: ignore[arg-type]


def test_a_run_is_named_as_on_the_command_line(swept, monkeypatch):
    monkeypatch.setenv("RESLIM_OUTPUTS", str(swept.path.parent.parent))
    assert rl.load_run("latest").path == rl.load_run(swept.id).path == swept.path
    with pytest.raises(RunFolderError, match=f"no run 'nothing'. Valid: latest, {swept.id}"):
        rl.load_run("nothing")


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


def test_generators_are_one_value_and_a_list_of_them_is_several():
    key, turn, swap = "hamiltonian.generators", [1, 2, 0], [1, 0, 2]
    (part,) = grid(rl.Hamiltonian(), {key: [turn, swap]})
    assert [flat(job)[key] for job in part.settings] == [[turn, swap]]
    (part,) = grid(rl.Hamiltonian(), {key: [[turn], [turn, swap]]})
    assert [flat(job)[key] for job in part.settings] == [[turn], [turn, swap]]
    assert part.overrides[-1] == f"{key}=[[1,2,0]],[[1,2,0],[1,0,2]]"
    (part,) = grid(rl.Hamiltonian(), {"hamiltonian.patch": np.array([0, 1]), key: (np.array([1, 0]),)})
    (job,) = map(flat, part.settings)
    assert (job["hamiltonian.patch"], job[key]) == ([0, 1], [[1, 0]])


class Nowhere(rl.Random):
    """A law that stands in no file that was named."""


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"init": Nowhere()}, r"init=nowhere: a run is kept on disk, and Nowhere stands in no file"),  # pyright: ignore
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


# -- a wrong value, in words ----------------------------------------------------------------------

WRONG = [
    (lambda: rl.Ode(init="tide"), "init: unknown option 'tide'; did you mean 'tied'"),  # pyright: ignore
    (lambda: rl.Ode(dpeth=3), "Ode: unknown key 'dpeth'; did you mean 'depth'"),  # pyright: ignore
    (lambda: rl.OdeKeys(path=3), "OdeKeys: unknown key 'path'; did you mean 'paths'.* Valid: inputs, draws, paths"),  # pyright: ignore
    (lambda: rl.SmoothLaw(corelation=3), "SmoothLaw: unknown key 'corelation'; .* Valid: name, sigma_w"),  # pyright: ignore
    (lambda: rl.run(rl.Ode(activation="tahn")), "activation: unknown value 'tahn'; did you mean 'tanh'"),
    (lambda: rl.run(rl.Ode(activation=torch.tanh)), r"activation: expected a word, got .*; .* rl\.use\(\[its file\]\)"),  # pyright: ignore
    (lambda: rl.run(rl.Ode(depth="x")), "depth: expected an integer, got 'x'"),  # pyright: ignore
    (lambda: rl.run(rl.Ode(depth=-1)), "depth: expected at least 1 and at most 1000000, got -1"),
    (lambda: rl.run(rl.Ode(block=3)), r"block: expected one of GradientBlock\(\), .* got 3"),  # pyright: ignore
    (lambda: rl.run(rl.Ode(train=3)), r"train: expected Train\(\), got 3"),  # pyright: ignore
    (lambda: rl.run("ode"), r"expected settings of a study, got 'ode'; write rl\.Ode\(\)"),  # pyright: ignore
    (lambda: rl.sweep(cast(Any, "oed")), "got 'oed'; unknown study 'oed'; did you mean 'ode'"),
    (lambda: rl.sweep(rl.Ode, depth=[8]), r"got their class; write rl\.Ode\(\)"),  # pyright: ignore
    (lambda: rl.network(rl.Ode())("abc"), "expected points of 16 coordinates, got 'abc'"),
    (lambda: rl.network(3), r"expected settings of a study such as rl\.Ode\(\), got 3"),  # pyright: ignore
    (lambda: rl.fit_order([8, 16, "x"], [1, 2, 3]), r"fit_order: expected numbers for x, got \[8, 16, 'x'\]"),  # pyright: ignore
    (lambda: rl.network(rl.Ode(depth=2))(np.zeros((0, 16))), "expected one point or more, got none"),
    (lambda: rl.sample(rl.Sde(depth=2), np.zeros((0, 16))), "expected one point or more, got none"),
    (lambda: rl.Ode(data="/nothing/my.npz"), "there is no file or folder /nothing/my.npz"),  # pyright: ignore
    (lambda: rl.use("my_law.txt"), "my_law.txt: expected a file of Python, named like my_law.py"),
    (lambda: rl.judge("ode.forward", rl.Ode(), {}), r"judge: expected a rl\.Claim, got 'ode\.forward'"),  # pyright: ignore
]


@pytest.mark.parametrize(("ask", "words"), WRONG, ids=[words[:24] for _, words in WRONG])
def test_a_wrong_value_is_answered_in_words(ask, words):
    with pytest.raises(RequestError, match=words) as refused:
        ask()
    assert len(str(refused.value).splitlines()) == 1


ASKED = {
    "rl.shoot(3)": "shoot: expected rl.Problem(kernel, points, nu, loss), or rl.FixedEnds(kernel, points, ends), got 3",
    "rl.minimise(3, [0.0])": "minimise: expected a function of a vector, got 3; try lambda u: (u**2).sum()",
    "rl.minimise(lambda u: u, [0.0, 1.0])": (
        "minimise: the function must return a scalar that torch can differentiate, got shape (2,)"
    ),
    "rl.minimise(lambda u: 3, [0.0])": (
        "minimise: the function must return a scalar that torch can differentiate, got 3"
    ),
    "rl.minimise(lambda u: u.sum(), [])": (
        "minimise: expected a vector of one or more numbers to start from, got shape (0,)"
    ),
    "rl.minimise(lambda u: u.sum(), 'abc')": "minimise: expected numbers to start from, got 'abc'",
}


def test_a_wrong_value_is_answered_in_words_where_nothing_checks_annotations():
    program = """import sys, resnet_limits as rl
for ask in sys.argv[1:]:
    try:
        print(eval(ask))
    except rl.ReslimError as error:
        print(error)"""
    done = subprocess.run([sys.executable, "-c", program, *ASKED], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == list(ASKED.values()), done.stderr


def test_what_the_command_line_takes_for_an_option_is_taken_here(tmp_path):
    assert rl.Ode(activation="silu").activation == "swish"
    write_npz(tmp_path / "my.npz")
    data = rl.Ode(data=str(tmp_path / "my.npz")).data  # pyright: ignore
    assert data == rl.LabelledFileData(root=str(tmp_path), file="my.npz")


def test_numbers_tuples_ranges_and_arrays_stand_for_what_they_hold():
    settings = rl.Ode(depth=np.int64(8), horizon=np.float32(0.5), claims=("ode.forward",))  # pyright: ignore
    assert (settings.depth, type(settings.depth)) == (8, int)
    assert (settings.horizon, type(settings.horizon)) == (0.5, float)
    assert settings == rl.Ode(depth=8, horizon=0.5, claims=["ode.forward"])
    for claims in ("ode.forward", np.array(["ode.forward"])):
        assert rl.Ode(claims=claims).claims == ["ode.forward"]  # pyright: ignore
    for units in (range(1, 3), (1, 2), np.arange(1, 3)):
        assert rl.ImageKeys(units=units).units == [1, 2]  # pyright: ignore
    assert rl.TiedLaw(sigma_w=np.float64(2)) == rl.TiedLaw(sigma_w=2.0)
