"""The example scripts run from top to bottom, and find what they say they find."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_the_order_of_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(HERE / "order_of_a_network.py"))
    assert names["orders"]["euler"].low <= 1 <= names["orders"]["euler"].high
    assert abs(names["orders"]["heun"].order - 2) < 0.05
    assert names["fit"].low < 0.75 < names["fit"].high
    assert "forward_error" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []

    from resnet_limits.runs.folder import Run

    folder = Run.create(tmp_path, [names["settings"]], [], ["reslim", "train"]).path
    names["show"](str(folder))
    assert "depth     8  queued" in capsys.readouterr().out


def test_every_example_is_tested():  # parts of one's own: those of test_own.py's KINDS, which are all
    text = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    assert all(path.name in text for path in HERE.glob("*.py") if not path.name.startswith(("test_", "own_")))
