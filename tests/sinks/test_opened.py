"""Several sinks behind one, with a journal: nothing twice, nothing lost, nothing fails. Programs are made up here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping

import pytest

from resnet_limits.errors import SettingError
from resnet_limits.measurement.record import Record
from resnet_limits.measurement.sink import NoSink
from resnet_limits.settings.registry import SINKS
from resnet_limits.sinks import installed, measured
from resnet_limits.sinks.opened import opened
from resnet_limits.sinks.programs.wandb import LONGEST_ID, run_id
from tests.planting import enlist, plant
from tests.sinks.jobs import BOTH, settings


class Program:
    """Keeps what it is told, and raises when it is told to."""

    def __init__(self, fails: Mapping[str, BaseException] | None = None) -> None:
        self.calls, self.closed, self.fails = [], 0, fails or {}

    def scalars(self, step, values):
        self.calls.append((step, dict(values)))
        if error := self.fails.get("scalars"):
            raise error

    def close(self):
        self.closed += 1
        if error := self.fails.get("close"):
            raise error


@pytest.fixture
def open_with(monkeypatch, tmp_path):
    """`open_with(one, other)`: the sinks of a job whose TensorBoard and W&B are these, and its log."""

    def open_with(*programs: Program, version="1"):
        for name, program in zip(SINKS, programs, strict=False):
            enlist(monkeypatch, SINKS, name, lambda folder, settings, program=program: program)
        log = []
        return opened(settings(list(SINKS)[: len(programs)]), tmp_path, log.append, version=version), log

    return open_with


def test_without_sinks_nothing_happens_and_nothing_is_written(tmp_path):
    with opened(settings(None), tmp_path, print, version="1") as sink:
        assert isinstance(sink, NoSink)
        assert sink.part("trained") is sink
        sink.scalars(1, {"a": 2.0})
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_job_is_told_again_what_was_told_and_then_only_what_is_new(open_with):
    with open_with(Program())[0] as sink:
        for step in range(4):
            sink.part("a").scalars(step, {"x": step / 3, "y": math.nan})
        sink.part("b").part("0").scalars(0, {"x": math.inf})
    again = Program()
    with open_with(again)[0] as sink:
        calls = list(again.calls)
        for step in range(2, 6):
            sink.part("a").scalars(step, {"x": step / 3})
        sink.part("b").part("0").scalars(0, {"x": math.inf, "z": 1.0})
    assert [step for step, _ in calls] == [0, 1, 2, 3, 0]
    assert calls[3][1]["a/x"] == 1.0
    assert math.isnan(calls[3][1]["a/y"])
    assert calls[4] == (0, {"b/0/x": math.inf})
    assert again.calls[5:] == [(4, {"a/x": 4 / 3}), (5, {"a/x": 5 / 3}), (0, {"b/0/z": 1.0})]


@pytest.mark.parametrize("damage", ['[3, {"a": 0.', "[4]", '["x", {"a": 1}]', '[5, {"a": "b"}]', "null", "\0\0"])
def test_a_line_that_was_cut_short_or_is_not_ours_ends_the_journal(open_with, tmp_path, damage):
    path = tmp_path / "checkpoint" / "sinks.jsonl"
    with open_with(Program())[0] as sink:
        sink.scalars(2, {"a": 1.0})
    path.write_text(path.read_text() + damage + '\n[9, {"a": 9.0}]\n')
    context, log = open_with(again := Program())
    with context as sink:
        sink.scalars(3, {"a": 2.0})
    assert again.calls == [(2, {"a": 1.0}), (3, {"a": 2.0})]
    assert [json.loads(line) for line in path.read_text().splitlines()[1:]] == [[2, {"a": 1.0}], [3, {"a": 2.0}]]
    assert log == []


def test_a_journal_of_another_version_is_begun_anew_like_its_checkpoints(open_with):
    with open_with(Program())[0] as sink:
        sink.scalars(2, {"a": 1.0})
    with open_with(again := Program(), version="2")[0] as sink:
        sink.scalars(0, {"a": 3.0})
    assert again.calls == [(0, {"a": 3.0})]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), SystemExit(1), ValueError("a\nb"), KeyError()]
)
def test_a_program_that_fails_is_said_once_closed_and_told_no_more(open_with, error):
    bad, good = Program({"scalars": error, "close": error}), Program()
    context, log = open_with(bad, good)
    with context as sink:
        for step in range(3):
            sink.scalars(step, {"a": 1.0})
    assert len(bad.calls) == bad.closed == 1
    assert len(good.calls) == 3
    assert good.closed == 1
    assert len(log) == 1
    assert log[0].startswith(f"sink tensorboard: {type(error).__name__}")
    assert "\n" not in log[0]


def test_a_program_that_fails_at_the_end_does_not_keep_the_others_from_closing(open_with):
    bad, good = Program({"close": OSError("full")}), Program()
    context, log = open_with(bad, good)
    with context:
        pass
    assert good.closed == 1
    assert len(log) == 1


def test_a_journal_that_cannot_be_written_stops_no_program(open_with, tmp_path):
    (tmp_path / "checkpoint").write_text("in the way")
    context, log = open_with(program := Program())
    with context as sink:
        sink.scalars(0, {"a": 1.0})
        sink.scalars(1, {"a": 1.0})
    assert len(program.calls) == 2
    assert len(log) == 1
    assert log[0].startswith("sink journal: ")


def test_an_error_of_the_job_closes_the_sinks_and_goes_its_way(open_with):
    program = Program()
    with pytest.raises(KeyboardInterrupt), open_with(program)[0]:
        raise KeyboardInterrupt
    assert program.closed == 1


def test_names_of_measured_values_carry_the_coordinates_in_which_an_observable_differs(open_with):
    records = [
        Record("error", 0.5, coordinates={"scheme": "heun", "block": "two"}),
        Record("error", 0.25, coordinates={"scheme": "rk4", "block": "two"}),
        Record("loss", 0.125, coordinates={"block": "two"}),
        *(Record("loss", 1 / (1 + step), step=step, coordinates={"block": "two"}) for step in range(5000)),
        *(Record("increment", layer / 8, layer=layer) for layer in range(3)),
    ]
    with open_with(program := Program())[0] as sink:
        measured.show(sink, settings(None, depth=64), records)
    curves: dict[str, dict[int, float]] = {}
    for step, values in program.calls:
        for name, value in values.items():
            assert step not in curves.setdefault(name, {})
            curves[name][step] = value
    assert [step for step, _ in program.calls] == sorted({step for step, _ in program.calls})
    loss = curves.pop("measured/loss_by_step")
    assert {0, 4999} <= loss.keys()
    assert 900 <= len(loss) <= measured.MOST_POINTS_SHOWN + 1
    assert all(value == 1 / (1 + step) for step, value in loss.items())
    assert curves == {
        "measured/error scheme=heun": {64: 0.5},
        "measured/error scheme=rk4": {64: 0.25},
        "measured/loss": {64: 0.125},
        "measured/increment_by_layer": {0: 0.0, 1: 0.125, 2: 0.25},
    }


def test_a_wandb_id_is_legal_short_and_of_this_job():
    assert run_id("2026-11-21_13-31-55_c0876840", "64-1f0c2a9d3b") == "2026-11-21_13-31-55_c0876840-64-1f0c2a9d3b"
    odd = run_id("mine: /a?b,c#d;e'" + "ä" * 100, "64-1f0c2a9d3b")
    assert len(odd) == LONGEST_ID
    assert not set(odd) & set(":;,#?/'ä ")
    assert odd.endswith("64-1f0c2a9d3b")


def test_a_missing_package_is_said_with_the_command_that_installs_it(monkeypatch):
    installed.require_sinks([])
    installed.require_sinks(BOTH)
    plant(monkeypatch, installed.version_of_sink, lambda sink: None)
    with pytest.raises(SettingError, match=r'pip install "reslim\[wandb\]"'):
        installed.require_sinks(["wandb"])


def test_the_room_is_free_of_what_is_heavy():
    program = (
        "import importlib, pkgutil, sys, resnet_limits.sinks as room\n"
        "for found in pkgutil.iter_modules(room.__path__): importlib.import_module(f'{room.__name__}.{found.name}')\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert not set(done.stdout.split()) & {"torch", "tensorboard", "wandb", "pandas", "numpy"}
