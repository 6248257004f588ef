"""Help and a mistyped key answer without torch and pandas. No times: they belong in benchmarks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resnet_limits.settings.registry import STUDIES

HEAVY = ("torch", "torchvision", "torchdiffeq", "pandas", "scipy", "matplotlib", "sklearn", "pyarrow")

PROGRAM = """
import sys
from reslim_cli.app import main
sys.argv = ["reslim", *sys.argv[1:]]
try:
    main()
except SystemExit as left:
    code = left.code
print(code or 0, *sorted(sys.modules), sep=" ", file=sys.stderr)
"""


def modules_after(tmp_path, *arguments, whole=False):
    """The exit code, and the packages that were imported; their modules, if these are asked for."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    return int(code), set(modules) if whole else {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        (("train", "--help"), 0),
        (("train", "dpeth=8"), 2),
        (("train", "depth=0"), 2),
        (("train", "init.hurst=0.3"), 2),
        (("trian",), 2),
        (("report", "--help"), 0),
        (("report", "nothing"), 2),
        (("verify", "--help"), 0),
        (("verify", "oed"), 2),
        (("verify", "dpeth=8"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_help_and_a_mistake_answer_without_importing_what_is_heavy(arguments, code, tmp_path):
    left, modules = modules_after(tmp_path, *arguments)
    assert left == code
    assert "reslim_cli" in modules
    assert not modules & set(HEAVY)
    assert list(tmp_path.iterdir()) == []


def test_a_request_imports_the_study_that_it_names_and_no_other(tmp_path):
    _, modules = modules_after(tmp_path, "train", "study=gamma", "gamma.alpha=0", whole=True)
    named = {name.split(".")[2] for name in modules if name.startswith("resnet_limits.studies.")}
    assert "gamma" in named
    assert not named & (set(STUDIES) - {"gamma"})
    assert not any(name.startswith("resnet_limits.paths") for name in modules), "gamma has no law of weights"


@pytest.mark.parametrize("asked", ["--help", "--version"])
def test_help_and_the_version_do_not_import_hydra_either(asked, tmp_path):
    _, modules = modules_after(tmp_path, asked)
    assert not modules & {"hydra", "omegaconf", "yaml"}


def test_the_library_does_not_know_the_command_line(tmp_path):
    program = (
        "import importlib, pkgutil, sys, resnet_limits\n"
        "for found in pkgutil.walk_packages(resnet_limits.__path__, 'resnet_limits.'):\n"
        "    try: importlib.import_module(found.name)\n"
        "    except ModuleNotFoundError as missing:\n"
        "        if missing.name != 'triton': raise\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert not set(done.stdout.split()) & {"typer", "hydra", "omegaconf", "reslim_cli", "reslim_configs"}
