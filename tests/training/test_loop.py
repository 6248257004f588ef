"""Training: the loop is torch's own descent on each network, replicas are strangers, batches do not know the depth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from resnet_limits.data.dataset import Dataset
from resnet_limits.data.loading import load
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.errors import MeasurementError, SettingError
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.classifier import initial_classifier
from resnet_limits.random import Stream, normals
from resnet_limits.settings.training import Train
from resnet_limits.training.loop import mini_batches, train

WIDTH, HIDDEN, DEPTH = 4, 6, 5
FIELD = field(TwoBlock(hidden=HIDDEN), "tanh", WIDTH)
SETTINGS = Train(epochs=2, batch_size=16, lr=0.3)


def data() -> Dataset:
    return load(MoonsData(train_size=40, test_size=20), seed=0)


def start(replicas: int, dataset: Dataset) -> dict[str, torch.Tensor]:
    trunk = {name: normals((DEPTH, *shape), Stream(1, name), replicas=replicas) for name, shape in FIELD.shapes.items()}
    return initial_classifier(dataset.features, WIDTH, dataset.classes, trunk, replicas=replicas, seed=1)


def run(parameters: dict[str, torch.Tensor], dataset: Dataset, settings: Train = SETTINGS, **keywords):
    silent = {"progress": lambda fraction, message: None}
    return train(FIELD, parameters, dataset, settings, depth=DEPTH, h=1 / DEPTH, seed=3, **{**silent, **keywords})


class PlainNetwork(nn.Module):
    """What a lab would write: one nn.Linear a layer, one network."""

    def __init__(self, parameters: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.read_in = self._linear(parameters["read_in.W"], parameters["read_in.b"])
        self.inner = nn.ModuleList(
            self._linear(parameters["trunk.W"][k], parameters["trunk.b"][k]) for k in range(DEPTH)
        )
        self.outer = nn.ModuleList(self._linear(parameters["trunk.V"][k], None) for k in range(DEPTH))
        self.read_out = self._linear(parameters["read_out.W"], parameters["read_out.b"])

    @staticmethod
    def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, dtype=torch.float64)
        layer.weight = nn.Parameter(weight.clone())
        if bias is not None:
            layer.bias = nn.Parameter(bias.clone())
        return layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.read_in(x)
        for inner, outer in zip(self.inner, self.outer, strict=True):
            x = x + outer(torch.tanh(inner(x))) / DEPTH
        return self.read_out(x)


OPTIMISERS = {
    "sgd": (SETTINGS, lambda groups: torch.optim.SGD(groups)),
    "sgd with momentum and decay": (
        replace(SETTINGS, momentum=0.8, weight_decay=0.01),
        lambda groups: torch.optim.SGD(groups, momentum=0.8, weight_decay=0.01),
    ),
    "sgd, cosine": (replace(SETTINGS, schedule="cosine"), lambda groups: torch.optim.SGD(groups)),
    "sgd, another exponent": (replace(SETTINGS, lr_exponent=0.5), lambda groups: torch.optim.SGD(groups)),
    "adam": (replace(SETTINGS, optimizer="adam", lr=0.02), lambda groups: torch.optim.Adam(groups)),
    "adam, decay, cosine": (
        replace(SETTINGS, optimizer="adam", lr=0.02, weight_decay=0.1, schedule="cosine"),
        lambda groups: torch.optim.Adam(groups, weight_decay=0.1),
    ),
    "adamw": (
        replace(SETTINGS, optimizer="adamw", lr=0.02, weight_decay=0.1, lr_exponent=-0.5),
        lambda groups: torch.optim.AdamW(groups, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_replica_is_trained_as_torch_trains_one_network(name):
    settings, torchs = OPTIMISERS[name]
    dataset = data()
    parameters = start(3, dataset)
    plain = [PlainNetwork({name: p[r] for name, p in parameters.items()}) for r in range(3)]
    trained = run(parameters, dataset, settings)
    exponent = {"sgd": 1.0, "adam": 0.0, "adamw": 0.0}[settings.optimizer]
    if settings.lr_exponent is not None:
        exponent = settings.lr_exponent
    for r, network in enumerate(plain):
        groups = [
            {"params": [*network.inner.parameters(), *network.outer.parameters()], "lr": settings.lr * DEPTH**exponent},
            {"params": [*network.read_in.parameters(), *network.read_out.parameters()], "lr": settings.lr},
        ]
        if settings.optimizer != "sgd":
            groups[0]["eps"] = 1e-8 / DEPTH
        optimiser = torchs(groups)
        steps = settings.epochs * 3
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        losses, norms = [], []
        for epoch in range(settings.epochs):
            for batch in mini_batches(40, settings.batch_size, epoch, seed=3):
                loss = nn.functional.cross_entropy(network(dataset.x_train[batch]), dataset.y_train[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                if settings.schedule == "cosine":
                    cosine.step()
                losses.append(loss.detach())
                layers = groups[0]["params"]
                norms.append((DEPTH * sum(p.grad.square().sum() for p in layers)) ** 0.5)
        assert torch.allclose(torch.stack(trained.losses)[:, r], torch.stack(losses), rtol=1e-10)
        assert torch.allclose(torch.stack(trained.gradient_norms)[:, r], torch.stack(norms), rtol=1e-10)
        final = torch.stack([parameter for name, parameter in network.inner.named_parameters() if "weight" in name])
        assert torch.allclose(trained.parameters["trunk.W"][r], final, rtol=1e-9, atol=1e-12)
        assert torch.allclose(trained.parameters["read_out.W"][r], network.read_out.weight, rtol=1e-9, atol=1e-12)


def test_targets_are_fitted_by_half_the_mean_square():
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(40, 2, generator=stream, dtype=torch.float64)
    dataset = Dataset("targets", x, torch.stack([x.sum(1), x[:, 0] ** 2, x[:, 1]], 1), x[:20], x[:20, [0, 0, 1]], 0)
    parameters = start(
        1, replace(dataset, y_train=torch.zeros(40, dtype=torch.long), y_test=x[:20, 0].long() * 0, classes=3)
    )
    network = PlainNetwork({name: p[0] for name, p in parameters.items()})
    batch = next(mini_batches(40, 16, 0, seed=3))
    by_hand = (network(x[batch]) - dataset.y_train[batch]).square().sum(1).mean() / 2
    trained = run(parameters, dataset, replace(SETTINGS, lr=0.05, epochs=10))
    assert torch.allclose(trained.losses[0], by_hand.detach(), rtol=1e-12)
    assert float(trained.losses[-1]) < 0.5 * float(trained.losses[0])
    assert trained.accuracies == {}
    assert list(trained.test_losses) == [3 * epoch for epoch in range(1, 11)]


def test_no_memory_budget_changes_what_is_recorded():
    dataset = data()
    kept, twice = (run(start(2, dataset), dataset, replace(SETTINGS, memory=memory)) for memory in (1000.0, 0.0))
    assert all(torch.equal(a, b) for a, b in zip(kept.losses, twice.losses, strict=True))
    assert all(torch.equal(p, twice.parameters[name]) for name, p in kept.parameters.items())


def test_a_replica_trains_the_same_alone_and_beside_others():
    dataset = data()
    together, alone = run(start(3, dataset), dataset), run(start(1, dataset), dataset)
    for name, value in alone.parameters.items():
        assert torch.allclose(together.parameters[name][:1], value, rtol=1e-10, atol=1e-13), name


def test_mini_batches_cover_the_data_once_an_epoch_in_an_order_of_their_own():
    epochs = [torch.cat(list(mini_batches(40, 16, epoch, seed=0))) for epoch in range(2)]
    assert all(torch.equal(order.sort().values, torch.arange(40)) for order in epochs)
    assert not torch.equal(*epochs)
    assert [len(batch) for batch in mini_batches(40, 16, 0, seed=0)] == [16, 16, 8]


def test_training_lowers_the_loss_and_reports_accuracy_each_epoch():
    dataset = data()
    trained = run(start(2, dataset), dataset, replace(SETTINGS, epochs=10))
    assert float(trained.losses[-1].mean()) < 0.7 * float(trained.losses[0].mean())
    assert list(trained.accuracies) == [3 * epoch for epoch in range(1, 11)]


def test_a_rate_that_explodes_names_depth_step_and_rate():
    dataset = data()
    with pytest.raises(MeasurementError, match=rf"depth {DEPTH}, step \d+, train\.lr=1e\+100") as caught:
        run(start(2, dataset), dataset, replace(SETTINGS, lr=1e100))
    assert "smaller train.lr" in str(caught.value)


def test_an_explosion_that_is_expected_is_a_result():
    dataset = data()
    trained = run(start(2, dataset), dataset, replace(SETTINGS, lr=1e100), explosion="record")
    assert trained.exploded_at == len(trained.losses) == 2
    assert all(torch.isfinite(loss).all() for loss in trained.losses)
    assert run(start(2, dataset), dataset, explosion="record").exploded_at is None


def test_weights_that_are_not_finite_after_an_epoch_are_an_explosion_too():
    dataset = data()
    with pytest.raises(MeasurementError, match=rf"a weight is not finite at depth {DEPTH}, step 1, train\.lr=1000000"):
        run(
            {name: p * 1e305 if name == "read_out.W" else p for name, p in start(1, dataset).items()},
            dataset,
            replace(SETTINGS, epochs=1, batch_size=40, lr=1e6),
        )


def test_a_batch_larger_than_the_data_is_refused():
    dataset = data()
    with pytest.raises(SettingError, match=r"train\.batch_size=41: there are 40 training points"):
        run(start(1, dataset), dataset, replace(SETTINGS, batch_size=41))
