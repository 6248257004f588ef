"""Command lines as zsh hands them on: it takes words with brackets for patterns, and ends where no file fits one."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from tests.checkout import HERE
from tests.pages.pages import PAGES, command_lines

ZSH = shutil.which("zsh")

pytestmark = pytest.mark.skipif(ZSH is None, reason="no zsh is installed here")

LINES = {line: page for page in PAGES for line in command_lines(page, "reslim")}


def through_zsh(line, folder):
    """The words that a program gets of a command line, or zsh's own message; the program itself is not run."""
    done = subprocess.run(
        [str(ZSH), "-f", "-c", f'reslim() {{ print -rN -- reslim "$@" }}; {line}'],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=20,
    )
    return done.stdout.split("\0")[:-1] if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{LINES[line].relative_to(HERE)}: {line}")
def test_command_lines_of_the_pages_come_through_zsh(line, tmp_path):
    assert through_zsh(line, tmp_path) == shlex.split(line)


TYPED = [
    "reslim train claims=ode.rough",
    "reslim train claims=sde.strong,sde.weak depth=8..64 lr=0.1,0.2",
    "reslim verify claims=sde --against before.json",
    "reslim train data=my.npz batch=64 activation=silu",
    "reslim train outputs='/tmp/my runs=1 (ä)' 'depth=range(1,5)' \"lr=choice(0.1,0.2)\"",
    "reslim compare latest 1f0c",
]


@pytest.mark.parametrize("line", TYPED)
def test_what_is_typed_with_less_needs_no_quotes_and_what_is_quoted_comes_as_it_is(line, tmp_path):
    assert through_zsh(line, tmp_path) == shlex.split(line)


@pytest.mark.parametrize("word", ["claims=[ode.rough]", "depth=choice(8,16)", "init=glob(*)"])
def test_unquoted_brackets_are_what_zsh_keeps_for_itself(word, tmp_path):
    message = through_zsh(f"reslim train {word}", tmp_path)
    assert "no matches found" in message or "unknown" in message or "number expected" in message
