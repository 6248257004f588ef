"""Figures are the same from one process and from several, and the others leave with the one that asked."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

from resnet_limits import imports
from resnet_limits.claims.claim import Judgement
from resnet_limits.figures import spread as module
from resnet_limits.figures.spread import spread
from resnet_limits.figures.style import rc, styled
from resnet_limits.figures.write import ClaimSheet, write_figures
from tests.faults.planted import executed
from tests.faults.planted import plant as plant_module
from tests.figures.test_figures import judged
from tests.planting import plant, resize

Judged = Sequence[tuple[Judgement, pd.DataFrame]]


def several(count: int = 5) -> Judged:
    judgement, points = judged(noise=0.02)
    return [
        (
            replace(judgement, claim=replace(judgement.claim, id=f"ode.test{i}")),
            points.assign(value=points["value"] * i),
        )
        for i in range(1, count + 1)
    ]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch):
    return lambda count: plant(monkeypatch, module.processes, lambda figures: count)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    children: list[subprocess.Popen[bytes]] = []
    original = module.started

    def note(within: module.Within) -> subprocess.Popen[bytes] | None:
        if (child := original(within)) is not None:
            children.append(child)
        return child

    plant(monkeypatch, module.started, note)
    return children


@dataclass(frozen=True)
class By:
    """A sheet that says who drew it."""

    path: Path

    def draw(self) -> None:
        self.path.write_text(str(os.getpid()))


@dataclass(frozen=True)
class Here:
    """A sheet that ends every process but one."""

    path: Path
    client: int

    def draw(self) -> None:
        if os.getpid() != self.client:
            os._exit(1)
        self.path.write_text("drawn")


def test_files_do_not_depend_on_the_number_of_processes(tmp_path: Path, processes, started):
    mine: dict[Any, Any] = {"lines.linewidth": 3.0, "xtick.color": "green", "axes.titleweight": "bold"}  # a user's own
    with mpl.rc_context(mine):
        for folder, count in (("one", 1), ("three", 3)):
            processes(count)
            write_figures(tmp_path / folder, several())
    assert len(started) == 2
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "three").iterdir())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes()


def test_other_processes_draw_and_are_gone_afterwards(tmp_path: Path, processes, started):
    processes(2)
    sheets = [ClaimSheet(tmp_path / judged[0].claim.id, *judged) for judged in several(3)]
    with styled(), spread(sheets, within=partial(styled, rc())):
        end = time.monotonic() + 60
        while len(list(tmp_path.glob("*.pdf"))) < len(sheets):  # not by this process, which waits
            assert time.monotonic() < end
            time.sleep(0.05)
    assert [child.returncode is not None for child in started] == [True]


def test_another_process_imports_nothing_from_the_working_folder(tmp_path: Path, processes, started, monkeypatch):
    processes(2)
    plant_module(tmp_path / "work", tmp_path / "mark", "matplotlib", "sitecustomize")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(sys, "path", ["", ".", *sys.path, ""])
    sheets = [ClaimSheet(tmp_path / judged[0].claim.id, *judged) for judged in several(2)]
    with styled(), spread(sheets, within=partial(styled, rc())):
        end = time.monotonic() + 60
        while len(list(tmp_path.glob("*.pdf"))) < len(sheets):
            assert time.monotonic() < end
            time.sleep(0.05)
    assert executed(tmp_path / "mark") == []


def test_a_process_with_another_package_draws_nothing(tmp_path: Path, processes, started, monkeypatch):
    processes(2)
    resize(monkeypatch, imports, PACKAGE="/opt/reslim/resnet_limits/__init__.py")
    with spread([By(tmp_path / str(i)) for i in range(3)], within=contextlib.nullcontext):
        assert started[0].wait(timeout=20) == 1
    assert {path.read_text() for path in tmp_path.iterdir()} == {str(os.getpid())}


def test_what_another_process_dies_of_is_drawn_here(tmp_path: Path, processes, started):
    processes(2)
    with spread([Here(tmp_path / str(i), os.getpid()) for i in range(5)], within=contextlib.nullcontext):
        started[0].wait(timeout=60)
    assert len(list(tmp_path.iterdir())) == 5


def test_what_no_other_process_can_be_given_is_drawn_here(tmp_path: Path, processes):
    class Local(Here):
        pass

    processes(2)
    with spread([Local(tmp_path / str(i), os.getpid()) for i in range(5)], within=contextlib.nullcontext):
        pass
    assert len(list(tmp_path.iterdir())) == 5


def test_without_another_process_all_is_drawn(tmp_path: Path, processes, monkeypatch: pytest.MonkeyPatch):
    processes(3)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    write_figures(tmp_path / "figures", several(2))
    assert len(list((tmp_path / "figures").iterdir())) == 9


def test_an_error_is_raised_as_if_there_were_one_process(tmp_path: Path, processes, started):
    processes(2)
    sheets = [
        ClaimSheet(tmp_path / "absent" / judgement.claim.id, judgement, points) for judgement, points in several()
    ]
    with pytest.raises(FileNotFoundError), styled(), spread(sheets, within=partial(styled, rc())):
        pass
    assert [child.returncode is not None for child in started] == [True]


def test_one_core_or_few_figures_are_one_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    assert module.processes(100) == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    assert module.processes(3) == 1
    assert module.processes(100) == module.MOST_PROCESSES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_other_processes_leave_with_the_one_that_asked(number: int, tmp_path: Path):
    program = (
        "import sys, time, contextlib; from functools import partial; from pathlib import Path\n"
        "from resnet_limits.figures import spread as module\n"
        "from resnet_limits.figures.style import rc, styled\n"
        "from resnet_limits.figures.write import ClaimSheet\n"
        "module.processes = lambda count: 2\n"
        "original = module.started\n"
        "def note(within):\n"
        "    child = original(within)\n"
        "    Path('pid').write_text(str(child.pid))\n"
        "    return child\n"
        "module.started = note\n"
        "with open('sheet.pkl', 'rb') as file: sheet = __import__('pickle').load(file)\n"
        "with styled(), module.spread([sheet] * 2000, within=partial(styled, rc())): time.sleep(600)\n"
    )
    (tmp_path / "sheet.pkl").write_bytes(pickle.dumps(ClaimSheet(tmp_path / "a", *judged())))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    client = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment, start_new_session=True)
    try:
        _wait_until(lambda: (tmp_path / "a.pdf").exists())
        child = int((tmp_path / "pid").read_text())
        assert _is_alive(child)
        client.send_signal(number)
        client.wait(timeout=30)
        _wait_until(lambda: not _is_alive(child))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(client.pid, signal.SIGKILL)
    assert not list(tmp_path.glob(".*"))  # no unfinished file


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def _wait_until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
