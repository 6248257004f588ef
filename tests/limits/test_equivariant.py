"""Equivariant kernels: against their double sum, against torch's convolutions, and the groups and windows in them."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from resnet_limits.errors import SettingError
from resnet_limits.limits.hamiltonian.double_sum import DoubleSum
from resnet_limits.limits.hamiltonian.end_loss import Fixed, Pooled
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.limits.hamiltonian.kernels.equivariant import EquivariantKernel
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.permutations import PermutationGroup
from resnet_limits.limits.hamiltonian.shooting import Problem, shoot
from resnet_limits.limits.hamiltonian.trajectory import trajectory_from
from resnet_limits.limits.hamiltonian.windows import Gather, Windows
from resnet_limits.networks.activations import activation_named
from resnet_limits.studies.hamiltonian.heun_network import HeunNetwork
from resnet_limits.studies.hamiltonian.network import WeightDecayedNetwork
from tests.normals import normals

TANH = activation_named("tanh")
SQUARE = PermutationGroup.generated_by([(2, 5, 8, 1, 4, 7, 0, 3, 6), (0, 3, 6, 1, 4, 7, 2, 5, 8)])
"""Turns and reflections of 3 x 3 sites: three orbits, and sites that several elements leave where they are."""
PATCHES = {
    "line": (PermutationGroup.shifts(5), (4, 0, 1), (0,)),
    "grid": (PermutationGroup.shifts(3, 4), (11, 3, 8, 0), (0,)),
    "square": (SQUARE, (0, 1, 4), (0, 1, 4)),
    "all permutations": (PermutationGroup.generated_by([(1, 2, 3, 0), (1, 0, 2, 3)]), (0, 1), (0,)),
}
CHANNELS = 2


def example(name: str) -> tuple[EquivariantKernel, DoubleSum, int]:
    group, patch, outputs = PATCHES[name]
    windows = Windows.of_group(group, patch, outputs, channels=CHANNELS)
    return EquivariantKernel(TANH, windows=windows), DoubleSum(TANH, group, patch, outputs), CHANNELS * group.sites


# -- the kernel -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PATCHES)
def test_velocity_and_rate_are_derivatives_of_the_energy_by_the_double_sum(name: str):
    kernel, by_definition, d = example(name)
    q, P = (normals(3, d, seed=s).requires_grad_() for s in range(2))
    H = P.flatten() @ by_definition.gram(q, q) @ P.flatten() / 2
    dq, dP = torch.autograd.grad(H, (q, P))
    at = kernel.at(q.detach())
    torch.testing.assert_close(at.energy(P.detach()), H.detach())
    torch.testing.assert_close(at.velocity(P.detach()), dP)
    torch.testing.assert_close(at.rate(P.detach()), -dq)
    torch.testing.assert_close(2 * H.detach(), at.weights(P.detach()).square().sum())
    x = normals(2, d, seed=7)
    torch.testing.assert_close(kernel.matrix(x, q.detach()), by_definition.gram(x, q.detach()))
    expected = (by_definition.gram(x, q.detach()) @ P.detach().flatten()).view_as(x)
    torch.testing.assert_close(kernel.field(x, q.detach(), P.detach()), expected)


@pytest.mark.parametrize("name", ["grid", "square"])
def test_tangents_are_derivatives_of_velocity_and_rate_also_several_at_a_time(name: str):
    kernel, _, d = example(name)
    q, P, u, v = (normals(3, d, seed=s) for s in range(4))
    at, eps = kernel.at(q), 1e-5
    ahead, behind = (kernel.at(q + e * u).both(P + e * v) for e in (eps, -eps))
    several = at.tangent(P, torch.stack([u, 2 * u]), torch.stack([v, 2 * v]))
    for one, a, b in zip(several, ahead, behind, strict=True):
        expected = (a - b) / (2 * eps)
        torch.testing.assert_close(one, torch.stack([expected, 2 * expected]), rtol=1e-7, atol=1e-7)
    for one, other in zip(at.tangent_of_momenta(P, v), at.tangent(P, 0 * u, v), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("mode", ["circular", "constant"])
def test_fields_are_convolutions_of_torch_with_the_filter_that_they_imply(mode: str):
    sizes, make = (4, 5), Windows.of_shifts if mode == "circular" else Windows.zero_padded
    kernel = EquivariantKernel(TANH, windows=make(sizes, 3, channels=CHANNELS))
    q, P, x = (normals(3, CHANNELS * 20, seed=s) for s in range(3))
    w = kernel.at(q).weights(P)
    padded = functional.pad(torch.tanh(x).view(3, CHANNELS, *sizes), [1] * 4, mode=mode)
    expected = functional.conv2d(padded, w[:, :-1].reshape(CHANNELS, CHANNELS, 3, 3), w[:, -1]).flatten(1)
    torch.testing.assert_close(kernel.field(x, q, P), expected)


def test_with_one_element_and_all_sites_it_is_the_kernel_of_the_features():
    alone = PermutationGroup.generated_by([range(4)])
    kernel = EquivariantKernel(TANH, windows=Windows.of_group(alone, range(4), range(4)))
    dense = FeaturesKernel(TANH)
    q, P, u, v = (normals(6, 4, seed=s) for s in range(4))
    for one, other in zip(kernel.at(q).tangent(P, u, v), dense.at(q).tangent(P, u, v), strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(kernel.at(q).weights(P), dense.at(q).weights(P))


@pytest.mark.parametrize("blocks", [WeightDecayedNetwork, HeunNetwork])
def test_hessians_of_networks_with_one_filter_a_layer_are_differences_of_gradients(blocks):
    kernel, _, d = example("square")
    network = blocks(kernel, normals(3, d), 0.1, Fixed(SquareLoss(), normals(3, 2, seed=1)), 4)
    z, v = (0.3 * normals(1, math.prod(network.shape), seed=s)[0].numpy() for s in (2, 3))
    ahead, behind = (network.value_and_gradient(z + e * v)[1] for e in (1e-5, -1e-5))
    torch.testing.assert_close(
        torch.from_numpy(network.hessian(z)(v)), torch.from_numpy(ahead - behind) / 2e-5, rtol=1e-7, atol=1e-8
    )
    w, nu = network.weights(z), network.decay
    states = network.states(w)
    gradient = torch.from_numpy(network.value_and_gradient(z)[1]).view(network.shape) * network.depth**0.5
    omega, expected = network.depth * w, network.kernel_weights(w, states, network.momenta(w, states, nu))
    torch.testing.assert_close(nu * (omega - expected), gradient)  # zero at a minimiser


def test_shooting_finds_the_costate_and_paths_of_shifted_points_are_shifted():
    group = PermutationGroup.shifts(2, 3)
    kernel = EquivariantKernel(TANH, windows=Windows.of_shifts((2, 3), 1, channels=CHANNELS))
    q, y = normals(2, CHANNELS * 6), normals(2, 1, seed=1)
    problem = Problem(kernel, q, 0.5, Pooled(SquareLoss(), y, sites=6))
    shot = shoot(problem, integrator="rk4", steps=8)
    assert shot.converged, shot.why
    end, P = shot.trajectory.end
    scores = end[:, 6:].mean(1, keepdim=True)
    expected = torch.cat([torch.zeros(2, 6), (y - scores).expand(2, 6) / (2 * 6) / 0.5], dim=1)
    torch.testing.assert_close(P, expected.double(), rtol=1e-9, atol=1e-12)
    moved = trajectory_from(kernel, group.moved(4, q), group.moved(4, shot.momentum), INTEGRATORS["rk4"], 8)
    torch.testing.assert_close(moved.end, (group.moved(4, end), group.moved(4, P)))
    assert float((end - q).abs().max()) > 0.1


def test_pooled_scores_do_not_change_with_a_permutation_of_the_sites():
    q, y = normals(5, 18), normals(5, 2, seed=1)
    loss = Pooled(SquareLoss(), y, sites=9)
    for g in range(SQUARE.order):
        torch.testing.assert_close(loss.value(SQUARE.moved(g, q)), loss.value(q))
    means = torch.stack([q[:, :9].mean(1), q[:, 9:].mean(1)], dim=1)
    torch.testing.assert_close(loss.value(q), (means - y).square().sum(1).mean() / 2)


# -- groups and windows ---------------------------------------------------------------------------


def products(generators: list[tuple[int, ...]], most: int) -> set[tuple[int, ...]]:
    """Of so many factors and fewer, one after another."""
    sites = range(len(generators[0]))
    every = {tuple(sites)}
    for count in range(1, most + 1):
        for word in itertools.product(generators, repeat=count):
            image = list(sites)
            for generator in word:
                image = [generator[site] for site in image]
            every.add(tuple(image))
    return every


@pytest.mark.parametrize(
    ("generators", "order"),
    [
        ([(1, 2, 0)], 3),
        ([(1, 2, 3, 0), (3, 2, 1, 0)], 8),
        ([(1, 2, 3, 0), (1, 0, 2, 3)], 24),
        ([(1, 0, 2), (1, 0, 2)], 2),
    ],
)
def test_a_group_is_all_products_of_its_generators(generators: list[tuple[int, ...]], order: int):
    group = PermutationGroup.generated_by(generators)
    assert group.order == order
    assert set(map(tuple, group.elements.tolist())) == products(generators, 6)


def test_shifts_are_generated_by_those_by_one_and_elements_act_one_after_another():
    shifts = PermutationGroup.shifts(3, 4)
    by_one = [shifts.elements[g].tolist() for g in (1, 4)]
    assert set(map(tuple, shifts.elements.tolist())) == set(
        map(tuple, PermutationGroup.generated_by(by_one).elements.tolist())
    )
    x = torch.arange(12.0).view(1, 3, 4)
    for g, (rows, columns) in enumerate(itertools.product(range(3), range(4))):
        assert torch.equal(shifts.moved(g, x.flatten(1)), x.roll((rows, columns), (1, 2)).flatten(1))
    for g, h in itertools.product(range(SQUARE.order), repeat=2):
        y = torch.arange(9.0)
        product = SQUARE.elements[g][SQUARE.elements[h]]
        (k,) = [k for k in range(SQUARE.order) if torch.equal(SQUARE.elements[k], product)]
        assert torch.equal(SQUARE.moved(g, SQUARE.moved(h, y)), SQUARE.moved(k, y))


@pytest.mark.parametrize(
    ("generators", "words"),
    [
        ([], "there are none"),
        ([[1, 1, 0]], r"\[1, 1, 0\] is no permutation; each of 0 to 2"),
        ([[1, 2, 3]], "is no permutation"),
        ([[]], "is no permutation"),
        ([[1, 0], [1, 2, 0]], "2 and 3 sites"),
        ([[1.5, 0]], r"got \[1.5, 0\]"),
        ([3], "got 3"),
        ([[1, 2, 3, 4, 5, 6, 7, 0], [1, 0, 2, 3, 4, 5, 6, 7]], "more than 4096 elements"),
    ],
)
def test_what_generates_no_group_is_refused_in_words(generators, words: str):
    with pytest.raises(SettingError, match=words):
        PermutationGroup.generated_by(generators)


def test_sizes_patches_and_windows_that_there_are_not_are_refused_in_words():
    for sizes in ((), (0,), (3, -1), (65, 65)):
        with pytest.raises(SettingError, match="shifts: "):
            PermutationGroup.shifts(*sizes)
    for side in (0, 2, 5):
        for make in (Windows.of_shifts, Windows.zero_padded):
            with pytest.raises(SettingError, match=rf"window={side}: expected an odd number of sites.*3 x 4"):
                make((3, 4), side)
    for patch in ((), (0, 0), (9,)):
        with pytest.raises(SettingError, match=r"patch=.*the sites 0 to 8"):
            Windows.of_group(SQUARE, patch)


@pytest.mark.parametrize("places", [[[0, 1], [1, 2], [2, 0]], [[0, 3], [2, 2]]], ids=["each twice", "zeros"])
def test_a_gather_and_its_transpose_are_transposes_with_derivatives(places: list[list[int]]):
    gather = Gather(torch.tensor(places), 3, CHANNELS)
    rows, k = gather.places.shape
    x, u = (normals(4, CHANNELS * 3, seed=s).requires_grad_() for s in (0, 2))
    y, v = (normals(4 * rows, CHANNELS * k, seed=s).requires_grad_() for s in (1, 3))
    torch.testing.assert_close((gather(x) * y).sum(), (x * gather.transposed(y)).sum())
    (by_x,) = torch.autograd.grad((gather(x) * v).sum(), x)
    (by_y,) = torch.autograd.grad((gather.transposed(y) * u).sum(), y)
    torch.testing.assert_close(by_x, gather.transposed(v))
    torch.testing.assert_close(by_y, gather(u))
    first: Tensor = gather(x)[0]  # the first window of the first point, channel by channel
    padded = functional.pad(x[0].view(CHANNELS, 3), (0, 1))
    torch.testing.assert_close(first, padded[:, places[0]].flatten())
