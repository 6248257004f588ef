"""Where the processes that a run starts import from: the very files of the process that starts them.

    never      the folder that somebody works in, also not by an empty or relative element of PYTHONPATH
    as before  absolute elements of PYTHONPATH, site-packages, the standard library

A `numpy.py` in the working folder, or in a run folder that somebody sent, is nobody's wish. PYTHONSAFEPATH says so to
every Python that is started from there on, whoever starts it (joblib, submitit). RESLIM_PACKAGE names the package that
was meant; a job compares.
"""

from __future__ import annotations

import os
from pathlib import Path

from .errors import OtherPackage

PACKAGE_FILE = os.path.realpath(Path(__file__).with_name("__init__.py"))
"""The file that this package is imported from."""
PACKAGE_VARIABLE = "RESLIM_PACKAGE"


def environment(paths: str | None = None) -> dict[str, str]:
    """The variables of a process that is to import what this one does; `paths` is its PYTHONPATH, None: as here."""
    paths = os.environ.get("PYTHONPATH", "") if paths is None else paths
    return {**os.environ, "PYTHONPATH": absolute(paths), "PYTHONSAFEPATH": "1", PACKAGE_VARIABLE: PACKAGE_FILE}


def absolute(paths: str) -> str:
    """The elements of a list of folders that do not depend on where somebody works."""
    return os.pathsep.join(path for path in paths.split(os.pathsep) if os.path.isabs(path))


def is_by_working_folder(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder is imported from only because somebody works in it: no process that a run starts does."""
    named = map(os.path.realpath, absolute(os.environ.get("PYTHONPATH", "")).split(os.pathsep))
    return os.path.realpath(folder) == os.path.realpath(os.curdir) and os.path.realpath(folder) not in named


def require_same() -> None:
    """Raise `OtherPackage` where the process that started this one has imported reslim from another place."""
    meant = os.environ.get(PACKAGE_VARIABLE, PACKAGE_FILE)
    if meant != PACKAGE_FILE:
        raise OtherPackage(
            f"this process imports reslim from {os.path.dirname(PACKAGE_FILE)}, the one that started it from "
            f"{os.path.dirname(meant)}; make both the same (PYTHONPATH, the environment on the cluster's nodes)"
        )


SETUP = (
    """PYTHONPATH="$(printf %s "$PYTHONPATH" | awk 'BEGIN {RS=":"} /^[/]/ {printf "%s%s", s, $0; s=":"}')\"""",
    "export PYTHONPATH PYTHONSAFEPATH=1",
    "unset SLURM_EXPORT_ENV",
)
"""The same as lines of a shell, for a task of SLURM that is sent without the variables of its sender (--export=NONE),
which `srun` would then not hand on either."""
