"""Shared solutions: stored once, pure functions of their key, never trusted when damaged."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from resnet_limits.measurement.job import InMemory
from resnet_limits.runs.shared import SharedFolder


def solution(calls):
    def compute():
        calls.append(1)
        x = np.random.default_rng(0).standard_normal((3, 4))
        return {"x": x, "transposed": x.T, "error": np.array([1e-12])}

    return compute


def test_a_solution_is_computed_once_and_read_back_bit_for_bit(tmp_path):
    calls = []
    first = SharedFolder(tmp_path / "shared").solve("flow", {"seed": 0}, solution(calls))
    second = SharedFolder(tmp_path / "shared").solve("flow", {"seed": 0}, solution(calls))
    assert len(calls) == 1
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_solution_lies_alike_in_memory_computed_or_read(tmp_path):
    """Products round with the place of a matrix in memory; solutions of odd sizes, whose file aligns none of them."""

    def compute():
        apart = np.zeros(64, np.uint8)[1:33].view(np.float64)  # at an odd address
        return {"a": np.arange(3, dtype=np.float32), "apart": apart, "b": np.zeros((5, 7))}

    for _ in range(2):
        solution = SharedFolder(tmp_path).solve("flow", {"seed": 0}, compute)
        assert {name: array.ctypes.data % 64 for name, array in solution.items()} == {"a": 0, "apart": 0, "b": 0}
        assert solution["a"].tolist() == [0, 1, 2]


def test_a_solution_that_is_read_has_its_arrays_in_the_order_of_one_that_is_computed(tmp_path):
    """Records are written in this order, and a file keeps none: it would be another each time."""
    names = [f"{letter}{number}" for letter in "zyxw" for number in range(5)]

    def solved(shared):
        return list(shared.solve("flow", {}, lambda: {name: np.zeros(2) for name in names}))

    folder = SharedFolder(tmp_path / "shared")
    assert solved(folder) == solved(folder) == solved(folder) == solved(InMemory())


def test_another_key_or_purpose_is_another_solution(tmp_path):
    calls = []
    for purpose, key in (("flow", {"seed": 0}), ("flow", {"seed": 1}), ("minimiser", {"seed": 0})):
        SharedFolder(tmp_path).solve(purpose, key, solution(calls))
    assert len(calls) == 3
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


@pytest.mark.parametrize("damage", [b"", b"\x80\x04}", b"\xff" * 64], ids=["empty", "a pickle", "noise"])
def test_a_damaged_file_is_computed_again_with_the_same_result(tmp_path, damage):
    calls = []
    first = SharedFolder(tmp_path).solve("flow", {"seed": 0}, solution(calls))
    (file,) = tmp_path.glob("*.safetensors")
    whole = file.read_bytes()
    for content in (damage, whole[:-1], whole[: len(whole) // 2]):
        file.write_bytes(content)
        again = SharedFolder(tmp_path).solve("flow", {"seed": 0}, solution(calls))
        assert all(np.array_equal(first[name], again[name]) for name in first)
        assert file.read_bytes() == whole
    assert len(calls) == 4


def test_the_folder_may_be_deleted_at_any_time(tmp_path):
    calls = []
    shared = SharedFolder(tmp_path / "shared")
    shared.solve("flow", {}, solution(calls))
    for file in shared.folder.iterdir():
        file.unlink()
    shared.folder.rmdir()
    shared.solve("flow", {}, solution(calls))
    assert len(calls) == 2


def test_of_two_jobs_that_need_a_solution_at_the_same_time_one_waits_for_the_other(tmp_path):
    calls, begun, may_end = [], threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert may_end.wait(10)
        return solution(calls)()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(SharedFolder(tmp_path).solve, "flow", {}, slow)
        assert begun.wait(10)
        second = pool.submit(SharedFolder(tmp_path).solve, "flow", {}, solution(calls))
        time.sleep(0.1)
        assert not second.done()
        may_end.set()
        assert all(np.array_equal(first.result(10)[name], second.result(10)[name]) for name in ("x", "error"))
    assert len(calls) == 1


def test_a_job_does_not_wait_where_nothing_can_be_locked(tmp_path):
    (tmp_path / "shared").write_text("no folder")
    calls = []
    SharedFolder(tmp_path / "shared").solve("flow", {}, solution(calls))
    assert len(calls) == 1
