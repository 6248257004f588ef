"""`reslim verify`: green on what is right, and red for every fault that could pass for right."""

from __future__ import annotations

import dataclasses
import importlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from resnet_limits.claims.claim import Claim, Expected
from resnet_limits.claims.order import OrderFit, fit_order
from resnet_limits.measurement.record import Measurement
from resnet_limits.networks.parametrisation import Parametrisation
from resnet_limits.studies.ode import study as ode
from tests.planting import plant

command = importlib.import_module("reslim_cli.verify")
"""By the name it is installed under, which a type checker of the tree does not know."""

SMALL = ("preset=smoke", "width=4", "ode.paths=1", "ode.inputs=2", "device=cpu", "depth=8,16,32,64")
EULER = (*SMALL, "claims=[ode.forward.euler]")

Verify = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    """`verify(*words)` in this process, where faults can be planted: exit code and document."""
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path / "outputs"))

    def run(*words: str, junit: Path | None = None) -> tuple[int, dict[str, Any]]:
        code = 0
        try:
            command.verify(words, smoke=False, junit=junit and str(junit), against=None, json_out=True)
        except SystemExit as left:
            code = int(left.code or 0)
        document = json.loads(capsys.readouterr().out)
        assert document["ok"] == (code == 0)
        return code, document["studies"][0]

    return run


def reasons(document: dict[str, Any]) -> dict[str, str]:
    """Why each claim that is not ok is not."""
    return {claim["id"]: claim["why"] for claim in document["claims"] if not claim["ok"]}


def with_claims(monkeypatch: pytest.MonkeyPatch, change: Callable[[Claim], Claim | None]) -> None:
    """The study `ode` with its claims changed, or left out where the change gives None."""
    groups = tuple(
        dataclasses.replace(
            group, claims=tuple(changed for claim in group.claims if (changed := change(claim)) is not None)
        )
        for group in ode.STUDY.groups
    )
    plant(monkeypatch, ode.STUDY, dataclasses.replace(ode.STUDY, groups=groups))


# -- what is right is green ------------------------------------------------------------------------


def test_a_claim_that_comes_out_as_it_must_is_green(verify):
    code, document = verify(*EULER)
    assert (code, document["failed_jobs"], reasons(document)) == (0, {}, {})
    (claim,) = document["claims"]
    assert (claim["id"], claim["verdict"], claim["must_be"]) == ("ode.forward.euler", "supported", "supported")
    assert claim["measured"]["low"] < 1 < claim["measured"]["high"]


def test_the_installed_command_prints_one_scoreboard_and_writes_junit(reslim, tmp_path):
    junit = tmp_path / "claims.xml"
    answer = reslim("verify", "ode", *EULER, "--junit", str(junit)).done()
    assert "ode.forward.euler" in answer.out
    assert "must be" in answer.out
    assert "ok: 1 of 1 claims came out as they must" in answer.out
    suites = ElementTree.parse(junit).getroot()
    assert (suites.tag, [case.get("name") for case in suites.iter("testcase")]) == ("testsuites", ["ode.forward.euler"])
    (run,) = reslim.runs()
    assert {path.name for path in (run / "jobs").iterdir()}
    assert (run / "summary.json").exists()
    again = reslim("train", "--resume", "latest", "--dry-run").done()
    assert "0 of 4 jobs" in again.out, "a run like any other"


