"""A file of a user's own in tasks of SLURM, which are told of it whatever variables they are sent with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Reslim
from tests.slurm.cluster import SLURM, SMALL, Cluster, Watched, depths

pytestmark = pytest.mark.slow

OWN_LAW = str(Path(__file__).parents[1] / "examples" / "own_law.py")


@pytest.mark.parametrize("variables", [{}, {"SBATCH_EXPORT": "NONE"}], ids=["exported", "not exported"])
def test_tasks_take_a_file_of_a_user_s_own(cluster: Cluster, reslim: Reslim, variables: dict[str, str]):
    asked = Reslim(reslim.outputs, {**reslim.variables, **variables})
    request = ("--with", OWN_LAW, "init=wave_law", *SMALL, depths(4, 8), *SLURM)
    assert asked("train", *request, "--json").done().json["state"] == "finished"
    assert len(cluster.tasks(Watched.of(asked).path)) == 2
