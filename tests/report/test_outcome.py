"""What a finished run says: counts, reasons once, accuracies by depth and by swept numbers, the headline."""

from __future__ import annotations

import pytest

from resnet_limits.report.outcome import headline, outcome
from resnet_limits.report.publish import elapsed
from resnet_limits.runs.status import Status

GROUPS = [{"name": name, "title": f"Does {name} hold?", "seconds": 2.0} for name in ("a", "empty", "b")]


def claim(name: str, verdict: str = "supported", why: str = "", **more: object) -> dict:
    return {"id": name, "group": name[0], "verdict": verdict, "why": why, "setting": {}, **more}


def reached(depth: int, value: float, observable: str = "test_accuracy", **setting: object) -> dict:
    where = {"init": "tied"}
    return {"observable": observable, "depth": depth, "setting": setting, "where": where, "value": value, "stderr": 0.1}


def summary(claims: list[dict], rows: list[dict] | None = None, **more: object) -> dict:
    return {"groups": GROUPS, "claims": claims, "table": [], "reached": rows or [], **more}


CLAIMS = [
    claim("b.one", "inconclusive", "the activation is kinked"),
    claim("a.two", "inconclusive", "the activation is kinked", note="two minima"),
    claim("a.one"),
    claim("b.three", "refuted", "the order is 2"),
]


def test_groups_are_counted_in_the_order_of_the_study():
    groups = outcome(summary(CLAIMS)).groups
    assert [(group.name, group.counts) for group in groups] == [
        ("a", "2 claims: 1 supported, 1 inconclusive"),
        ("b", "2 claims: 1 refuted, 1 inconclusive"),
    ]


def test_a_reason_is_given_once_and_what_is_refuted_first():
    said = outcome(summary(CLAIMS))
    assert [(r.verdict, r.why, [c["id"] for c in r.claims]) for r in said.reasons] == [
        ("refuted", "the order is 2", ["b.three"]),
        ("inconclusive", "the activation is kinked", ["b.one", "a.two"]),
    ]
    assert said.notes == ["two minima"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (summary([]), "no claim was judged"),
        (summary(CLAIMS, elapsed=83.6), "1 of 4 claims supported · 84 s"),
        (
            summary(CLAIMS[2:3], [reached(8, 0.8), reached(16, 0.9271), reached(32, 0.3, "train_loss")], elapsed=130),
            "1 of 1 claim supported · test accuracy 0.927 · 2 min",
        ),
        (
            summary(CLAIMS, [reached(8, 0.9, width=8), reached(16, 0.91, width=8), reached(8, 0.95, width=16)]),
            "1 of 4 claims supported · test accuracy 0.910 to 0.950",
        ),
    ],
)
def test_the_headline_takes_the_accuracy_of_the_deepest(document: dict, words: str):
    assert headline(document) == words


def test_what_was_reached_goes_by_depth_and_by_a_swept_number_at_the_deepest_depth():
    rows = [reached(d, d + rate, lr=rate, block=b) for d in (8, 16) for rate in (0.5, 0.1) for b in ("one", "two")]
    rows += [reached(32, 0.0, lr=0.1, block="one")]
    tables = [(r.along.name, r.setting, r.depth, r.points) for r in outcome(summary([], rows)).reached]
    assert ("depth", {"lr": 0.5, "block": "two"}, None, {8.0: (8.5, 0.1), 16.0: (16.5, 0.1)}) in tables
    assert ("lr", {"block": "one"}, 16, {0.1: (16.1, 0.1), 0.5: (16.5, 0.1)}) in tables
    assert len(tables) == 4 + 2  # the blocks are words


def test_jobs_side_by_side_take_their_time_once():
    ran = [Status("finished", heartbeat=end, seconds=seconds) for end, seconds in ((10, 4), (11, 4), (9, 1), (20, 2))]
    assert elapsed(ran) == pytest.approx(5 + 2)
