"""The Triton engine in its interpreter: what it computes, what it refuses; and what its kernels need of a GPU."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import mpmath
import pytest
import torch
from torch import Tensor

from resnet_limits.engines.eager import Eager
from resnet_limits.engines.triton import ACTIVATIONS, BLOCKS, WIDTH_OF_WIDEST_KERNEL, Triton, tiling
from resnet_limits.engines.walks.kernels import without_kernel
from resnet_limits.errors import SettingError
from resnet_limits.networks.blocks import field
from resnet_limits.networks.residual import forward, states
from resnet_limits.networks.steps import STEPS
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import ShallowNetwork, Walker
from resnet_limits.sampling.walk import walk

from .engine_laws import BUDGETS, EULER, each_precision, network, option, output_and_gradients, start

pytest.importorskip("triton", reason="there is no package triton")

ROOT = Path(__file__).resolve().parents[2]
MOST_SHARED = 163 * 2**10
"""Bytes of memory that a program can have on an A100; on an H100 or H200 227 KB."""
each_block = pytest.mark.parametrize("block", BLOCKS)
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def layers(block: str, activation: str, depth: int, r: int, n: int, d: int, hidden: int, dtype: torch.dtype) -> tuple:
    """A field, points and weights of entries of size `1/sqrt(fan-in)`."""
    stream = torch.Generator().manual_seed(3)
    made = type(option(block))(hidden=hidden) if block == "two" else option(block)  # pyright: ignore
    vector_field = field(made, activation, d)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=stream, dtype=torch.float64).to(dtype)

    weights = {
        name: (draw(depth, r, *shape) / shape[-1] ** 0.5).transpose(0, 1).requires_grad_()
        for name, shape in vector_field.shapes.items()
    }
    return vector_field, draw(r, n, d).requires_grad_(), weights


@each_block
@each_activation
@each_precision
@pytest.mark.parametrize("size", [(2, 37, 13, 9), pytest.param((1, 3, 70, 65), marks=pytest.mark.slow)], ids=str)
def test_output_and_gradients_are_those_of_the_loop(block, activation, dtype, size):
    vector_field, x, weights = layers(block, activation, 9, *size, dtype)  # pyright: ignore[reportCallIssue]
    ours = output_and_gradients(Triton(interpreted=True).trunk(1000.0), vector_field, x, weights, 0.1)
    tolerance = 1e-13 if dtype == torch.float64 else 3e-6
    for mine, theirs in zip(ours, output_and_gradients(forward, vector_field, x, weights, 0.1), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance * float(theirs.abs().max()))


@each_block
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_no_memory_budget_changes_a_bit(block, activation):
    vector_field, x, weights = layers(block, activation, 20, 2, 5, 6, 7, torch.float64)
    kept, other = (
        output_and_gradients(Triton(interpreted=True).trunk(memory), vector_field, x, weights, 0.1)
        for memory in BUDGETS
    )
    assert all(torch.equal(a, b) for a, b in zip(kept, other, strict=True))


@each_block
def test_states_and_output_are_those_of_the_loop(block):
    vector_field, x, weights = layers(block, "swish", 5, 2, 19, 6, 33, torch.float64)
    given = {name: w.detach() for name, w in weights.items()}
    engine, x = Triton(interpreted=True), x.detach()
    expected = states(vector_field, EULER, x, given, 0.1)
    torch.testing.assert_close(engine.states(vector_field, EULER, x, given, 0.1), expected, rtol=1e-13, atol=1e-13)
    end = engine.forward(vector_field, EULER, x, given, 0.1)
    torch.testing.assert_close(end, expected[-1], rtol=1e-13, atol=1e-13)


def test_replicas_do_not_depend_on_how_they_are_cut():
    vector_field, x, weights = layers("two", "tanh", 6, 3, 18, 6, 7, torch.float32)
    engine = Triton(interpreted=True)

    def of(first: int, stop: int) -> Tensor:
        given = {name: w.detach()[first:stop] for name, w in weights.items()}
        return engine.forward(vector_field, EULER, x.detach()[first:stop], given, 0.1)

    assert torch.equal(torch.cat([of(0, 1), of(1, 3)]), of(0, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tanh_keeps_its_digits_from_the_smallest_to_the_largest_argument(dtype):
    """Through a network of one layer of width 1 with W = 1, b = 0, h = 1: phi(x)."""
    z = torch.cat(
        [torch.logspace(-20, 2, 400, dtype=torch.float64), torch.linspace(0.5, 0.8, 200, dtype=torch.float64)]
    )
    z = torch.cat([z, -z]).to(dtype)
    one = torch.ones(1, 1, 1, 1, dtype=dtype)
    weights = {"W": one, "b": torch.zeros(1, 1, 1, dtype=dtype)}
    end = Triton(interpreted=True).forward(field(option("one"), "tanh", 1), EULER, z[None, :, None], weights, 1.0)
    mine = (end[0, :, 0] - z).double()
    exact = torch.tensor([float(mpmath.tanh(mpmath.mpf(float(x)))) for x in z], dtype=torch.float64)
    epsilon = torch.finfo(dtype).eps
    assert float(((mine - exact) / (exact.abs() + z.abs())).abs().max()) < 4 * epsilon


@each_precision
@pytest.mark.parametrize(
    ("n", "d", "depths", "phi", "psi"),
    [(1, 9, (3, 6), "tanh", "identity"), (2, 40, (4,), "relu", "tanh"), (3, 33, (2, 4), "swish", "gelu")],
)
def test_walks_are_those_of_the_loop(dtype, n, d, depths, phi, psi):
    x0, law = start(3, n, d, dtype=dtype), Isotropic(1.2, 0.5)
    walkers = [Walker(ShallowNetwork(phi, psi), depth) for depth in depths]
    how = {"horizon": 0.8, "stream": Stream(4, "test.walk", first_replica=62)}  # across blocks of replicas
    assert without_kernel(walkers, x0, law, ACTIVATIONS) is None
    tolerance = 1e-13 if dtype == torch.float64 else 5e-6
    ours, loop = list(Triton(interpreted=True).walk(walkers, x0, law, **how)), walk(walkers, x0, law, **how)
    for (k, mine), (layer, theirs) in zip(ours, loop, strict=True):
        assert k == layer
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)
    (_, between), (_, ends) = Triton(interpreted=True).walk(walkers, x0, law, **how, layers=[2, max(depths)])
    assert all(torch.equal(a, b) for a, b in zip(between + ends, ours[1][1] + ours[-1][1], strict=True))


def test_equal_inputs_and_equal_walkers_stay_equal():
    x0, walkers = start(4, 3, 7)[:, [0, 1, 2, 1]], [Walker(ShallowNetwork("tanh"), 4)] * 2
    how = {"horizon": 1.0, "stream": Stream(0, "test.walk")}
    a, b = Triton(interpreted=True).final(walkers, x0, Isotropic(1.2, 0.5), **how)
    assert torch.equal(a, b)
    assert torch.equal(a[:, 1], a[:, 3])


def test_walks_without_a_kernel_are_those_of_the_eager_engine():
    x0, law, engine = start(2, 2, 5), Isotropic(1.2, 0.5), Triton(interpreted=True)
    how = {"horizon": 1.0, "stream": Stream(0, "test.walk")}
    several = [Walker(ShallowNetwork("tanh"), 2), Walker(ShallowNetwork("relu"), 2)]
    assert without_kernel(several, x0, law, ACTIVATIONS) == "walks of several schemes have no kernel"
    ours, eager = (each.final(several, x0, law, **how) for each in (engine, Eager()))
    assert all(torch.equal(a, b) for a, b in zip(ours, eager, strict=True))
    wide = start(1, 16, 400)
    assert without_kernel(several[:1], wide, law, ACTIVATIONS) == "walks of 16 states of 400 numbers have no kernel"


def test_what_there_is_no_kernel_for_is_refused_in_words():
    vector_field, x, weights = network(option("one"), "tanh", 4)
    with pytest.raises(SettingError, match=r"engine=triton: device=cpu: it computes on NVIDIA GPUs; engine=auto takes"):
        Triton().forward(vector_field, EULER, x, weights, 0.1)
    engine = Triton(interpreted=True)
    with pytest.raises(SettingError, match="step heun has no kernel"):
        engine.trunk(1.0)(vector_field, STEPS["heun"], x, weights, 0.1)
    wide, x, weights = layers("one", "tanh", 1, 1, 1, WIDTH_OF_WIDEST_KERNEL + 1, 1, torch.float64)
    with pytest.raises(SettingError, match="matrices of 129 rows or columns are wider than 128"):
        engine.forward(wide, EULER, x, weights, 0.1)


# -- compiled for GPUs, without one ---------------------------------------------------------------


@functools.cache
def needs_of_kernels() -> list[dict]:
    bare = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    run = [sys.executable, "-W", "ignore", "-m", "tests.kernels"]
    printed = subprocess.run(run, cwd=ROOT, env=bare, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in printed.splitlines()]


@pytest.mark.slow
def test_no_kernel_spills_or_shares_more_memory_than_a_gpu_has():
    rows = needs_of_kernels()
    assert {row["kernel"] for row in rows} == {"fill_rows", "walk_layers", "advance_layers", "pull_back_layers"}
    assert [row for row in rows if row["spilled"] or row["shared"] > MOST_SHARED] == []
    assert max(row["registers"] for row in rows) <= 255


@pytest.mark.slow
def test_no_kernel_of_double_precision_computes_in_single():
    rows = [row for row in needs_of_kernels() if row["dtype"] == "fp64"]
    assert rows
    assert not any(row["single"] for row in rows)


@pytest.mark.slow
def test_normals_are_made_of_operations_that_round_correctly():
    rows = [row for row in needs_of_kernels() if row["kernel"] == "fill_rows"]
    assert [row["fused"] + row["rounded"] for row in rows] == [0] * 4
    walks = [row for row in needs_of_kernels() if row["kernel"] == "walk_layers" and row["dtype"] == "fp32"]
    assert walks  # in double precision the exponential function is made of fused multiply-adds
    assert not any(row["fused"] + row["rounded"] for row in walks)


def test_inputs_of_a_program_fill_a_product():
    for width in range(1, WIDTH_OF_WIDEST_KERNEL + 1):
        for dtype in (torch.float32, torch.float64):
            cut = tiling(width, dtype)
            assert cut.inputs >= 16
            assert cut.slab >= 16
