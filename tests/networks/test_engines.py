"""Engines: the laws of all; of the eager one, memory like sqrt(L) and segments that no budget changes."""

from __future__ import annotations

import shutil

import pytest

from resnet_limits.engines.compiled import Compiled
from resnet_limits.engines.eager import Eager
from resnet_limits.engines.trunks.segmented import MEGABYTE, segments
from resnet_limits.engines.walks.replicas import in_c
from resnet_limits.networks.blocks.block import Block

from .engine_laws import EULER, HIDDEN, D, EngineLaws, N, R, network, option

BY_HAND = [option(name) for name in Block.options if Block.options[name].passes is not None]


class TestEager(EngineLaws):
    engine = Eager()


def held(depth, memory, block=BY_HAND[0]):
    f, x, weights = network(block, "tanh", depth)
    trunk = Eager().trunk(memory)
    trunk(f, EULER, x, weights, 1 / depth)
    return trunk.elements


@pytest.mark.parametrize("block", BY_HAND, ids=lambda b: b.name)
def test_activations_held_grow_like_the_depth_within_the_budget_and_like_its_square_root_beyond(block):
    layer = R * N * (D + (HIDDEN if hasattr(block, "hidden") else D))
    within = [held(depth, 1000.0, block) / layer for depth in (256, 1024, 4096)]
    beyond = [held(depth, 0.0, block) / layer for depth in (256, 1024, 4096)]
    assert within == pytest.approx([256, 1024, 4096], rel=0.06)
    for depth, layers in zip((256, 1024, 4096), beyond, strict=True):
        assert layers < 2.2 * depth**0.5
    assert beyond[1] / beyond[0] == pytest.approx(2, rel=0.15)
    assert beyond[2] / beyond[1] == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_budget_is_used_and_not_exceeded(share):
    all_kept = held(1024, 1000.0)
    elements = held(1024, share * all_kept * 8 / MEGABYTE)
    assert share * all_kept * 0.85 < elements <= share * all_kept


def test_segments_cover_the_layers_once_and_do_not_depend_on_anything_but_the_depth():
    for depth in (1, 7, 8, 9, 100, 1000):
        cut = segments(depth)
        assert [k for start, stop in cut for k in range(start, stop)] == list(range(depth))


def test_blocks_that_a_user_trains_have_a_derivative_by_hand():
    assert {"one", "outside", "two", "prenorm"} <= {block.name for block in BY_HAND}


def test_a_compiler_that_was_at_hand_was_used():
    if shutil.which("gcc") is None:
        pytest.skip("no GCC on this machine")
    assert Compiled.missing() is None
    assert in_c is not None
