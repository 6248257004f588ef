"""Streams that are closed or full, beginnings without memory or time: one line, a fitting exit code, no traceback."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import Reslim, command

pytestmark = pytest.mark.slow

COMMANDS = [
    ("--help",),
    ("studies",),
    ("studies", "ode", "--json"),
    ("runs",),
    ("data",),
    ("train", "--dry-run"),
    ("train", "--dry-run", "--json"),
    ("train", "--cfg", "job"),
    ("verify", "--help"),
    ("report", "--help"),
]


def through_a_shell(redirections: str, arguments, outputs: Path, **options) -> subprocess.CompletedProcess[str]:
    """The command as `reslim ARGUMENTS REDIRECTIONS`."""
    words = ["sh", "-c", f'exec "$@" {redirections}', "sh", *command(), *arguments]
    environment = Reslim(outputs).environment()
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=False, **options)


def assert_one_line(text: str) -> None:
    (line,) = text.splitlines()
    assert line.startswith("reslim: ")
    assert len(line) < 300


@pytest.mark.parametrize("arguments", [*COMMANDS, ("train",), ("verify", "--smoke"), ("doctor",)], ids=" ".join)
def test_a_closed_stdout_is_refused_before_anything_runs(arguments, tmp_path):
    done = through_a_shell(">&-", arguments, tmp_path / "outputs")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert "stdout is closed" in done.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_stdout_is_said_once(arguments, tmp_path):
    done = through_a_shell(">/dev/full", arguments, tmp_path / "outputs")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert "stdout" in done.stderr
    assert "No space left" in done.stderr


@pytest.mark.parametrize("redirection", ["2>&-", "<&-", "2>/dev/full", "<&- 2>&-"])
@pytest.mark.parametrize("arguments", [COMMANDS[3], COMMANDS[6]], ids=" ".join)
def test_without_stderr_or_stdin_the_answer_is_the_same(arguments, redirection, tmp_path):
    undisturbed = through_a_shell("", arguments, tmp_path / "outputs")
    done = through_a_shell(redirection, arguments, tmp_path / "outputs")
    assert (done.returncode, done.stdout) == (undisturbed.returncode, undisturbed.stdout)
    assert done.stderr in ("", undisturbed.stderr)


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize("arguments", [("train", "depth=0"), ("nonsense",), ("runs", "nothing")], ids=" ".join)
def test_a_refusal_that_nobody_can_read_does_not_go_to_stdout(arguments, redirection, tmp_path):
    done = through_a_shell(redirection, arguments, tmp_path / "outputs")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_a_file_of_a_run_is_not_taken_for_a_closed_stream(tmp_path):
    """Where stdin and stderr are closed the next files to be opened would have their numbers."""
    tiny = ("preset=smoke", "ode.paths=1", "ode.inputs=2", "width=4", "device=cpu", "claims=[ode.reversed.euler]")
    done = through_a_shell("<&- 2>&-", ["train", *tiny, "depth=4", "--json"], tmp_path / "outputs")
    assert (done.returncode, done.stderr) == (0, "")
    ((name, state),) = json.loads(done.stdout)["jobs"].items()
    assert state == "finished"
    texts = [path.read_bytes() for path in tmp_path.glob("outputs/*/*/**/*") if path.is_file()]
    assert texts
    assert not any(f"{name} running".encode() in text for text in texts), "what the client says while jobs run"


# -- the first moments ----------------------------------------------------------------------------


def with_planted_typer(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    """The command where `import typer` does something else first."""
    (tmp_path / "typer.py").write_text(body)
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    words = [sys.executable, "-c", path + command()[-1], "studies"]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interruption_while_typer_is_imported_is_one(name, tmp_path):
    body = f"import os, signal, time\nos.kill(os.getpid(), signal.{name})\ntime.sleep(30)\n"
    done = with_planted_typer(tmp_path, body)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    "raised",
    [
        "MemoryError",
        "ImportError('libtorch_cpu.so: failed to map segment from shared object')",
        "OSError(12, 'Cannot allocate memory')",
        "RuntimeError('std::bad_alloc')",
        "SystemError('error return without exception set')",
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_lack_of_memory_is_one_line_however_it_is_said(raised, wrapped, tmp_path):
    body = (
        f"try:\n    raise {raised}\nexcept Exception as error:\n    raise ImportError('typer is broken') from error\n"
    )
    done = with_planted_typer(tmp_path, body if wrapped else f"raise {raised}\n")
    assert done.returncode == 1
    assert_one_line(done.stderr)
    assert "out of memory" in done.stderr
    assert done.stdout == ""


def test_an_error_that_nobody_foresaw_keeps_its_traceback(tmp_path):
    done = with_planted_typer(tmp_path, "raise KeyError('a fault of ours')\n")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "a fault of ours" in done.stderr


@pytest.mark.parametrize("megabytes", [40, 60, 250])
@pytest.mark.parametrize("arguments", [("train",), ("studies",), ("doctor",), ("report", "latest")], ids=" ".join)
def test_a_process_without_memory_says_so_or_answers(arguments, megabytes, tmp_path):
    """Addresses end at Python's own imports, at numpy's libraries, at torch's."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))

    words = [*arguments, *(["--dry-run"] if arguments == ("train",) else [])]
    done = through_a_shell("", words, tmp_path / "outputs", preexec_fn=limited)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 2)
    if done.returncode:
        assert_one_line(done.stderr)


# -- readers --------------------------------------------------------------------------------------


def test_who_leaves_early_ends_the_command_as_any_unix_tool(tmp_path):
    """`reslim studies ode --json | true`, as `set -o pipefail` sees it."""
    script = '"$@" | true; exit ${PIPESTATUS[0]}'
    words = ["bash", "-c", script, "bash", *command(), "studies", "ode", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGPIPE, "", "")
