"""The laws that every weight path obeys, stated once; a law of the weights inherits them with a few lines.

Statistical bounds are computed: an estimate may lie `z` of its own standard errors from its expectation, `z` being
such that one of all the comparisons of a test fails by chance with probability 1e-4.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import scipy.stats
import torch
from torch import Tensor

from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.law import Init, Regularity
from resnet_limits.paths.path import WeightPath

SHAPES = {"W": (3, 4), "b": (3,)}
HORIZON = 2.5


def quantile(comparisons: int, chance: float = 1e-4) -> float:
    """`z` with `P(any of so many |standard normals| > z) <= chance`."""
    return float(scipy.stats.norm.isf(chance / (2 * comparisons)))


def assert_covariance(samples: Tensor, expected: Tensor) -> None:
    """Independent centred Gaussian rows (samples, n) have the expected covariance (n, n) and mean zero."""
    count, n = samples.shape
    variances = expected.diagonal()
    measured = samples.T @ samples / count
    stderr = ((torch.outer(variances, variances) + expected**2) / count).sqrt()
    assert ((measured - expected).abs() <= quantile(n * n) * stderr).all(), (measured - expected).abs().max()
    assert (samples.mean(0).abs() <= quantile(n) * (variances / count).sqrt()).all()


class PathLaws:
    """Inherit, set `law`, and define `covariance` (in units of sigma^2) at times in units of the horizon."""

    law: Init

    def covariance(self, s: Tensor, t: Tensor) -> Tensor:
        raise NotImplementedError

    def drawn(self, shapes: dict[str, tuple[int, ...]] = SHAPES, **changes) -> WeightPath:
        asked: dict[str, Any] = {"depth": 8, "horizon": HORIZON, "replicas": 5, "seed": 3} | changes
        return draw_path(self.law, shapes, **asked)

    def layer_times(self, depth: int) -> Tensor:
        return torch.arange(depth, dtype=torch.float64) * (HORIZON / depth)

    def test_shape_and_dtype(self):
        for dtype in (torch.float32, torch.float64):
            values = self.drawn(dtype=dtype).at(torch.tensor([0.0, 1.0, HORIZON]))
            assert {name: tuple(v.shape) for name, v in values.items()} == {"W": (5, 3, 3, 4), "b": (5, 3, 3)}
            assert all(v.dtype == dtype for v in values.values())

    def test_one_time_reads_as_in_a_vector(self):
        path, times = self.drawn()["W"], self.layer_times(8)
        for i, time in enumerate(times):
            for one in (time, time[None]):
                torch.testing.assert_close(path.at(one), path.at(times)[:, i : i + 1], rtol=1e-14, atol=1e-14)

    def test_float32_is_float64_rounded(self):
        single, double = (self.drawn(dtype=d)["W"].at(self.layer_times(8)) for d in (torch.float32, torch.float64))
        torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)

    def test_same_seed_same_path(self):
        torch.manual_seed(1)
        first = self.drawn()["W"].at(self.layer_times(8))
        torch.manual_seed(2)
        assert torch.equal(first, self.drawn()["W"].at(self.layer_times(8)))

    def test_seeds_purposes_parameters_and_replicas_differ(self):
        times = self.layer_times(8)
        shapes = {"W": (4, 4), "V": (4, 4)}
        here = self.drawn(shapes).at(times)
        others = [here["V"], here["W"].roll(1, 0)]
        others += [self.drawn(shapes, **c).at(times)["W"] for c in ({"seed": 4}, {"purpose": "tangent"})]
        for other in others:
            assert ((here["W"] - other).abs() > 1e-6).double().mean() > 0.99

    def test_a_parameter_does_not_depend_on_the_others(self):
        alone = self.drawn({"b": (3,)})["b"].at(self.layer_times(8))
        assert torch.equal(alone, self.drawn()["b"].at(self.layer_times(8)))

    @pytest.mark.parametrize("cuts", [(0, 70), (0, 1, 70), (0, 13, 64, 65, 70)])
    def test_replicas_do_not_depend_on_how_they_are_drawn(self, cuts):
        times = self.layer_times(4)
        longer = self.drawn(replicas=75).at(times)
        pieces = [self.drawn(replicas=b - a, first_replica=a).at(times) for a, b in itertools.pairwise(cuts)]
        for name in SHAPES:
            assert torch.equal(torch.cat([piece[name] for piece in pieces]), longer[name][:70])

    def test_same_path_at_every_depth(self):
        for coarse, fine in ((4, 8), (3, 6), (5, 1000)):
            a = self.drawn(depth=coarse)["W"].at(self.layer_times(coarse))
            b = self.drawn(depth=fine)["W"].at(self.layer_times(fine))[:, :: fine // coarse]
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)

    def test_covariance_over_depth(self):
        depth, replicas, size = 8, 100, 12
        path = self.drawn({"W": (size, size)}, depth=depth, replicas=replicas)["W"]
        times = self.layer_times(depth)
        samples = path.at(times).movedim(1, -1).reshape(-1, depth) * math.sqrt(size) / self.sigma_w()
        unit = times / HORIZON
        assert_covariance(samples, self.covariance(unit[:, None], unit[None, :]))

    def test_entries_are_independent(self):
        path = self.drawn({"W": (2, 2), "V": (2, 2)}, replicas=1000).at(self.layer_times(8)[3:4])
        samples = torch.cat([path["W"].flatten(1), path["V"].flatten(1)], 1) * math.sqrt(2) / self.sigma_w()
        time = self.layer_times(8)[3:4] / HORIZON
        assert_covariance(samples, self.covariance(time, time) * torch.eye(8, dtype=torch.float64))

    def test_bias_has_sigma_b(self):
        bias = self.drawn({"b": (50,)}, replicas=100)["b"].at(self.layer_times(8)[3:4]).reshape(-1, 1)
        time = self.layer_times(8)[3:4] / HORIZON
        assert_covariance(bias / self.sigma_b(), self.covariance(time[:, None], time[None, :]))

    @pytest.mark.parametrize("bad", [-0.1, HORIZON + 0.1, math.nan, math.inf])
    def test_times_outside_the_horizon_are_refused(self, bad):
        weights = self.drawn()
        for times in ([bad], [0.0, bad], [bad, 1.0]):
            with pytest.raises(ValueError, match="times must lie in"):
                weights.at(torch.tensor(times))
        with pytest.raises(ValueError, match=r"got shape \(1, 1\)"):
            weights.at(torch.zeros(1, 1))

    def test_both_ends_are_read_with_rounding(self):
        weights = self.drawn()
        ends = torch.tensor([0.0, HORIZON], dtype=torch.float64)
        shifted = ends + torch.tensor([-1e-12, 1e-12], dtype=torch.float64)
        torch.testing.assert_close(weights.at(shifted)["W"], weights.at(ends)["W"], rtol=1e-2, atol=1e-2)

    def test_does_not_depend_on_the_number_of_threads(self):
        shapes, times = {"W": (8, 8)}, self.layer_times(64)
        threads = torch.get_num_threads()
        try:
            values = []
            for n in (1, 2):
                torch.set_num_threads(n)
                values.append(self.drawn(shapes, depth=64, replicas=1)["W"].at(times).clone())
        finally:
            torch.set_num_threads(threads)
        torch.testing.assert_close(values[0], values[1], rtol=1e-14, atol=1e-14)

    @pytest.mark.cuda
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_cpu_and_gpu_agree(self):
        times = self.layer_times(8)
        on_gpu = self.drawn(device="cuda").at(times.cuda())
        assert all(v.is_cuda for v in on_gpu.values())
        for name, values in self.drawn().at(times).items():
            torch.testing.assert_close(on_gpu[name].cpu(), values, rtol=1e-13, atol=1e-13)

    def test_its_facts_are_true(self):
        assert self.law.regularity is not None, "a law of this package says what is known of it"
        facts_are_true(self.law, self.law.regularity)

    def sigma_w(self) -> float:
        return self.law.sizes().sigma_w

    def sigma_b(self) -> float:
        return self.law.sizes().sigma_b


# -- what a law declares of itself ----------------------------------------------------------------

SHORTEST_TIME_BETWEEN_LAYERS, FACTOR_OF_TIMES_APART = 1 / 4096, 64
"""A distance in time, in units of the horizon, and how many times it another one is: orders are read between them."""
SAMPLES_DRAWN = 4000


def read_entries(law: Init, units: Tensor, replicas: int = SAMPLES_DRAWN // 50) -> Tensor:
    """Independent entries (50 replicas, n) of a network of depth 4096, at times in units of the horizon."""
    path = draw_path(
        law,
        {"b": (50,)},
        depth=round(1 / SHORTEST_TIME_BETWEEN_LAYERS),
        horizon=HORIZON,
        replicas=replicas,
        seed=5,
    )["b"]
    return path.at(units * HORIZON).movedim(1, -1).reshape(50 * replicas, -1)


def size_of_samples(samples: Tensor) -> float:
    """Root mean square; its relative standard error is `(2 SAMPLES_DRAWN)^-1/2`."""
    return float(samples.square().mean().sqrt())


ORDER_ERROR = quantile(4) * 2 * (2 * SAMPLES_DRAWN) ** -0.5 / math.log(FACTOR_OF_TIMES_APART)
"""By how much an order between the distances may be missed: both sizes by their standard errors, in the worst way."""


def power(near: float, far: float) -> float:
    """The power of the distance that sizes grow with; 0 where nothing grows from nothing."""
    return math.log(far / near) / math.log(FACTOR_OF_TIMES_APART) if near and far else 0.0


def order(law: Init) -> float:
    """Power of the distance that differences of `theta` fall with, at one quarter of the horizon."""
    steps = torch.tensor([0, SHORTEST_TIME_BETWEEN_LAYERS], dtype=torch.float64)
    near, far = (
        size_of_samples(read_entries(law, 0.25 + times * steps).diff(dim=1)) for times in (1, FACTOR_OF_TIMES_APART)
    )
    return power(near, far)


def orders_of_differences(law: Init) -> list[float]:
    """Powers of the distance that differences of order 1, 2 and 3 fall with, by the largest over the whole horizon: a
    jump or a kink at any time lowers them."""
    layers = round(1 / SHORTEST_TIME_BETWEEN_LAYERS)
    near = far = read_entries(law, torch.arange(layers, dtype=torch.float64) / layers, replicas=2)
    orders = []
    for _ in range(3):
        near = near[:, 1:] - near[:, :-1]
        far = far[:, FACTOR_OF_TIMES_APART:] - far[:, :-FACTOR_OF_TIMES_APART]
        orders.append(power(*(float(x.square().mean(0).max().sqrt()) for x in (near, far))))
    return orders


def order_of_sums(law: Init) -> float:
    """Power of the number of layers that the sum of neighbours grows with."""
    one, many = (
        size_of_samples(read_entries(law, 0.25 + torch.arange(n).double() * SHORTEST_TIME_BETWEEN_LAYERS).sum(dim=1))
        for n in (1, FACTOR_OF_TIMES_APART)
    )
    return math.log(many / one) / math.log(FACTOR_OF_TIMES_APART)


def facts_are_true(law: Init, said: Regularity) -> None:
    """Fails where paths of a law are not what is said of them."""
    times = torch.arange(1, 6, dtype=torch.float64)
    layers = read_entries(
        law, torch.cat([times * SHORTEST_TIME_BETWEEN_LAYERS, times / 6])
    )  # neighbours, and distant ones
    assert said.constant == torch.equal(layers, layers[:, :1].expand_as(layers)), "constant in time"
    if said.constant:
        assert said.smooth
        return
    if said.smooth:  # the differences of order k of a smooth function fall with the power k
        for k, power_of_k in enumerate(orders_of_differences(law), start=1):
            assert power_of_k == pytest.approx(k, abs=0.1), f"derivative {k}"
    elif said.continuous:
        assert said.index is not None
        assert order(law) == pytest.approx(said.index, abs=ORDER_ERROR), "index of the path"
    else:
        assert abs(order(law)) < 0.1, "neighbouring layers are as far apart as distant ones"
    if said.increments:
        assert said.index is not None
        assert order_of_sums(law) == pytest.approx(said.index, abs=ORDER_ERROR), "index of the path behind the layers"
    assert said.independent_layers or not said.isotropic
    if said.independent_layers:
        correlations = torch.corrcoef(layers.T) - torch.eye(10)
        assert float(correlations.abs().max()) < quantile(45) / SAMPLES_DRAWN**0.5, "layers are independent"
    if said.isotropic:
        standard = layers / law.sizes().sigma_b
        kurtosis = float(standard.pow(4).mean()) - 3 * size_of_samples(standard) ** 4
        assert abs(kurtosis) < quantile(2) * (24 / standard.numel()) ** 0.5, "normal"
        assert size_of_samples(standard) == pytest.approx(1, abs=quantile(2) * (2 * standard.numel()) ** -0.5), "size"
