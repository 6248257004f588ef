"""`rl.network`, `rl.limit`, `rl.sample`: networks come near their limit at the order of the theorem, and what a study
does not have is refused in words."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

import resnet_limits as rl
from resnet_limits.errors import SettingError
from resnet_limits.settings.registry import STUDIES

POINTS = [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]
ODE = rl.Ode(width=3, depth=16, ode=rl.OdeKeys(paths=2), device="cpu")
FLOW = rl.Flow(width=3, depth=16, flow=rl.FlowKeys(paths=2), device="cpu")
SDE = rl.Sde(width=4, depth=8, replicas=1000, device="cpu")


@pytest.mark.parametrize("settings", [ODE, FLOW], ids=lambda settings: settings.study)
def test_networks_of_given_weights_approach_the_flow_at_order_one(settings):
    errors = [rl.sample(dataclasses.replace(settings, depth=depth), POINTS).distance for depth in (32, 64)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)


def test_the_numbers_are_those_of_the_study():
    settings = dataclasses.replace(ODE, claims=["ode.forward.euler"], ode=rl.OdeKeys(inputs=4, paths=2))
    records = rl.run(settings)
    drawn = rl.sample(settings)
    error = records.loc[records["scheme"] == "euler", "value"].iloc[0]
    assert drawn.x0.shape == (4, 3)
    of_trajectories = (drawn.network - drawn.limit).square().mean(dim=-1).sqrt()
    assert math.exp(of_trajectories.log().mean()) == pytest.approx(error, rel=1e-12)


def test_a_network_is_a_function_of_points_in_any_form():
    network = rl.network(ODE)
    assert network(POINTS).shape == (2, 2, 3)
    for same in (torch.tensor(POINTS), np.array(POINTS, dtype=np.float32), tuple(map(tuple, POINTS))):
        torch.testing.assert_close(network(same), network(POINTS))
    torch.testing.assert_close(network(POINTS[1]), network(POINTS)[:, 1:], rtol=1e-13, atol=1e-13)
    states = network.states(POINTS)
    torch.testing.assert_close(states[0], torch.tensor(POINTS, dtype=torch.float64).expand(2, 2, 3))
    torch.testing.assert_close(states[-1], network(POINTS))
    with pytest.raises(SettingError, match=r"expected points of 3 coordinates, shape \(n, 3\) or \(3,\), got shape"):
        network([[1.0, 2.0]])


def test_a_network_is_trained_by_an_optimiser_of_torch_once_it_is_asked_to_be():
    network = rl.network(ODE)
    assert not network(POINTS).requires_grad
    optimiser = torch.optim.SGD(network.requires_grad_().parameters(), lr=1.0)
    losses = []
    for _ in range(20):
        loss = (network(POINTS) - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_a_limit_is_a_path_of_states():
    flow = rl.limit(ODE)
    middle, end = flow.at(POINTS, [0.5, 1.0])
    torch.testing.assert_close(end, flow(POINTS))
    deep = rl.network(dataclasses.replace(ODE, depth=512))
    assert float((deep.states(POINTS)[256] - middle).abs().max()) < 0.01


def test_independent_layers_approach_the_mean_field_at_order_one_half():
    settings = rl.Ode(width=3, init=rl.IidLaw(), activation="swish", ode=rl.OdeKeys(paths=300), device="cpu")
    drawn = [rl.sample(dataclasses.replace(settings, depth=depth), POINTS) for depth in (8, 128)]
    assert drawn[0].limit.shape == (1, 2, 3)
    assert math.log(drawn[0].distance / drawn[1].distance) / math.log(16) == pytest.approx(0.5, abs=0.08)


def test_random_networks_approach_the_sde_on_one_noise_at_order_one_half():
    drawn = [rl.sample(dataclasses.replace(SDE, depth=depth)) for depth in (8, 64)]
    assert math.log(drawn[0].distance / drawn[1].distance) / math.log(8) == pytest.approx(0.5, abs=0.1)
    assert drawn[0].network.shape == (1000, 2, 4)


def test_draws_of_the_sde_have_the_moment_of_the_exact_law():
    settings = dataclasses.replace(SDE, replicas=20000, init=rl.IidLaw(sigma_w=0.5, sigma_b=0.3))
    x0 = torch.tensor([1.0, -1.0, 2.0, 0.0], dtype=torch.float64)
    start, middle, end = rl.limit(settings).at(x0, [0.0, 0.5, 1.0])
    torch.testing.assert_close(start, x0.expand(20000, 1, 4))
    c = 0.3**2 / 0.5**2
    for t, x in ((0.5, middle), (1.0, end)):
        norms = x.square().mean(dim=(1, 2))
        exact = (float(x0.square().mean()) + c) * math.exp(0.25 * t) - c
        assert float(norms.mean()) == pytest.approx(exact, abs=5 * float(norms.std()) / 20000**0.5)
    torch.testing.assert_close(rl.limit(settings)(x0), end)
    with pytest.raises(ValueError, match=r"times must lie in \[0, 1\]"):
        rl.limit(settings).at(x0, [2.0])


def test_wide_deep_networks_have_the_covariance_of_the_kernel():
    settings = rl.Kernel(depth=32, width=64, replicas=8000, horizon=0.5, device="cpu")
    z = torch.tensor([[1.0, 0.5, -0.5], [0.5, 1.0, 1.0]], dtype=torch.float64)
    drawn, kernel = rl.sample(settings, z), rl.limit(settings)
    exact = kernel(z, z)
    assert math.isnan(drawn.distance)
    for y, bias in ((drawn.network, 0.08), (drawn.limit, 0.0)):
        covariance = y.mT @ y / len(y)
        error = (exact.square() + torch.outer(exact.diagonal(), exact.diagonal())).div(len(y)).sqrt()
        assert bool(((covariance - exact).abs() < 5 * error + bias * exact.abs()).all())


REFUSED = [
    (rl.Gamma(), "network", "study=gamma has no rl.network: its networks are minimisers, which rl.minimise finds"),
    (rl.Hamiltonian(), "limit", "study=hamiltonian has no rl.limit: .* rl.shoot shoots their limit"),
    (rl.Ode(init=rl.RoughLaw()), "limit", "init=rough: the flow is solved along weights that are smooth in time"),
    (
        rl.Ode(init=rl.FractionalLaw()),
        "sample",
        "init=fractional: the flow is solved along weights that are smooth in time",
    ),
    (rl.Flow(init=rl.IidLaw()), "limit", "init=iid: the flow is solved along weights that are smooth in time"),
    (rl.Sde(activation="relu"), "limit", "activation=relu: the theorem needs an outer activation that is smooth at 0"),
    (rl.Sde(init=rl.SmoothLaw()), "network", "the layers of study sde are independent; choose init=iid"),
    (rl.Kernel(activation="relu"), "limit", "relu"),
    (rl.Ode(depth=0), "network", "depth: expected at least 1 and at most 1000000, got 0"),
]


@pytest.mark.parametrize(("settings", "name", "words"), REFUSED, ids=lambda value: getattr(value, "study", None))
def test_what_a_study_does_not_have_is_refused_in_words(settings, name, words):
    with pytest.raises(SettingError, match=words):
        getattr(rl, name)(settings)


@pytest.mark.parametrize("name", STUDIES.built_in)
def test_every_study_has_a_pair_or_says_what_it_has_in_its_place(name):
    from resnet_limits.studies import study as studies

    study = studies.get(name)
    has = [study.optional("pair", function) is not None for function in ("network", "limit", "sample")]
    assert all(has) or (not any(has) and study.unpaired)
