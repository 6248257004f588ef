"""The laws that every block obeys, stated once; a new one inherits them with an instance and its formula.

Random bounds are computed: a mean of draws may lie `z` of its own standard errors from its expectation, `z` being such
that one of all the comparisons of a test fails by chance with probability 1e-4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from resnet_limits.diffeomorphisms.lipschitz import lipschitz_bound
from resnet_limits.engines import default_engine
from resnet_limits.errors import SettingError
from resnet_limits.limits.averaged import averaged_field
from resnet_limits.networks.activations import Activation, activation_named
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.block import Block
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS
from resnet_limits.networks.vector_field import VectorField
from resnet_limits.random import Stream, normals
from resnet_limits.testing.path_laws import quantile

D, R, N = 4, 3, 5
EULER = STEPS["euler"]
Weights = dict[str, Tensor]
each_activation = pytest.mark.parametrize("activation", Activation.options)


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def weights_of(vector_field: VectorField, *in_front: int, seed: int = 0) -> Weights:
    """Entries N(0, 1), of each parameter (*in_front, *shape)."""
    return {name: draw(*in_front, *shape, seed=seed + i) for i, (name, shape) in enumerate(vector_field.shapes.items())}


def output_and_gradients(
    through: Callable, vector_field: VectorField, x: Tensor, weights: Weights, h: float
) -> list[Tensor]:
    """`x_L`, and its gradients by `x_0` and the weights along a fixed cotangent."""
    x, weights = x.detach().requires_grad_(), {name: w.detach().requires_grad_() for name, w in weights.items()}
    output = through(vector_field, EULER, x, weights, h)
    return [output.detach(), *torch.autograd.grad(output, [x, *weights.values()], draw(*output.shape, seed=5))]


class BlockLaws:
    """Inherit, set `block`, and define `formula` for one point of one replica."""

    block: Block

    def formula(self, phi: Callable[[Tensor], Tensor], x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
        """`f(x, theta)` of one `x` (d,)."""
        raise NotImplementedError

    def field(self, activation: str = "tanh", width: int = D) -> VectorField:
        return field(self.block, activation, width)

    def matrices(self) -> list[str]:
        return [name for name, shape in self.field().shapes.items() if len(shape) == 2]

    def test_a_user_may_name_it(self):
        assert type(self.block) is Block.options[self.block.name]

    @each_activation
    def test_it_is_its_formula_point_by_point(self, activation: str):
        vector_field, x = self.field(activation), draw(R, N, D, seed=9)
        theta, phi = weights_of(vector_field, R), activation_named(activation)
        value = vector_field(x, theta)
        assert value.shape == x.shape
        for r in range(R):
            for n in range(N):
                expected = self.formula(phi, x[r, n], {name: w[r] for name, w in theta.items()})
                torch.testing.assert_close(value[r, n], expected, rtol=1e-13, atol=1e-13)

    @pytest.mark.parametrize("width", [1, 2, 7])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_shapes_are_those_of_its_parameters_at_every_width(self, width: int, dtype: torch.dtype):
        vector_field = self.field(width=width)
        assert all(size >= 1 for shape in vector_field.shapes.values() for size in shape)
        theta = {name: w.to(dtype) for name, w in weights_of(vector_field, R).items()}
        value = vector_field(draw(R, N, width, dtype=dtype), theta)
        assert value.shape == (R, N, width)
        assert value.dtype == dtype

    def test_replicas_do_not_mix(self):
        vector_field, x = self.field(), draw(R, N, D, seed=9)
        theta = weights_of(vector_field, R)
        for r in range(R):
            mine = {name: w[r : r + 1] for name, w in theta.items()}
            torch.testing.assert_close(
                vector_field(x, theta)[r : r + 1], vector_field(x[r : r + 1], mine), rtol=1e-14, atol=1e-14
            )

    def test_derivatives_agree_with_finite_differences(self):
        vector_field, x = self.field("gelu"), draw(R, N, D, seed=9).requires_grad_()
        theta = {name: w.requires_grad_() for name, w in weights_of(vector_field, R).items()}
        assert torch.autograd.gradcheck(
            lambda x, *w: vector_field(x, dict(zip(theta, w, strict=True))), (x, *theta.values())
        )

    @each_activation
    @pytest.mark.parametrize("depth", [1, 8, 30])
    @pytest.mark.parametrize("layer_first", [False, True])
    def test_a_derivative_by_hand_is_that_of_autograd(self, activation: str, depth: int, layer_first: bool):
        if self.block.passes is None:
            return
        vector_field, x = self.field(activation), draw(R, N, D, seed=9)
        weights = {name: w.transpose(0, 1) for name, w in weights_of(vector_field, depth, R).items()}
        if not layer_first:
            weights = {name: w.contiguous() for name, w in weights.items()}
        expected = output_and_gradients(forward, vector_field, x, weights, 0.7 / depth)
        for memory in (1000.0, 0.0):
            ours = output_and_gradients(default_engine().trunk(memory), vector_field, x, weights, 0.7 / depth)
            for mine, theirs in zip(ours, expected, strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)

    # -- facts -----------------------------------------------------------------------------------

    @each_activation
    def test_no_point_stretches_by_more_than_the_lipschitz_bound(self, activation: str):
        if self.block.norms is None:
            assert self.block.without_bound()
            with pytest.raises(SettingError, match=f"block={self.block.name}.*no Lipschitz bound"):
                lipschitz_bound(self.field(activation), weights_of(self.field(), R, 1))
            return
        assert self.block.without_bound() is None
        vector_field = self.field(activation)
        theta = weights_of(vector_field, R)
        x = 2 * draw(R, 200, D, seed=9)
        bound = lipschitz_bound(vector_field, {name: w[:, None] for name, w in theta.items()})[:, 0]
        assert bool((self.stretches(vector_field, x, theta).amax(dim=1) <= bound * (1 + 1e-12)).all())

    @each_activation
    def test_the_lipschitz_bound_is_attained_where_all_matrices_stretch_one_direction(self, activation: str):
        if self.block.norms is None:
            return
        vector_field = self.field(activation)
        theta = {name: torch.zeros(1, *shape, dtype=torch.float64) for name, shape in vector_field.shapes.items()}
        for name in self.matrices():
            theta[name][0, 0, 0] = 1.5
        x = torch.zeros(1, 2001, D, dtype=torch.float64)
        x[0, :, 0] = torch.linspace(-5, 5, 2001)
        bound = float(lipschitz_bound(vector_field, {name: w[:, None] for name, w in theta.items()}))
        assert float(self.stretches(vector_field, x, theta).max()) == pytest.approx(bound, rel=1e-4)

    def stretches(self, vector_field: VectorField, x: Tensor, theta: Weights) -> Tensor:
        """The largest singular value of `df/dx` at each point, (r, n)."""
        return torch.linalg.matrix_norm(self.jacobians(vector_field, x, theta), ord=2)

    def jacobians(self, vector_field: VectorField, x: Tensor, theta: Weights) -> Tensor:
        """`df/dx` at each point, (r, n, d, d)."""
        x = x.clone().requires_grad_()
        value = vector_field(x, theta).sum(dim=1)  # points do not interact
        rows = [
            torch.autograd.grad(value[:, i].sum(), x, retain_graph=True, materialize_grads=True)[0] for i in range(D)
        ]
        return torch.stack(rows, dim=2)

    def test_it_is_monotone_where_it_says_so_and_only_there(self):
        vector_field, x = self.field("tanh"), draw(R, 50, D, seed=9)
        jacobians = self.jacobians(vector_field, x, weights_of(vector_field, R))
        symmetric = bool(torch.allclose(jacobians, jacobians.mT, rtol=0, atol=1e-12))
        least = float(torch.linalg.eigvalsh((jacobians + jacobians.mT) / 2).min())
        assert (symmetric and least > -1e-12) == self.block.monotone

    def test_the_outer_matrix_carries_the_output(self):
        if (outer := self.block.outer) is None:
            assert self.block.without_outer()
            return
        vector_field, theta = self.field(), weights_of(self.field(), R, 1)
        larger = {**theta, outer: 3 * theta[outer]}
        if self.block.norms is not None:
            torch.testing.assert_close(lipschitz_bound(vector_field, larger), 3 * lipschitz_bound(vector_field, theta))
        else:
            x, (now, then) = draw(R, N, D, seed=9), ({n: w[:, 0] for n, w in t.items()} for t in (theta, larger))
            torch.testing.assert_close(vector_field(x, then), 3 * vector_field(x, now))

    def test_without_one_matrix_it_stands_still_where_it_says_so_and_only_there(self):
        vector_field, x = self.field(), draw(R, N, D, seed=9)
        theta = weights_of(vector_field, R)
        still = [m for m in self.matrices() if not vector_field(x, {**theta, m: torch.zeros_like(theta[m])}).any()]
        assert still == ([] if self.block.still_without is None else [self.block.still_without])

    def test_whether_it_is_smooth_is_said_in_words(self):
        assert self.block.smooth is not None
        assert self.block.rough(D) is None if self.block.smooth else self.block.rough(D)

    @each_activation
    def test_the_mean_field_is_the_mean_over_weights(self, activation: str):
        draws, (sigma_w, sigma_b), width, points = 40_000, (1.3, 0.4), 5, 3
        if self.block.mean_field is None:
            with pytest.raises(SettingError, match=f"block={self.block.name}: the mean of its field .* not known"):
                averaged_field(self.block, activation, sigma_w=sigma_w, sigma_b=sigma_b)
            return
        vector_field = self.field(activation, width)
        x = normals((points, width), Stream(1, "test.x"), replicas=1)
        theta = {
            name: normals(shape, Stream(0, f"test.{name}"), replicas=draws)
            * (sigma_b if len(shape) == 1 else sigma_w / shape[1] ** 0.5)
            for name, shape in vector_field.shapes.items()
        }
        values = vector_field(x.expand(draws, points, width), theta)
        average = averaged_field(self.block, activation, sigma_w=sigma_w, sigma_b=sigma_b)(x)[0]
        off = (values.mean(dim=0) - average) / (values.std(dim=0) / draws**0.5)
        assert float(off.abs().max()) < quantile(off.numel())

    @each_activation
    def test_the_derivative_of_the_mean_field_is_that_of_the_mean_field(self, activation: str):
        if self.block.mean_field is None:
            return
        average = averaged_field(self.block, activation, sigma_w=1.3, sigma_b=0.4)
        x, u = draw(2, N, D, seed=1), draw(2, N, D, seed=2)
        eps = 1e-5
        slope = (average(x + eps * u) - average(x - eps * u)) / (2 * eps)
        torch.testing.assert_close(average.derivative(x, u), slope, rtol=1e-7, atol=1e-8)
        one_for_all = average.derivative(x[:1], u)
        torch.testing.assert_close(one_for_all, average.derivative(x[:1].expand_as(u), u), rtol=1e-13, atol=1e-13)

    def test_weights_of_size_zero_have_a_mean_field_without_derivative(self):
        if self.block.mean_field is None:
            return
        average = averaged_field(self.block, "swish", sigma_w=0.0, sigma_b=0.0)
        x = draw(2, N, D, seed=1)
        assert not average(x).any()
        assert not average.derivative(x, x).any()
        assert math.isfinite(float(average.derivative(0 * x, x).abs().max()))
