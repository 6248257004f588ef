"""The command `reslim`: one file a command; the only place that knows Typer, rich and the terminal."""

import os
import sys


def _forget_the_working_folder() -> None:
    """Import nothing from an empty or relative element of PYTHONPATH, which means the folder that somebody works in.

    `PYTHONPATH=$PYTHONPATH:/opt/lib` makes one by accident. Before anything else is imported, which might lie there.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        return  # it is gone, and nothing lies there
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    meant = {os.path.abspath(path) for path in paths if os.path.isabs(path)}
    others = {os.path.abspath(path) for path in paths if not os.path.isabs(path)} - meant
    if os.environ.get("PYTHONPATH"):
        sys.path[:] = [path for path in sys.path if os.path.abspath(path) not in others]


_forget_the_working_folder()
