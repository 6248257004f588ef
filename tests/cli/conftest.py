"""Finished runs of the installed command, made once; tests read them, or work on a copy."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.command import TINY, Answer, Reslim

DEPTHS = (4, 8, 16, 2048)
"""Four depths make a verdict possible; the last one runs for a second, in which a run can be interrupted."""

REQUEST = (*TINY, f"depth={','.join(str(d) for d in DEPTHS)}")

Once = Callable[[str, Callable[[Path], None]], Path]


@dataclasses.dataclass(frozen=True)
class Finished:
    """A run that is finished, what its command answered, and the command with its folder of runs."""

    path: Path
    answer: Answer
    reslim: Reslim

    def copy(self, outputs: Path) -> tuple[Path, Reslim]:
        """A copy of the run under other outputs, with the command that sees it."""
        path = outputs / self.path.relative_to(self.reslim.outputs)
        shutil.copytree(self.path, path)
        return path, Reslim(outputs)


@pytest.fixture
def reslim(tmp_path: Path) -> Reslim:
    return Reslim(tmp_path / "outputs")


@pytest.fixture
def in_process(tmp_path, monkeypatch, capfd):
    """The command's own `main` in this process: what start-up costs is paid once."""
    main = import_module("reslim_cli.app").main

    def call(*arguments):
        monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path / "outputs"))
        monkeypatch.setattr("sys.argv", ["reslim", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfd.readouterr()
        code = left.value.code
        return Answer(code if isinstance(code, int) else 0, out, err)

    return call


@pytest.fixture(scope="session")
def finished(once: Once) -> Callable[..., Finished]:
    """`finished(name, *arguments)`: one run of `reslim train` with these arguments."""

    def run(name: str, *arguments: str) -> Finished:
        def make(folder: Path) -> None:
            answer = Reslim(folder / "outputs")("train", *arguments)
            (folder / "answer.json").write_text(json.dumps(dataclasses.asdict(answer)))

        folder = once(name, make)
        reslim = Reslim(folder / "outputs")
        (path,) = reslim.runs()
        return Finished(path, Answer(**json.loads((folder / "answer.json").read_text())), reslim)

    return run


@pytest.fixture(scope="session")
def sweep(finished: Callable[..., Finished]) -> Finished:
    """Four depths with the basic launcher, answered as JSON."""
    run = finished("sweep", *REQUEST, "--json")
    run.answer.done()
    return run


@pytest.fixture(scope="session")
def joblib_sweep(finished: Callable[..., Finished]) -> Finished:
    """The same request with the joblib launcher and Hydra's own flag -m, answered as text."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    run = finished("joblib_sweep", "-m", *REQUEST, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "--table")
    run.answer.done()
    return run


@pytest.fixture(scope="session")
def one_job(finished: Callable[..., Finished]) -> Finished:
    """One depth, and a claim whose jobs share a solution."""
    run = finished("one_job", *TINY[:-1], "claims=[ode.forward.euler]", "depth=16", "--json")
    run.answer.done()
    return run


@pytest.fixture(scope="session")
def settings_sweep(finished: Callable[..., Finished]) -> Finished:
    """Two activations, two seeds, and depths in an order of their own."""
    run = finished("settings_sweep", *TINY, "depth=32,8,4,16", "activation=tanh,swish", "seed=0,1", "--json")
    run.answer.done()
    return run


@pytest.fixture(scope="session")
def failing(finished: Callable[..., Finished]) -> Finished:
    """Two trained networks, one with a learning rate at which no network trains."""
    small = ("preset=smoke", "width=4", "train.replicas=1", "device=cpu", "claims=[ode.trained]", "activation=relu")
    return finished("failing", *small, "depth=2", "train.lr=1e6,0.1")
