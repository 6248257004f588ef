"""Parts of one's own, of at most 25 lines each, are run as their first lines say, at tiny sizes; in a run that is
continued they are named again, as they were."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

import resnet_limits as rl
from resnet_limits import own
from resnet_limits.python import run
from resnet_limits.settings.build import from_mapping
from resnet_limits.settings.registry import bring
from resnet_limits.testing.path_laws import PathLaws, facts_are_true
from tests.cli.command import TINY, Reslim

HERE = Path(__file__).parent
KINDS = {"law", "activation", "block", "data", "kernel", "loss", "study", "figure"}
FILES = {kind: str(HERE / f"own_{kind}.py") for kind in KINDS}


@pytest.fixture
def reslim(tmp_path: Path) -> Reslim:
    return Reslim(tmp_path / "outputs")


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch):
    """All of them, named in this process until the test is done."""
    monkeypatch.setenv(own.FILES_VARIABLE, "")
    own.use([FILES[kind] for kind in sorted(KINDS)])
    bring()
    yield
    monkeypatch.setenv(own.FILES_VARIABLE, "")
    bring()


def test_each_kind_has_an_example_of_at_most_25_lines():
    lines = {path.stem.removeprefix("own_"): path.read_text().count("\n") for path in HERE.glob("own_*.py")}
    assert set(lines) == KINDS
    assert max(lines.values()) <= 25


# -- a law that says of itself what is true -------------------------------------------------------


class TestOwnLaw(PathLaws):
    @pytest.fixture(autouse=True)
    def _named(self, examples):
        self.law = from_mapping({"study": "ode", "init": "wave_law"}).init  # pyright: ignore

    def covariance(self, s: Tensor, t: Tensor) -> Tensor:
        return torch.cos(2 * math.pi * (s - t))


def test_a_law_that_lies_about_its_regularity_fails_the_laws(examples):
    law = from_mapping({"study": "ode", "init": "wave_law"}).init  # pyright: ignore
    facts_are_true(law, law.regularity)
    for lie in (
        rl.Regularity(index=0.5),
        rl.Regularity(constant=True, index=math.inf),
        rl.Regularity(independent_layers=True),
    ):
        with pytest.raises(AssertionError):
            facts_are_true(law, lie)


@pytest.mark.parametrize(
    ("path", "derivative"),
    [(lambda t: torch.sign(t - 0.6), 1), (lambda t: (t - 1.5).abs(), 2), (lambda t: torch.floor(1.5 * t), 1)],
    ids=["a jump", "a kink", "steps"],
)
def test_a_law_that_is_smooth_at_most_times_alone_fails_the_laws(path, derivative: int):
    class MostlySmoothLaw(rl.Random):
        regularity = torch.inf  # pyright: ignore[reportAssignmentType]

        def path(self, draw):
            size = draw.sigma * draw.normals(draw.shape)
            return lambda t: size * path(t)

    law = MostlySmoothLaw()  # pyright: ignore[reportCallIssue]
    with pytest.raises(AssertionError, match=f"derivative {derivative}"):
        facts_are_true(law, law.regularity)  # pyright: ignore[reportArgumentType]


# -- parts in jobs --------------------------------------------------------------------------------


@pytest.mark.slow
def test_kernel_and_loss_of_ones_own_are_those_of_a_minimiser(examples):
    keys = {"kernel": "rational", "loss": "pseudo_huber", "points": 6, "steps": 32, "nu": 0.3}
    asked = {"study": "hamiltonian", "depth": 4, "claims": ["hamiltonian.energy"], "hamiltonian": keys}
    settings = from_mapping({**asked, "preset": "smoke"})
    frame = run(settings)
    assert len(frame)
    assert bool(frame["value"].notna().all())
    assert settings.parts is not None
    assert settings.parts.count("+") == 1


@pytest.mark.slow
def test_a_run_with_parts_of_ones_own_is_continued_with_the_same_files_alone(reslim: Reslim, tmp_path: Path):
    mine = [shutil.copy(FILES[kind], tmp_path / f"own_{kind}.py") for kind in ("law", "block", "data")]
    with_files = [word for path in mine for word in ("--with", str(path))]
    keys = ("init=wave_law", "init.waves=2", "block=antisymmetric", "data=chess_board")
    summary = reslim("train", *TINY, *keys, "depth=4", *with_files, "--json").done().json
    assert summary["state"] == "finished"
    folder = Path(summary["run"])
    assert len((folder / "records.csv").read_text().splitlines()) > 1
    (noted,) = (call["parts"] for call in json.loads((folder / "provenance.json").read_text())["invocations"])
    assert {label.partition("-")[0] for label in noted} == {"own_law", "own_block", "own_data"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs", *sorted(f"{Path(p).stem}.py" for p in mine)]

    without = reslim("train", "--resume", "latest")
    assert without.code == 2
    assert "was made with files of your own" in without.err
    assert "--with own_law.py" in without.err
    assert "0 of 1 jobs of study ode would run" in reslim("train", "--resume", "latest", *with_files, "--dry-run").out

    Path(mine[0]).write_text(Path(mine[0]).read_text() + "# a word\n")
    changed = reslim("train", "--resume", "latest", *with_files, "depth=8")
    assert changed.code == 2
    assert len(changed.err.splitlines()) == 1
    assert "and the file is own_law-" in changed.err
    override = changed.err[changed.err.index("parts=") :].split(":")[0]
    answer = reslim("train", "--resume", "latest", *with_files, "depth=4", override, "--dry-run").done()
    assert "1 of 1 jobs of study ode would run" in answer.out


@pytest.mark.slow
def test_a_figure_of_ones_own_draws_networks_with_an_activation_of_ones_own(reslim: Reslim):
    tiny = ("depth=4", "width=4", "claims=[ode.trained]", "train.epochs=1", "train.replicas=2", "train.batch_size=70")
    asked = (
        "--with",
        FILES["figure"],
        "--with",
        FILES["activation"],
        "figure=biases_over_depth",
        "activation=softsign",
    )
    summary = (
        reslim(
            "train",
            "preset=smoke",
            "device=cpu",
            "data.train_size=70",
            "data.test_size=30",
            *tiny,
            *asked,
            "--json",
        )
        .done()
        .json
    )
    assert (Path(summary["run"]) / "figures" / "biases_over_depth.svg").exists()
    plan = json.loads((Path(summary["run"]) / "plan.json").read_text())
    assert [label.partition("-")[0] for label in plan["parts"]] == ["own_activation", "own_figure"]
    assert "own_figure" in plan["parts"], "what draws is asked for, and may be changed"


@pytest.mark.slow
def test_a_study_of_ones_own_is_listed_run_reported_and_verified(reslim: Reslim):
    arguments = ("--with", FILES["study"])
    assert "decay" in reslim("studies", *arguments).done().out
    assert "decay.euler" in reslim("studies", "decay", *arguments).done().out
    summary = (
        reslim("train", *arguments, "study=decay", "depth=8,16,32,64", "hydra/launcher=joblib", "--json").done().json
    )
    assert [claim["verdict"] for claim in summary["claims"]] == ["supported"]
    listed = reslim("runs", "--json").done().json[0]
    assert listed["state"] == "unknown"
    assert "name them again, --with own_study.py" in listed["remarks"][0]
    assert reslim("runs", *arguments, "--json").done().json[0]["state"] == "finished"
    assert reslim("report", "latest").code == 2
    assert reslim("report", "latest", *arguments, "--json").done().json["study"] == "decay"


def test_a_file_that_cannot_be_imported_is_refused_in_a_line(reslim: Reslim, tmp_path: Path):
    (tmp_path / "my_law.py").write_text("from resnet_limits import Random\n\nx = y\n")
    answer = reslim("train", "--with", str(tmp_path / "my_law.py"), "init=my_law")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "reslim: my_law.py, line 3: NameError: name 'y' is not defined\n"
