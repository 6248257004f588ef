"""What GitHub reads: the workflow and the forms of issues are valid, and try the versions of Python that we promise."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", sorted((GITHUB / "workflows").glob("*.yml"))),
        ("custom.github-workflows-require-timeout", sorted((GITHUB / "workflows").glob("*.yml"))),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_github_can_read_it(schema: str, files: list[Path]):
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed (it is among the extra `dev`)")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert files
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_version_of_python_that_we_promise_is_tried():
    workflow = yaml.safe_load((GITHUB / "workflows" / "tests.yml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: 3."
    promised = [classifier.rpartition(" ")[2] for classifier in project["classifiers"] if classifier.startswith(prefix)]
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == promised
