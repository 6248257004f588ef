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

PACKAGES = ("reslim", "torch", "torchdiffeq", "torchvision", "numpy", "scipy", "pandas", "hydra-core", "scikit-learn")


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
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "git": _git(),
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
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
