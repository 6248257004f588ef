"""A real SLURM of one machine, started for these tests by `start.sh` and ended with them; each worker has its own.

Needs root and Debian's packages slurm-wlm and munge; with mariadb-server and slurmdbd it has accounting, too. Without
them the tests skip, or fail where RESLIM_REQUIRE_SLURM=1 says that they should be there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.command import Answer, Reslim
from tests.slurm.cluster import SMALL, Cluster, depths

HERE = Path(__file__).parent
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
ACCOUNTING = ("mariadbd", "slurmdbd")

Once = Callable[[str, Callable[[Path], None]], Path]


def missing() -> str | None:
    """Why there can be no SLURM here."""
    if os.geteuid() != 0:
        return "a SLURM of our own needs root"
    lacking = [program for program in NEEDED if shutil.which(program) is None]
    return f"no {', '.join(lacking)} here (apt-get install slurm-wlm munge)" if lacking else None


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """SLURM, running. It ends with this process, however this process ends: stop.sh waits for the end of a pipe."""
    if (reason := missing()) is not None:
        if os.environ.get("RESLIM_REQUIRE_SLURM") == "1":
            pytest.fail(f"RESLIM_REQUIRE_SLURM=1, but {reason}")
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    accounting = all(shutil.which(program) for program in ACCOUNTING)
    variables = {**os.environ, "ACCOUNTING": "1" if accounting else "0"}
    # To a file: daemons keep what they were started with, and a pipe would stay open with them.
    with open(folder / "start.txt", "w") as output:
        stop = ["sh", "-c", 'read -r _; exec "$0" "$1"', HERE / "stop.sh", folder]
        end = subprocess.Popen(stop, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True)
        start = [HERE / "start.sh", folder]
        code = subprocess.run(start, env=variables, stdout=output, stderr=output, timeout=120, check=False).returncode
    try:
        if code:
            pytest.fail((folder / "start.txt").read_text())
        yield Cluster(folder, accounting)
    finally:
        end.communicate()


@pytest.fixture
def reslim(cluster: Cluster, tmp_path: Path) -> Iterator[Reslim]:
    """The command with runs of its own; nothing of them stays in the queue."""
    yield Reslim(tmp_path / "outputs", cluster.variables)
    cluster.clear()


@pytest.fixture(scope="session")
def local(once: Once) -> Callable[..., tuple[Path, Answer]]:
    """`local(name, *arguments)`: a run of this machine alone, and its answer as JSON."""

    def run(name: str, *arguments: str) -> tuple[Path, Answer]:
        def make(folder: Path) -> None:
            answer = Reslim(folder / "outputs")("train", *arguments, "--json").done()
            (folder / "answer.json").write_text(answer.out)

        folder = once(f"local-{name}", make)
        (path,) = Reslim(folder / "outputs").runs()
        return path, Answer(0, (folder / "answer.json").read_text(), "")

    return run


@pytest.fixture(scope="session")
def sweep(local) -> tuple[Path, dict]:
    """Four depths that were run here, as the array has to repeat them."""
    path, answer = local("sweep", *SMALL, depths(4, 8, 16, 32))
    return path, json.loads(answer.out)
