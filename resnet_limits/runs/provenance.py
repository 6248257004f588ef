"""Where a run comes from: command, versions, revision, host, times."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import own
from ..imports import PACKAGE_FILE

PACKAGES = ("reslim", "torch", "torchdiffeq", "torchvision", "numpy", "scipy", "pandas", "hydra-core", "scikit-learn")

VARIABLES_OF_GIT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR")
"""Variables that make git answer for another checkout."""


def version() -> str:
    """The version of reslim that is installed."""
    try:
        return metadata.version("reslim")
    except metadata.PackageNotFoundError:
        return "unknown"


def invocation(command: Sequence[str]) -> dict[str, Any]:
    """What stands in `provenance.json` for one invocation of `train`."""
    return {
        "command": list(command),
        "time": now(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "package": PACKAGE_FILE,
        "packages": {name: version_installed for name in PACKAGES if (version_installed := _version(name))},
        "git": _git(),
        "parts": {file.label: file.path for file in own.files()},
        "cpus": os.cpu_count(),
    }


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _git() -> dict[str, Any] | None:
    """Revision of the checkout that reslim runs from, and whether it has changes; None for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        revision = _output(root, "rev-parse", "HEAD")
        return {"revision": revision, "dirty": bool(_output(root, "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _output(root: Path, *arguments: str) -> str:
    # Of this checkout, whatever repository a hook of git calls us from; its settings start no program.
    others = {name: value for name, value in os.environ.items() if name not in VARIABLES_OF_GIT}
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    done = subprocess.run(command, cwd=root, env=others, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
