"""Normals by kernels are those of the CPU, in every bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resnet_limits.random import Stream, normals, on_device
from resnet_limits.random.gaussian import fill
from resnet_limits.random.on_device import fill_by_kernel
from resnet_limits.random.streams import key_of
from resnet_limits.sampling.noise import noise
from tests.planting import plant

pytest.importorskip("triton", reason="there is no package triton")

ROWS = 5
each_precision = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


@each_precision
@pytest.mark.parametrize("size", [1, 2, 7, 81, 1025])
@pytest.mark.parametrize(
    "which",
    [
        {"layer": 0, "first_row": 0},
        {"layer": 3, "first_row": 62, "side_by_side": True},
        {"layer": 511, "first_row": 1000, "first_word": 5},
    ],
    ids=["first", "across blocks of rows, side by side", "from the middle of a group"],
)
def test_every_bit_is_that_of_the_cpu(dtype: torch.dtype, size: int, which: dict):
    key, expected = key_of(7, "test.kernels"), torch.empty(ROWS, size, dtype=dtype)
    fill(expected.numpy(), key, rows_a_block=64, **which)
    made = torch.full_like(expected, float("nan"))
    fill_by_kernel(made, key, rows_a_block=64, **which)
    integers = np.int32 if dtype == torch.float32 else np.int64
    assert np.array_equal(made.numpy().view(integers), expected.numpy().view(integers))


@each_precision
def test_streams_are_the_same_by_kernels(dtype: torch.dtype, monkeypatch):
    def drawn() -> list[torch.Tensor]:
        stream = Stream(3, "test.kernels", layer=2, first_replica=61)
        return [way((3, 5), stream, replicas=8, dtype=dtype) for way in (normals, noise)]

    expected = drawn()
    plant(monkeypatch, on_device.fill_on_device, fill_by_kernel)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(drawn(), expected, strict=True))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_precision
def test_a_gpu_makes_the_bits_of_the_cpu(dtype: torch.dtype):
    stream = Stream(3, "test.kernels", layer=2, first_replica=61)
    for way in (normals, noise):
        on_cpu, on_gpu = (way((37, 5), stream, replicas=80, dtype=dtype, device=device) for device in ("cpu", "cuda"))
        assert torch.equal(on_gpu.cpu(), on_cpu)
