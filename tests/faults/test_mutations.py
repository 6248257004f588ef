"""Whatever a request is, and whatever the texts of a run folder have become: an answer, or a refusal in a few lines."""

from __future__ import annotations

import contextlib
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from resnet_limits.errors import RequestError, ReslimError
from resnet_limits.runs.folder import Run
from tests.faults import mutations

pytestmark = pytest.mark.slow

SAME_FOLDER = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


@settings(max_examples=300, deadline=None, suppress_health_check=SAME_FOLDER, derandomize=True)
@given(mutations.overrides())
@example(["init.sigma_b=" + "9" * 400])
@example(["hydra/launcher=[a,null]"])
@example(["claims=" + "[" * 3000])
def test_whatever_the_overrides_are_planning_answers_or_refuses(lines):
    plan = import_module("reslim_cli.hydra_bridge").plan
    refused = ""
    try:
        assert plan(["depth=4", *lines]).jobs
    except RequestError as error:
        refused = str(error)
    assert len(refused.splitlines()) <= 3


@pytest.fixture
def in_a_folder(trained, tmp_path, in_process, monkeypatch):
    """The command in this process, with one finished run among its outputs."""
    run = tmp_path / "outputs" / "ode" / trained.path.name
    shutil.copytree(trained.path, run)
    monkeypatch.chdir(tmp_path)
    return in_process, run


def assert_an_answer(answer):
    assert answer.code in (0, 1, 2), answer
    assert "Traceback" not in answer.out + answer.err, answer.err
    assert "\x1b" not in answer.out + answer.err
    if answer.code == 2 and "Usage:" not in answer.err:  # Typer's own words come with the usage, and a frame
        assert 1 <= len(answer.err.splitlines()) <= 4, answer.err
        assert len(answer.err) < 4000


COMMANDS = [
    ("train", "--dry-run", "depth=4", "width=4"),
    ("train", "--dry-run", "--resume", "latest"),
    ("train", "--cfg", "job", "depth=4"),
    ("runs", "--json", "latest"),
    ("runs", "latest"),
    ("report", "nothing", "--out", "somewhere"),
    ("studies", "ode", "--json"),
    ("data", "digits", "--json"),
    ("verify", "nothing=1", "--smoke", "ode"),
]


@settings(max_examples=40, deadline=None, suppress_health_check=SAME_FOLDER, derandomize=True)
@given(mutations.command_line(COMMANDS))
def test_whatever_the_command_line_is_the_command_answers_or_refuses(in_a_folder, words):
    call, _ = in_a_folder
    assert_an_answer(call(*words))


TEXTS = [
    *("plan.json", "config.yaml", "overrides.txt", "provenance.json", "summary.json", "records.csv"),
    *("jobs/*/config.yaml", "jobs/*/status.json"),
]
WORSE = [
    *("", "\x00", "{", "[" * 100_000, "[" * 900 + "]" * 900, '{"schema": 1, "invocations": [{"packages": NaN}]}'),
    *('{"schema": 1, "started": 1e999, "invocations": [{}]}', '{"a": "\\ud800"}', f"depth: {'9' * 5000}", "2024-13-45"),
    *(
        f"study: ode\nhorizon: {'9' * 400}",
        "a: &a [x]\nb: [*a, *a]",
        "\ufeff",
        "? [1]\n: 2",
        "%YAML 9.9\n---\n",
        "- - - -",
    ),
    *('{"state": "running", "process": {"host": "x", "pid": "../1", "started": "1"}, "heartbeat": 1e308}',),
    *("depth=4\n" * 3, "~depth", "claims=[\x1b[31m]", "# nothing", "outputs=/nowhere\ndepth=4"),
]


@settings(max_examples=80, deadline=None, suppress_health_check=SAME_FOLDER, derandomize=True)
@given(st.data())
def test_whatever_the_texts_of_a_run_folder_became_the_commands_answer_or_refuse(in_a_folder, data):
    from resnet_limits.report.publish import write_collection
    from resnet_limits.runs.merge import merge

    call, run = in_a_folder
    before = {path: path.read_bytes() for pattern in TEXTS for path in run.glob(pattern)}
    path = sorted(run.glob(data.draw(st.sampled_from(TEXTS))))[0]
    text = data.draw(st.one_of(st.sampled_from(WORSE), mutations.changed(before[path].decode(), most=4)))
    words = [("runs",), ("runs", str(run)), ("train", "--resume", str(run), "--dry-run"), ("report", str(run))]
    command = data.draw(st.sampled_from(words))
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        if command[0] != "report":
            assert_an_answer(call(*command))
        else:  # without figures, which take seconds
            (out := Path("out")).mkdir(exist_ok=True)
            with contextlib.suppress(ReslimError):
                write_collection(out, merge([Run.open(run)]), figures=False)
    finally:
        for path, content in before.items():  # whoever looks at a run may collect it again
            path.write_bytes(content)


def test_the_commands_as_they_are_answer(in_a_folder):
    """The texts above change a run that is in order; without this, all might be refused for one silly reason."""
    call, run = in_a_folder
    for words in [
        ("runs",),
        ("runs", str(run)),
        ("train", "--resume", str(run), "--dry-run"),
        COMMANDS[0],
        COMMANDS[6],
    ]:
        assert call(*words).code == 0
