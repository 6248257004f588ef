"""Requests drawn from Hydra's grammar: an answer that honours every override, or a refusal in a few lines."""

from __future__ import annotations

import contextlib
import json
import math
import random
import re
import signal
from collections.abc import Iterator
from importlib import import_module

import pytest

from resnet_limits.errors import RequestError
from resnet_limits.settings.keys import flat
from tests.faults.grammar import WORD, Asked, Requests, normal

pytestmark = pytest.mark.slow

SECONDS = 20
"""What one request may take before it counts as hanging."""


class Hangs(BaseException):
    """Not an `Exception`: nothing on the way may take it for a mistake in the request."""


@contextlib.contextmanager
def not_hanging() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def bridge(monkeypatch):
    monkeypatch.setenv(WORD, "from_outside")
    return import_module("reslim_cli.hydra_bridge")


def last_of_each_key(asked: list[Asked]) -> dict[str, Asked]:
    return {override.key: override for override in asked}


def assert_a_refusal(text: str, asked: list[Asked]) -> None:
    """Three lines at most, which name a key of the request, or an override as it was typed."""
    assert len(text.splitlines()) <= 3, text
    assert any(
        (override.key and override.key in text)
        or (override.line and override.line in text)
        or f"'{override.line}'" in text
        for override in asked
    )


def assert_faithful(plan, asked: list[Asked]) -> None:
    """Every override is honoured: each job has the value that was asked for, and every value has its jobs."""
    settings = [flat(job.settings) for job in plan.jobs]
    last = last_of_each_key(asked)
    assert not [override.line for override in last.values() if override.refused]
    for key, override in last.items():
        if key == "hydra/launcher":
            assert plan.launcher == override.values[0]
        elif override.copies:
            for job in settings:  # one number is a list of one
                assert normal(job[key]) in ((copied := normal(job[override.copies])), (copied,))
        else:
            values = {normal(job[key]) for job in settings}
            if key == "data.digest" and None in override.values:  # asks for what planning finds, and for nothing else
                values = {None if re.fullmatch(r"[a-z_]+\d*-\w+", str(word)) else word for word in values}
            assert values == {normal(value) for value in override.values}, override.line
    swept = [len({normal(value) for value in override.values}) for override in last.values() if override.values]
    assert len(plan.jobs) == math.prod(swept)


def assert_boxes(bridge, plan, chance: random.Random) -> None:
    """Whatever part of the plan is missing, the products of values that are launched make exactly this part."""
    names = [job.name for job in plan.jobs]
    missing = set(chance.sample(names, chance.randint(1, len(names))))
    launched = []
    for box in bridge.boxes(plan, missing):
        jobs = bridge.plan(box.overrides).jobs
        assert len(jobs) == box.count
        launched += [job.name for job in jobs]
    assert sorted(launched) == sorted(missing)


def assert_as_hydra_has_it(bridge, job) -> None:
    """The job that is planned is the one that its own process composes."""
    with bridge.initialize_config_module(bridge.CONFIGS, version_base="1.3"):
        composed = bridge.compose("config", overrides=list(job.overrides))
    assert bridge.settings_of(composed) == job.settings


def try_requests(bridge, seed: int, count: int, composed: int) -> dict[str, int]:
    """Draw and try so many requests; how many were planned, and how many refused."""
    requests, chance = Requests(seed), random.Random(seed)
    counts = {"planned": 0, "refused": 0, "jobs": 0}
    for number in range(count):
        asked = requests.draw()
        try:
            with not_hanging():
                plan = bridge.plan([override.line for override in asked])
        except RequestError as error:
            counts["refused"] += 1
            assert_a_refusal(str(error), asked)
            continue
        except BaseException as error:
            error.add_note(f"request {number} of seed {seed}: {[override.line[:200] for override in asked]}")
            raise
        try:
            assert_faithful(plan, asked)
            counts["planned"] += 1
            counts["jobs"] += len(plan.jobs)
            if counts["planned"] % 6 == 0:
                assert_boxes(bridge, plan, chance)
            if counts["planned"] <= composed:
                assert_as_hydra_has_it(bridge, plan.jobs[-1])
        except Exception as error:
            error.add_note(f"request {number} of seed {seed}: {[override.line[:200] for override in asked]}")
            raise
    return counts


def test_five_hundred_requests_are_honoured_or_refused(bridge):
    counts = try_requests(bridge, seed=0, count=500, composed=10)
    assert counts["planned"] > 100
    assert counts["refused"] > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
def test_ten_thousand_requests_are_honoured_or_refused(bridge, seed):
    try_requests(bridge, seed=seed, count=500, composed=20)


# -- whole command lines --------------------------------------------------------------------------

FLAGS = ("--json", "--dry-run", "-m", "--multirun", "--resume", "nothing", "--cfg", "job", "all", "--smoke")
OF_HYDRA = (
    "--info",
    "--config-dir",
    "/tmp",
    "-cd",
    "--config-name",
    "x",
    "--package",
    "--run",
    "--resolve",
    "-p",
    "-c",
)


def command_line(requests: Requests, chance: random.Random) -> list[str]:
    """A command with the overrides of a request, and flags of its own, of other commands and of Hydra between them."""
    words = [override.line for override in requests.draw() if "\0" not in override.line]
    for _ in range(chance.choice([0, 0, 1, 2])):
        words.insert(chance.randint(0, len(words)), chance.choice(FLAGS if chance.random() < 0.7 else OF_HYDRA))
    if chance.random() < 0.7:
        return ["train", "--dry-run", *words]
    before = chance.choice([["train", "--cfg", "job"], ["verify", "--smoke"], ["verify", "nothing"]])
    return [*before, *words, *(["seed=-1"] if before == ["verify", "--smoke"] else [])]  # nothing is to run


def test_whole_command_lines_answer_or_refuse(bridge, in_process, tmp_path):
    requests, chance = Requests(100), random.Random(100)
    codes = []
    for _ in range(80):
        words = command_line(requests, chance)
        with not_hanging():
            answer = in_process(*words)
        codes.append(answer.code)
        assert answer.code in (0, 2), (words, answer)
        assert "Traceback" not in answer.out + answer.err, (words, answer.err)
        assert "\x1b" not in answer.out + answer.err
        if answer.code == 2 and "Usage:" not in answer.err:
            assert 1 <= len(answer.err.splitlines()) <= 4, (words, answer.err)
            assert answer.out == ""
        if answer.code == 0 and "--json" in words:
            assert json.loads(answer.out)
    assert codes.count(0) > 5
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    "words",
    [["--info"], ["--config-dir", "/x"], ["-cd", "/x"], ["--package", "p"], ["--run"], ["--cfg", "all"]],
    ids=str,
)
def test_flags_of_hydra_that_mean_nothing_here_are_refused(words, in_process):
    answer = in_process("train", "depth=4", "--dry-run", *words)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err
