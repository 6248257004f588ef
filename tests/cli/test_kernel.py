"""The study `kernel` through the command line: sweeps of width and depth, and systems that have no solution."""

from __future__ import annotations

import re

import pytest

JOINT = ("study=kernel", "width=32,64", "depth=4,8", "claims=[kernel.diagram.network]", "replicas=64")


@pytest.fixture(scope="module")
def joint(finished):
    return finished("kernel-joint", *JOINT)


@pytest.mark.slow
def test_a_sweep_of_width_and_depth_gives_one_figure(joint):
    figures = {path.stem for path in (joint.path / "figures").glob("width_and_depth*.png")}
    assert figures == {"width_and_depth"}


def test_a_sweep_of_width_and_depth_gives_two_way_tables(joint):
    text = (joint.path / "tables.tex").read_text()
    for words in ("Mean square q, by depth L and width D", "Overlap lambda of two inputs, by depth L and"):
        (table,) = [part for part in text.split(r"\begin{table}") if words in part]
        body = table.split(r"\midrule")[1].split(r"\bottomrule")[0]
        rows = [line.rstrip(" \\").split(" & ") for line in body.strip().splitlines()]
        assert [row[0] for row in rows] == ["4", "8", r"$\infty$"]
        assert {len(row) for row in rows} == {1 + 5 + 1}  # widths 4, 8, 16, 32, 64, infinite
        assert "" not in rows[0]
    assert "Mean square q, by depth L and width D" in (joint.path / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        ("kernel.ridge=0", "data.train_size=60", "kernel.points=50", "claims=[kernel.expressivity]"),
        ("kernel.ridge=0", "data.train_size=60", "kernel.points=50", "claims=[kernel.inference.linear]"),
    ],
    ids=lambda keys: keys[-1],
)
def test_a_singular_system_without_ridge_is_inconclusive_with_the_reason(reslim, keys):
    answer = reslim("train", "study=kernel", "depth=4", *keys)
    said = " ".join((answer.out + answer.err).split())
    assert answer.code == 0
    assert re.search(r"\b0 of \d claims? supported", said)
    assert said.count("supported") == 3  # the headline, a head of a column, "Not supported"
    assert "refuted" not in said
    assert "inconclusive no number for" in said
    assert "singular to rounding" in said
    assert "set a ridge" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_fewer_points_than_the_rank_take_no_ridge(reslim):
    keys = ("kernel.ridge=0", "data.train_size=50", "kernel.points=50", "kernel.deep_points=50")
    answer = reslim("train", "study=kernel", "depth=4", *keys, "claims=[kernel.expressivity.ridge]")
    assert "Traceback" not in answer.out + answer.err
    assert answer.code == 0


def test_relu_is_warned_of_in_a_dry_run(in_process):
    answer = in_process("train", "study=kernel", "activation=relu", "--dry-run")
    assert answer.code == 0
    assert "no phi'(0)" in " ".join((answer.out + answer.err).split())