@pytest.mark.slow
def test_studies_side_by_side_come_to_what_each_comes_to_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(command.os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    plans = [
        command.plan(["study=ode", *EULER]),
        command.plan(["study=flow", "preset=smoke", "claims=[flow.inverse]", "depth=8,16,32,64"]),
    ]
    together = command.all_verified(plans)
    assert [result.study for result in together] == ["ode", "flow"]
    for result, alone in zip(together, [command.verified(one, alone=True) for one in plans], strict=True):
        assert result.ok
        assert result.checks == alone.checks
        assert result.run.path != alone.run.path


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: studies run one after another")
@pytest.mark.parametrize("interrupt", [os.killpg, os.kill], ids=["by the terminal", "the client alone"])
def test_studies_side_by_side_are_interrupted_together(reslim, interrupt):
    client = reslim.start("verify", "--smoke", "ode", "sde", start_new_session=True)
    seen: list[str] = []
    while sum("running" in line for line in seen) < 2:
        seen.append(client.stderr.readline())
        assert seen[-1], "".join(seen)
    interrupt(client.pid, signal.SIGINT)
    _, err = client.communicate(timeout=60)
    assert client.returncode == 130, err
    assert "Traceback" not in err
    assert err.count("reslim train --resume") == 2


def test_a_worker_that_somebody_else_reaped_is_not_interrupted():
    worker = multiprocessing.get_context("fork").Process(target=int)
    worker.start()
    assert worker.pid is not None
    os.waitpid(worker.pid, 0)
    assert worker.is_alive(), "its exit code went to another: it seems to run"
    command.interrupt(worker)


@pytest.mark.slow
def test_smoke_is_the_preset_of_that_name(reslim):
    answer = reslim("verify", "--smoke", "width=4", "depth=8,16,32,64", "claims=[ode.reversed.euler]", "--json").done()
    assert answer.json["preset"] == "smoke"
    assert answer.json["studies"][0]["claims"][0]["ok"]


@pytest.mark.slow
def test_every_setting_is_judged(verify, tmp_path):
    code, document = verify(*EULER, "activation=tanh,swish", junit=tmp_path / "claims.xml")
    assert code == 0
    assert [claim["setting"] for claim in document["claims"]] == [{"activation": "tanh"}, {"activation": "swish"}]
    cases = list(ElementTree.parse(tmp_path / "claims.xml").iter("testcase"))
    assert [case.get("name") for case in cases] == [f"ode.forward.euler [activation={a}]" for a in ("tanh", "swish")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("oed",), "did you mean 'ode'"),
        (("dpeth=8",), "did you mean 'depth'"),
        (("preset=smoke", "--smoke"), "--smoke is preset=smoke"),
        (("study=ode",), "reslim verify ode"),
        (("figure=implicit_regularisation",), "figure"),
        (("claims=[]",), "an empty list asks for nothing"),
        (("--smoke", "--junit", "/nowhere/claims.xml"), "cannot write to /nowhere"),
        (("--smoke", "device=cuda:99"), "cuda"),
    ],
    ids=" ".join,
)
def test_a_wrong_request_starts_nothing(reslim, words, said):
    answer = reslim("verify", *(word for word in words if isinstance(word, str)))
    assert answer.code == 2
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert reslim.runs() == []


# -- planted faults are red ------------------------------------------------------------------------


def test_a_dropped_factor_is_red(verify, monkeypatch):
    monkeypatch.setattr(Parametrisation, "block_factor", lambda self, depth, horizon: horizon / depth**0.5)
    code, document = verify(*EULER)
    assert code == 1
    assert set(reasons(document)) == {"ode.forward.euler"}


def test_a_factor_that_is_slightly_off_is_red(verify, monkeypatch):
    """The network converges, at the right order, to something else: only the reference tells."""

    monkeypatch.setattr(Parametrisation, "block_factor", lambda self, depth, horizon: 1.01 * horizon / depth)
    code, document = verify(*EULER)
    assert code == 1
    assert set(reasons(document)) == {"ode.forward.euler"}


def test_a_reference_solved_at_1e_2_is_red(verify, monkeypatch):
    from resnet_limits.limits.ode import solve_with_error

    def poor(velocity, x0, times, *, tolerance):
        return solve_with_error(velocity, x0, times, tolerance=1e-2)

    plant(monkeypatch, solve_with_error, poor)
    code, document = verify(*SMALL, "claims=[ode.forward.euler,ode.forward.rk4]", "init.sigma_w=3")
    assert code == 1
    assert "reference error" in reasons(document)["ode.forward.rk4"]


def test_an_empty_list_of_claims_is_red(verify, monkeypatch):
    plant(monkeypatch, ode.STUDY, dataclasses.replace(ode.STUDY, groups=()))
    code, document = verify(*SMALL)
    assert code == 1
    assert reasons(document) == {"ode": "the study has no claims: nothing was verified"}


