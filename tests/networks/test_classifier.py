"""Classifiers: the formula, the loss of torch, and starting weights that do not depend on the depth."""

import pytest
import torch

from resnet_limits.networks import classifier
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS

FEATURES, WIDTH, CLASSES, R, N = 7, 5, 3, 2, 6


def network(depth, block=None):
    f = field(block or TwoBlock(hidden=4), "gelu", WIDTH)
    stream = torch.Generator().manual_seed(depth)
    trunk = {n: torch.randn(R, depth, *s, generator=stream, dtype=torch.float64) / 2 for n, s in f.shapes.items()}
    return f, classifier.initial_classifier(FEATURES, WIDTH, CLASSES, trunk, replicas=R, seed=4)


def points():
    return torch.randn(N, FEATURES, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_logits_are_read_in_then_trunk_then_read_out():
    f, p = network(depth=2)
    p["read_in.b"] += 0.3
    p["read_out.b"] -= 0.2
    z = points()
    logits = classifier.logits(f, STEPS["euler"], p, z, 0.5, through=forward)
    assert logits.shape == (R, N, CLASSES)
    for r in range(R):
        x = z @ p["read_in.W"][r].T + p["read_in.b"][r]
        for k in range(2):
            hidden = torch.nn.functional.gelu(x @ p["trunk.W"][r, k].T + p["trunk.b"][r, k])
            x = x + 0.5 * hidden @ p["trunk.V"][r, k].T
        torch.testing.assert_close(logits[r], x @ p["read_out.W"][r].T + p["read_out.b"][r])
    through_forward = classifier.logits(f, STEPS["euler"], p, z.expand(R, N, FEATURES), 0.5, through=forward)
    assert torch.equal(through_forward, logits)


def test_read_in_and_read_out_start_the_same_at_every_depth_and_with_variance_one_over_fan_in():
    shallow, deep = network(2)[1], network(64)[1]
    for name in ("read_in.W", "read_in.b", "read_out.W", "read_out.b"):
        assert torch.equal(shallow[name], deep[name])
    wide = classifier.initial_classifier(400, 300, CLASSES, {}, replicas=1, seed=0)
    # 120 000 entries: the relative standard error of their variance is sqrt(2 / 120 000) = 0.4 %.
    assert float(wide["read_in.W"].var()) == pytest.approx(1 / 400, rel=0.02)
    assert not torch.equal(shallow["read_in.W"][0], shallow["read_in.W"][1])


def test_loss_and_accuracy_are_those_of_each_replica():
    logits = torch.randn(R, N, CLASSES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    for r in range(R):
        expected = torch.nn.functional.cross_entropy(logits[r], labels)
        torch.testing.assert_close(classifier.cross_entropy(logits, labels)[r], expected)
    certain = 10 * torch.nn.functional.one_hot(labels, CLASSES).double().expand(R, N, CLASSES).clone()
    certain[1, :3] = -certain[1, :3]
    assert classifier.accuracy(certain, labels).tolist() == [1.0, 0.5]


def test_a_learning_network_lowers_its_loss_by_plain_gradient_descent():
    f, p = network(depth=8)
    labels = torch.arange(N) % CLASSES
    p = {n: w.detach().requires_grad_() for n, w in p.items()}
    losses = []
    for _ in range(30):
        loss = classifier.cross_entropy(
            classifier.logits(f, STEPS["euler"], p, points(), 1 / 8, through=forward), labels
        )
        losses.append(loss.detach())
        grads = torch.autograd.grad(loss.sum(), list(p.values()))
        with torch.no_grad():
            for w, g in zip(p.values(), grads, strict=True):
                w -= 0.2 * g
    assert (losses[-1] < 0.5 * losses[0]).all()
