"""What a shell is told to go on with: keys, names, and those of files of a user's own."""

from __future__ import annotations

import os
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from .command import command

completed = import_module("reslim_cli.completion").completed

OWN_LAW = Path(__file__).parents[1] / "examples" / "own_law.py"


def test_keys_and_names_are_completed():
    assert completed([], "init=sm") == ["init=smooth"]
    assert completed(["study=gamma"], "gamma.alp")[:1] == ["gamma.alpha="]
    assert completed([], "study=o") == ["study=ode"]
    assert completed([], "depth=") == []
    assert completed([], "odd=") == []


def test_studies_claims_and_sections_are_completed():
    completion = import_module("reslim_cli.completion")
    assert completion.completed_study("ga") == ["gamma"]
    assert completion.completed_study("ode.forward.h") == ["ode.forward.heun"]
    assert completion.completed_study("odd.") == []
    assert completion.completed_section("ob") == ["observables"]


def test_bash_hands_the_sign_on_as_a_word():
    assert completed(["init", "="], "sm") == ["smooth"]
    assert "smooth" in completed(["init"], "=")


def words_of_shell(**variables: str) -> list[str]:
    done = subprocess.run(
        command(), env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


@pytest.mark.slow
def test_names_that_a_file_brings_are_completed_and_a_broken_file_brings_none(tmp_path: Path):
    line = f"reslim train --with {OWN_LAW} init=wa"
    asked = {"_RESLIM_COMPLETE": "complete_zsh"}
    assert "init=wave_law" in "".join(words_of_shell(**asked, _TYPER_COMPLETE_ARGS=line))
    words = ["reslim", "train", "--with", str(OWN_LAW), "init", "=", "wa"]
    assert words_of_shell(_RESLIM_COMPLETE="complete_bash", COMP_WORDS="\n".join(words), COMP_CWORD="6") == ["wave_law"]
    (tmp_path / "broken.py").write_text("1 / 0\n")
    line = f"reslim train --with {tmp_path / 'broken.py'} init=wa"
    assert "wave_law" not in "".join(words_of_shell(**asked, _TYPER_COMPLETE_ARGS=line))