def test_a_missing_claim_is_red(verify, monkeypatch):
    with_claims(monkeypatch, lambda claim: None if claim.id == "ode.trained" else claim)
    code, document = verify(*EULER)
    assert code == 1
    assert "it is no claim of the group" in reasons(document)["ode.trained"]


@pytest.mark.parametrize("tolerance", [1.0, 0.0])
def test_a_widened_tolerance_is_red(verify, monkeypatch, tolerance):
    with_claims(monkeypatch, lambda claim: dataclasses.replace(claim, expected=Expected("order", 1, tolerance)))
    code, document = verify(*EULER)
    assert code == 1
    assert "tolerance" in reasons(document)["ode.forward.euler"]


def test_an_interval_of_no_width_is_red_even_where_no_verdict_is_expected(verify, monkeypatch):

    def certain(*arguments: Any, **keys: Any) -> OrderFit:
        fit = fit_order(*arguments, **keys)
        return dataclasses.replace(fit, low=fit.order, high=fit.order)

    plant(monkeypatch, fit_order, certain)
    with_claims(monkeypatch, lambda claim: dataclasses.replace(claim, verdicts={"smoke": "inconclusive"}))
    code, document = verify(*EULER)
    assert code == 1
    assert "no width" in reasons(document)["ode.forward.euler"]


def test_a_refuted_theorem_is_red_even_where_it_is_expected(verify, monkeypatch):
    def changed(claim: Claim) -> Claim:
        return dataclasses.replace(claim, expected=Expected("order", 2, 0.1), verdicts={"smoke": "refuted"})

    with_claims(monkeypatch, changed)
    code, document = verify(*EULER)
    assert code == 1
    assert "a theorem was refuted" in reasons(document)["ode.forward.euler"]


def test_a_verdict_other_than_the_preset_expects_is_red(verify, monkeypatch):
    with_claims(monkeypatch, lambda claim: dataclasses.replace(claim, verdicts={"smoke": "inconclusive"}))
    code, document = verify(*EULER)
    assert code == 1
    assert "supported, and must be inconclusive" in reasons(document)["ode.forward.euler"]


def test_a_claim_that_states_no_verdict_for_the_preset_is_red(verify, monkeypatch):
    with_claims(monkeypatch, lambda claim: dataclasses.replace(claim, verdicts={"full": "supported"}))
    code, document = verify(*EULER)
    assert code == 1
    assert "at preset smoke" in reasons(document)["ode.forward.euler"]


def test_a_measurement_that_records_nothing_is_red_even_where_no_verdict_is_expected(verify, monkeypatch):
    from resnet_limits.studies.ode.forward import measure as forward

    plant(monkeypatch, forward.measure, lambda job: Measurement())
    with_claims(monkeypatch, lambda claim: dataclasses.replace(claim, verdicts={"smoke": "inconclusive"}))
    code, document = verify(*EULER)
    assert code == 1
    assert "nothing was measured" in reasons(document)["ode.forward.euler"]


def test_jobs_that_fail_are_red_and_their_setting_is_missing(verify, monkeypatch, tmp_path):
    from resnet_limits.studies.ode.forward import measure as forward

    measure = forward.measure

    def failing(job: Any) -> Measurement:
        if job.settings.activation == "swish":
            raise np.linalg.LinAlgError("no \x00 solution <&>")
        return measure(job)

    plant(monkeypatch, forward.measure, failing)
    junit = tmp_path / "claims.xml"
    code, document = verify(*EULER, "activation=tanh,swish", junit=junit)
    assert code == 1
    assert len(document["failed_jobs"]) == 4
    (wrong,) = [claim for claim in document["claims"] if not claim["ok"]]
    assert wrong["setting"] == {"activation": "swish"}
    assert wrong["why"].startswith("missing")
    (suite,) = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("6", "1", "4")
    assert len(list(suite.iter("failure"))) == 1
    assert all("solution <&>" in str(error.get("message")) for error in suite.iter("error"))


def test_claims_that_must_be_inconclusive_need_an_interval(verify):
    """Three depths give no order: nothing is measured, whatever the preset expects."""
    code, document = verify(*EULER, "depth=8,16,32")
    assert code == 1
    assert "needs 4 usable depths" in reasons(document)["ode.forward.euler"]
