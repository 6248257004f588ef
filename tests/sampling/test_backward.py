"""Backward passes without weights have the law of backpropagation through full matrices."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.random import Stream
from resnet_limits.sampling.backward import recorded_pass
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import EulerMaruyama, ShallowNetwork
from tests.networks.engine_laws import correlated
from tests.sampling.naive import different_means, points, weights

LAW = Isotropic(1.0, 0.5)
HOW = {"horizon": 1.0, "stream": Stream(0, "test")}
DEPTH, WIDTH, REPLICAS = 4, 3, 20_000
SCHEMES = {
    "tanh": ShallowNetwork("tanh", "swish"),
    "swish": ShallowNetwork("swish"),
    "sde": EulerMaruyama("swish", "tanh", LAW),
}
X0 = points(2, WIDTH).expand(REPLICAS, 2, WIDTH)


def loss(x):
    """Bounded, so that moments of its gradient have finite variance; of both inputs together."""
    return torch.tanh(x).square().sum(dim=(1, 2)) / 2 + torch.tanh(x[:, 0] * x[:, 1]).sum(dim=-1)


def loss_gradient(x):
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(loss(x).sum(), x)[0]


def observables(states, costates, weight_norms, bias_norms):
    """Moments of forward and backward quantities together; per layer norms of gradients (r, v)."""
    x0, middle, final = states[0], states[DEPTH // 2], states[-1]
    columns = [weight_norms[k] for k in range(DEPTH)] + [bias_norms[k] for k in range(DEPTH)]
    for p in (costates[0], costates[DEPTH // 2]):
        for i in range(2):
            columns += [
                p[:, i].norm(dim=-1),
                *(torch.tanh((p[:, i] * x[:, j]).sum(-1)) for x in (x0, middle, final) for j in range(2)),
            ]
        columns.append((p[:, 0] * p[:, 1]).sum(dim=-1).tanh())
        columns += list(torch.tanh(p.flatten(1)).unbind(1))
    return torch.stack(columns, dim=1)


def sampled(scheme, law=LAW):
    tape = recorded_pass(scheme, X0, law, depth=DEPTH, **HOW)
    layers = {layer.k: layer for layer in tape.backward(loss_gradient(tape.final))}
    norms = [[getattr(layers[k], name) for k in range(DEPTH)] for name in ("weights", "biases")]
    return observables(tape.states, [layers[k].p for k in range(DEPTH)], *norms)


def backpropagated(scheme):
    """Through full matrices, by autograd."""
    layers = [
        tuple(v.requires_grad_() for v in weights(REPLICAS, WIDTH, LAW.sigma_w, LAW.sigma_b, 1 / DEPTH, seed=k))
        for k in range(DEPTH)
    ]
    states = [X0.clone().requires_grad_()]
    for W, b in layers:
        f = scheme.features(states[-1])
        states.append(scheme.step(states[-1], f, f @ W.mT + b, 1 / DEPTH))
    for x in states:
        x.retain_grad()
    loss(states[-1]).sum().backward()
    norms = [[pair[i].grad.flatten(1).norm(dim=-1) for pair in layers] for i in range(2)]  # pyright: ignore
    return observables([x.detach() for x in states], [x.grad for x in states], *norms)


@pytest.mark.parametrize("name", SCHEMES)
def test_joint_law_of_forward_and_backward(name):
    assert different_means(sampled(SCHEMES[name]), backpropagated(SCHEMES[name])) < 1


def test_fresh_weights_on_the_way_back_are_seen():
    """Weights of the backward pass that do not know those of the forward pass: another law."""

    class Forgetful(Isotropic):
        def transposed(self, costates, drawn, h, stream):
            W, _ = weights(REPLICAS, WIDTH, self.sigma_w, self.sigma_b, h, seed=100 + stream.layer)
            return costates @ W

    assert different_means(sampled(SCHEMES["swish"], Forgetful(1.0, 0.5)), backpropagated(SCHEMES["swish"])) > 1


@pytest.mark.parametrize("law", [LAW, correlated(WIDTH)], ids=["isotropic", "matrix normal"])
@pytest.mark.parametrize("name", SCHEMES)
def test_costates_and_tangents_are_dual(name, law):
    """`<p_k, u_k>` is the same at every layer, replica by replica."""
    scheme = EulerMaruyama("swish", "tanh", law) if name == "sde" else SCHEMES[name]
    x0, u0 = X0[:50], points(50 * 2 * 2, WIDTH, 1).view(50, 2, 2, WIDTH)
    tape = recorded_pass(scheme, x0, law, depth=DEPTH, u0=u0, **HOW)
    p = loss_gradient(tape.final)
    expected = torch.einsum("rnd,rnmd->rnm", p, tape.tangents[-1])
    for layer in tape.backward(p):
        pairing = torch.einsum("rnd,rnmd->rnm", layer.p, tape.tangents[layer.k])
        torch.testing.assert_close(pairing, expected, rtol=1e-9, atol=1e-9)


def test_gradient_norms_are_those_of_the_outer_products():
    """One input, one layer: `|dJ/dW| = |a| |psi(x)|`, `|dJ/db| = |a|`, `a = phi'(z) p`."""
    x0 = X0[:20, :1]
    tape = recorded_pass(ShallowNetwork("tanh", "swish"), x0, LAW, depth=1, **HOW)
    p = torch.ones_like(x0)
    (layer,) = tape.backward(p)
    a = (1 - torch.tanh(tape.pre_activations[0]).square()) * p
    f = ShallowNetwork("tanh", "swish").features(x0)
    torch.testing.assert_close(layer.biases, a[:, 0].norm(dim=-1))
    torch.testing.assert_close(layer.weights, a[:, 0].norm(dim=-1) * f[:, 0].norm(dim=-1))


def test_gradients_by_layer():
    """The short way is the long one, and independent of how replicas are cut."""
    scheme, x0 = SCHEMES["swish"], X0[:128]

    def gradients(x0, stream):
        tape = recorded_pass(scheme, x0, LAW, depth=DEPTH, horizon=1.0, stream=stream)
        return tape.gradients(loss_gradient(tape.final))

    whole = gradients(x0, HOW["stream"])
    assert whole.weights.shape == whole.biases.shape == (DEPTH, 128)
    assert whole.states.shape == (DEPTH + 1, 128, 2)
    tape = recorded_pass(scheme, x0, LAW, depth=DEPTH, **HOW)
    for layer in tape.backward(loss_gradient(tape.final)):
        assert torch.equal(whole.weights[layer.k], layer.weights)
        assert torch.equal(whole.biases[layer.k], layer.biases)
        assert torch.equal(whole.states[layer.k], layer.p.norm(dim=-1))
    second = gradients(x0[64:], Stream(0, "test", first_replica=64))
    assert torch.equal(second.weights, whole.weights[:, 64:])
