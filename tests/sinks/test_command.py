"""`sinks=...` on the command line: what is missing is said before anything is written."""

from __future__ import annotations

from importlib import import_module

import pytest

from resnet_limits.sinks import installed
from tests.cli.command import TINY, Reslim
from tests.planting import plant

WITHOUT = """
from importlib import metadata
found = metadata.version

def version(name):
    if name in ("tensorboard", "wandb"):
        raise metadata.PackageNotFoundError(name)
    return found(name)

metadata.version = version
"""


@pytest.mark.parametrize("words", [("train",), ("train", "--dry-run"), ("verify", "--smoke", "ode")])
def test_a_missing_package_ends_with_code_2_and_the_command_that_installs_it(tmp_path, words):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    reslim = Reslim(tmp_path / "outputs", {"PYTHONPATH": str(tmp_path)})
    answer = reslim(*words, *TINY[1:], "depth=4", "sinks=[wandb]")
    assert answer.code == 2
    assert 'pip install "reslim[wandb]"' in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not reslim.outputs.exists()


def test_an_unknown_sink_is_refused_with_the_nearest_name(tmp_path):
    answer = Reslim(tmp_path / "outputs")("train", "sinks=[tensorbord]")
    assert answer.code == 2
    assert "did you mean 'tensorboard'?" in answer.err


def test_doctor_knows_the_sinks(monkeypatch):
    sinks = import_module("reslim_cli.doctor").sinks
    assert [(f.what, f.works) for f in sinks()] == [("sink tensorboard", True), ("sink wandb", True)]
    plant(monkeypatch, installed.version_of_sink, lambda sink: None)
    assert [f.advice for f in sinks()] == ['pip install "reslim[tensorboard]"', 'pip install "reslim[wandb]"']
