"""What the tests of faults share: a sweep that trains, undisturbed, and places with little room or none."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Finished, finished, in_process, reslim
from tests.faults.sweep import OF_EACH_STUDY, TRAINS
from tests.runs.conftest import make_run

__all__ = ["finished", "in_process", "make_run", "reslim"]


@pytest.fixture(scope="session")
def trained(finished: Callable[..., Finished]) -> Finished:
    """Three depths that train, left alone."""
    run = finished("trained", *TRAINS, "--json")
    run.answer.done()
    return run


@pytest.fixture(scope="session")
def left_alone(finished: Callable[..., Finished]) -> Callable[[str], Finished]:
    """`left_alone(study)`: the sweep of this study, left alone."""

    def of(study: str) -> Finished:
        run = finished(f"left_alone_{study}", *OF_EACH_STUDY[study], "--json")
        run.answer.done()
        return run

    return of


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """`mounted(*arguments)`: a folder under which `mount` put something; skips where that needs more rights."""
    places: list[Path] = []

    def mount(*arguments: str) -> Path:
        place = tmp_path / f"mounted-{len(places)}"
        place.mkdir()
        try:
            done = subprocess.run(["mount", *arguments, str(place)], capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no command mount")
        if done.returncode:
            pytest.skip("mounting a file system needs more rights")
        places.append(place)
        return place

    yield mount
    for place in reversed(places):
        subprocess.run(["umount", "--lazy", str(place)], check=True)
