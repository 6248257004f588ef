"""What counts as moved: verdicts, values beyond the root of the squares of half intervals, accuracies; and no more."""

from __future__ import annotations

import json

import pytest

from resnet_limits.errors import RequestError
from resnet_limits.runs.moved import Side, compared, read_sides


def claim(name="ode.a", value: float | None = 1.0, half=0.1, verdict="supported", **setting):
    measured = None if value is None else {"value": value, "low": value - half, "high": value + half, "level": 0.95}
    return {"id": name, "setting": setting, "verdict": verdict, "measured": measured}


def side(*claims, **more):
    return Side("a run", "ode", claims, **more)


@pytest.mark.parametrize(
    ("value", "half", "moved"),
    [
        (1.0, 0.1, False),
        (1.14, 0.1, False),
        (1.15, 0.1, True),
        (0.85, 0.1, True),
        (1.12, 0.01, True),
        (1.9, 1.0, False),
    ],
)
def test_a_value_moves_beyond_the_root_of_the_sum_of_squares_of_the_half_intervals(value, half, moved):
    document = compared(side(claim()), side(claim(value=value, half=half)))
    assert document["moved"] == moved
    assert [entry["value_moved"] for entry in document["claims"]] == [True] * moved


def test_of_independent_measurements_one_in_twenty_moves():
    import numpy as np

    stream = np.random.default_rng(0)
    rounds = 4000
    pairs = zip(stream.normal(0, 1.0, rounds), stream.normal(0, 3.0, rounds), strict=True)
    one, other = zip(
        *[(claim(f"ode.c{i}", a, 1.96), claim(f"ode.c{i}", b, 3 * 1.96)) for i, (a, b) in enumerate(pairs)], strict=True
    )
    moved = len(compared(side(*one), side(*other))["claims"])
    assert moved / rounds == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / rounds) ** 0.5)


def test_a_verdict_that_is_another_has_moved_whatever_was_measured():
    document = compared(side(claim()), side(claim(verdict="inconclusive")))
    (entry,) = document["claims"]
    assert document["moved"]
    assert not entry["value_moved"]
    assert [entry[which]["verdict"] for which in ("first", "second")] == ["supported", "inconclusive"]


def test_what_has_no_value_or_no_interval_is_held_by_its_verdict_alone():
    bare = claim()
    bare["measured"] = {"value": 5.0, "low": None, "high": None}
    for other in (bare, claim(value=None)):
        assert not compared(side(claim()), side(other))["moved"]


def test_claims_are_compared_at_their_setting_or_at_the_only_one():
    one = side(claim(width=4), claim("ode.b", width=4), claim("ode.b", value=3.0, width=8))
    other = side(claim(value=2.0), claim("ode.b", width=4), claim("ode.b", value=9.0, width=16), claim("ode.c"))
    document = compared(one, other)
    assert [entry["id"] for entry in document["claims"]] == ["ode.a"]
    assert document["compared"] == 2
    assert document["alone"] == {"first": ["ode.b [width=8]"], "second": ["ode.b [width=16]", "ode.c"]}


def test_keys_and_records_of_one_side_alone_are_named_and_are_no_movement():
    row = {"observable": "error", "depth": "4", "seed": "0", "value": "1.0", "stderr": "", "layer": "", "step": ""}
    one = side(claim(), keys={"depth": [4, 8], "width": [4]}, records=[row, {**row, "depth": "8"}])
    other = side(
        claim(), keys={"depth": [4], "width": [4], "seed": [1]}, records=[{**row, "value": "2.0", "extra": "x"}]
    )
    document = compared(one, other)
    assert not document["moved"]
    assert document["keys"] == [
        {"key": "depth", "first": [4, 8], "second": [4]},
        {"key": "seed", "first": [], "second": [1]},
    ]
    assert document["records"] == [{"observable": "error", "first": 1, "second": 0}]


def accuracy(value, stderr=0.01, seed=0, step="", observable="test_accuracy"):
    coordinates = {"observable": observable, "depth": "4", "seed": str(seed), "layer": "", "step": step}
    return {**coordinates, "value": str(value), "stderr": str(stderr)}


@pytest.mark.parametrize(("value", "moved"), [(0.9, False), (0.92, False), (0.86, True)])
def test_an_accuracy_is_pooled_over_seeds_and_held_to_the_same_rule(value, moved):
    one = side(records=[accuracy(0.89), accuracy(0.91, seed=1), accuracy(0.1, step="3")])
    other = side(records=[accuracy(value, seed=5), accuracy(0.2, observable="accuracy_gain")])
    document = compared(one, other)
    (entry,) = document["accuracy"]
    assert entry["first"]["value"] == pytest.approx(0.9)
    assert entry["first"]["stderr"] == pytest.approx(0.01)
    assert entry["coordinates"] == {"observable": "test_accuracy", "depth": "4"}
    assert document["moved"] == entry["moved"] == moved


def test_a_file_of_one_study_and_of_several_are_read(tmp_path):
    path = tmp_path / "before.json"
    path.write_text(json.dumps({"study": "ode", "claims": [claim()]}))
    assert [s.study for s in read_sides(path)] == ["ode"]
    path.write_text(json.dumps({"studies": [{"study": "ode", "claims": [claim()]}, {"study": "sde", "claims": []}]}))
    assert [(s.study, len(s.claims)) for s in read_sides(path)] == [("ode", 1), ("sde", 0)]


NONE = [
    *("", "{", "[]", "3", "{}", '{"studies": []}', '{"study": "ode"}', '{"study": 3, "claims": []}'),
    *('{"study": "ode", "claims": [{"id": "a"}]}', '{"study": "ode", "claims": [[]]}', '{"studies": {"ode": 1}}'),
    '{"study": "ode", "claims": [{"id": "a", "setting": {}, "verdict": "supported", "measured": {"value": "1"}}]}',
]


@pytest.mark.parametrize("text", NONE)
def test_any_other_file_is_refused_with_what_is_expected(tmp_path, text):
    path = tmp_path / "before.json"
    path.write_text(text)
    with pytest.raises(RequestError, match=r"holds no claims; expected what reslim verify --json printed"):
        read_sides(path)
