"""Commands that are started at once: each has a run of its own."""

from __future__ import annotations

import re

import pytest

from tests.cli.command import TINY

pytestmark = pytest.mark.slow


def test_commands_of_one_second_make_runs_of_their_own(reslim):
    clients = [reslim.start("train", *TINY, f"depth={depth}") for depth in (4, 8, 4)]
    answers = [client.communicate(timeout=120) for client in clients]
    assert [client.returncode for client in clients] == [0, 0, 0], answers
    runs = reslim.runs()
    assert len({run.name for run in runs}) == 3
    said = {re.findall(r"^report +(.*)/report.html$", out, re.MULTILINE)[0] for out, _ in answers}
    assert said == {str(run) for run in runs}
    depths = sorted([path.name.split("-")[0] for path in run.glob("jobs/*")] for run in runs)
    assert depths == [["4"], ["4"], ["8"]], "each has its own job, and no other's"
    assert len(list((reslim.outputs / "ode").iterdir())) == 3
