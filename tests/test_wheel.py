"""A wheel of the tree holds the tree's packages under their installed names, and runs outside the checkout."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
COMPILED = (
    *("resnet_limits/engines/_compiled.", "resnet_limits/engines/_walks.", "resnet_limits/random/_gaussian."),
    "resnet_limits/limits/hamiltonian/_pairs.",
)
INSTALLED = {"cli": "reslim_cli", "configs": "reslim_configs", "resnet_limits": "resnet_limits"}
IGNORED = shutil.ignore_patterns(".*", "outputs", "build", "dist", "*.egg-info", "__pycache__", "tests", "*.so")


def package_files():
    """Every file of the packages in the tree, by its installed name; not what was compiled."""
    names = set()
    for folder, name in INSTALLED.items():
        for path in (ROOT / folder).rglob("*"):
            compiled = path.suffix in (".so", ".pyd")
            if path.is_file() and not compiled and "__pycache__" not in path.parts and not path.name.startswith("."):
                names.add(f"{name}/{path.relative_to(ROOT / folder)}")
    return names


def built(folder: Path) -> None:
    shutil.copytree(ROOT, folder / "tree", ignore=IGNORED)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "dist")]
    if importlib.util.find_spec("setuptools"):
        wheel.append("--no-build-isolation")
    subprocess.run([*wheel, str(folder / "tree")], check=True, timeout=300)
    (file,) = (folder / "dist").glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--no-index"]
    subprocess.run([*install, "--target", str(folder / "site"), str(file)], check=True, timeout=300)


@pytest.fixture(scope="session")
def wheel(once) -> Path:
    """The folder with `dist/*.whl` and `site/`, where it is installed."""
    return once("wheel", built)


def test_the_wheel_holds_the_files_of_the_tree_and_nothing_else(wheel):
    (file,) = (wheel / "dist").glob("*.whl")
    names = {name for name in zipfile.ZipFile(file).namelist() if not name.endswith("/")}
    metadata = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    compiled = {name for name in names if name.startswith(COMPILED) and not name.endswith((".c", ".h"))}
    assert names - metadata - compiled == package_files()
    assert len(compiled) == (len(COMPILED) if shutil.which("cc") else 0)
    assert {name.partition("/")[0] for name in names - metadata} == set(INSTALLED.values()), "no modules cli, configs"
    assert any(name.endswith("licenses/LICENSE") for name in metadata)


def test_an_installed_wheel_that_is_started_in_a_clone_trains_with_its_own_files_and_a_user_s(wheel, tmp_path):
    program = (
        "import sys; sys.argv[0] = 'reslim'; import reslim_cli.app, reslim_configs, resnet_limits\n"
        "print(reslim_cli.__file__, reslim_configs.__file__, resnet_limits.__file__, sep='\\n', file=sys.stderr)\n"
        "reslim_cli.app.main()\n"
    )
    # A path before the editable install's own finder: what is imported is the wheel.
    environment = {**os.environ, "PYTHONPATH": str(wheel / "site"), "RESLIM_OUTPUTS": str(tmp_path / "outputs")}
    own_law = str(ROOT / "tests" / "examples" / "own_law.py")
    request = (
        "--with",
        own_law,
        "init=wave_law",
        "preset=smoke",
        "ode.paths=1",
        "ode.inputs=2",
        "width=4",
        "depth=4,8",
        "claims=[ode.reversed.euler]",
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "train", *request, "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    site = str(wheel / "site")
    assert all(line.startswith(site) for line in done.stderr.splitlines()[:3]), done.stderr
    summary = json.loads(done.stdout)
    assert summary["state"] == "finished"
    document = json.loads((Path(summary["run"]) / "provenance.json").read_text())
    assert document["invocations"][0]["package"] == str(wheel / "site" / "resnet_limits" / "__init__.py")
    assert list(document["invocations"][0]["parts"].values()) == [own_law], "a file of a user's own"
    assert document["invocations"][0]["git"] is None, "an installed package has no revision"
