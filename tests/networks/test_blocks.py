"""Blocks: the laws of all, their formulas for a single point, and what is true of one alone."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch

from resnet_limits.engines import default_engine
from resnet_limits.errors import SettingError
from resnet_limits.limits.averaged import averaged_field
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.block import Block
from resnet_limits.networks.blocks.gradient import GradientBlock
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.prenorm import PrenormBlock, rms
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.residual import forward
from resnet_limits.settings.keys import fixed

from .block_laws import BlockLaws, D, N, R, draw, output_and_gradients, weights_of


class TestOne(BlockLaws):
    block = OneBlock()

    def formula(self, phi, x, theta):
        return phi(theta["W"] @ x + theta["b"])


class TestOutside(BlockLaws):
    block = OutsideBlock()

    def formula(self, phi, x, theta):
        return theta["W"] @ phi(x) + theta["b"]


class TestTwo(BlockLaws):
    block = TwoBlock(hidden=6)

    def formula(self, phi, x, theta):
        return theta["V"] @ phi(theta["W"] @ x + theta["b"])


class TestPrenorm(BlockLaws):
    block = PrenormBlock(hidden=6)

    def formula(self, phi, x, theta):
        return theta["V"] @ phi(theta["W"] @ (math.sqrt(len(x)) * x / x.norm()) + theta["b"])

    def test_it_sees_directions_alone(self):
        vector_field, x = self.field(), draw(R, N, D, seed=9)
        theta = weights_of(vector_field, R)
        for size in (1e-100, 1e-3, 1e100):
            torch.testing.assert_close(vector_field(size * x, theta), vector_field(x, theta), rtol=1e-13, atol=1e-13)
        along = torch.func.jvp(lambda x: vector_field(x, theta), (x,), (x,))[1]
        assert float(along.abs().max()) < 1e-13

    def test_it_stretches_without_bound_next_to_zero(self):
        vector_field, x = self.field(), draw(R, N, D, seed=9)
        theta = weights_of(vector_field, R)
        sizes = [float(self.stretches(vector_field, size * x, theta).max()) for size in (1.0, 1e-3, 1e-6)]
        assert sizes[1:] == pytest.approx([1e3 * sizes[0], 1e6 * sizes[0]], rel=1e-9)

    def test_on_a_line_it_jumps_and_says_so(self):
        vector_field = self.field(width=1)
        theta = weights_of(vector_field, 1)
        below, above = vector_field(torch.tensor([[[-1e-9], [1e-9]]], dtype=torch.float64), theta)[0]
        assert float((above - below).abs()) > 0.1
        assert "jumps where a state passes 0" in str(self.block.rough(1))
        assert self.block.rough(2) is None

    def test_the_zero_state_stays_where_its_bias_leaves_it(self):
        vector_field, zero = self.field(), torch.zeros(R, N, D, dtype=torch.float64)
        theta = weights_of(vector_field, R)
        assert bool(vector_field(zero, theta).isfinite().all())
        theta["b"].zero_()
        assert not vector_field(zero, theta).any()
        assert float(rms(torch.full((1, 1, D), 3.0))) == 3


class TestGradient(BlockLaws):
    block = GradientBlock(hidden=6)

    def formula(self, phi, x, theta):
        return theta["K"].T @ phi(theta["K"] @ x + theta["b"])

    def test_it_is_the_gradient_of_a_function(self):
        # d/dx sum_i log cosh (K x + b)_i = K^T tanh(K x + b)
        vector_field, x = self.field("tanh"), draw(R, N, D, seed=9).requires_grad_()
        theta = weights_of(vector_field, R)
        z = x @ theta["K"].mT + theta["b"][:, None]
        (expected,) = torch.autograd.grad(z.cosh().log().sum(), x)
        torch.testing.assert_close(vector_field(x, theta), expected)


@dataclass
class Skew(Block):
    """`phi((A - A^T) x + b)`, of which nothing is declared."""

    name: str = fixed("skew", "phi((A - A^T) x + b)")

    def shapes(self, width):
        return {"A": (width, width), "b": (width,)}

    def formula(self, phi, x, theta):
        A = theta["A"]
        return phi(x @ (A - A.mT).mT + theta["b"][:, None])


class TestSkew(BlockLaws):
    """A block without facts: each is refused in words, and its derivative is autograd's."""

    block = Skew()

    def formula(self, phi, x, theta):
        return phi((theta["A"] - theta["A"].T) @ x + theta["b"])

    def test_a_user_may_name_it(self):
        assert self.block.name == "skew"

    def test_whether_it_is_smooth_is_said_in_words(self):
        assert "block=skew: it does not declare whether its field is smooth" in str(self.block.rough(D))

    def test_a_trunk_goes_through_autograd(self):
        vector_field, x = self.field(), draw(R, N, D, seed=9)
        weights = weights_of(vector_field, R, 12)
        expected = output_and_gradients(forward, vector_field, x, weights, 0.1)
        ours = output_and_gradients(default_engine().trunk(0.0), vector_field, x, weights, 0.1)
        assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))


def test_an_activation_that_does_not_exist_is_refused():
    with pytest.raises(SettingError, match="activation"):
        field(OneBlock(), "sine", D)


def test_the_mean_field_of_an_odd_activation_is_exactly_zero():
    for activation in ("tanh", "identity"):
        assert not averaged_field(OneBlock(), activation, sigma_w=1.0, sigma_b=0.5)(draw(R, N, D)).any()


def test_facts_are_read_without_torch():
    program = (
        "import sys\n"
        "from resnet_limits.networks.blocks.block import Block\n"
        "its = {name: (cls.outer, cls.norms, cls().shapes(3)) for name, cls in Block.options.items()}\n"
        "print(its['two'])\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    facts, modules = done.stdout.splitlines()
    assert facts == "('V', ('V', 'W'), {'V': (3, 32), 'W': (32, 3), 'b': (32,)})"
    assert not set(modules.split()) & {"torch", "numpy", "scipy"}
