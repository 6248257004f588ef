"""Modules that lie where somebody works, under the names of those that are imported; executed, they leave a mark."""

from __future__ import annotations

from pathlib import Path

NAMES = ("numpy", "random", "torch", "joblib", "submitit", "pandas", "secrets", "reslim_configs")
PACKAGES = ("resnet_limits", "hydra_plugins/planted")
PROGRAM = """
import os, sys
with open({mark!r}, "a") as mark:
    mark.write(f"{{os.path.relpath(__file__, {folder!r})}} {{sys.orig_argv}}\\n")
"""


def plant(folder: Path, mark: Path, *names: str) -> None:
    """Put them into a folder; executed, each adds a line to `mark`: its file, and the command of the process."""
    text = PROGRAM.format(mark=str(mark), folder=str(folder))
    files = [f"{name}.py" for name in (*NAMES, *names)] + [f"{name}/__init__.py" for name in PACKAGES]
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)


def executed(mark: Path) -> list[str]:
    """What was executed."""
    return mark.read_text().splitlines() if mark.exists() else []
