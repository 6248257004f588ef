"""Training: the loop is torch's own descent on each network, replicas are strangers, batches do not know the depth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from resnet_limits import settings as keys
from resnet_limits.data.dataset import Dataset, load
from resnet_limits.errors import MeasurementError, SettingError
from resnet_limits.networks.blocks import field
from resnet_limits.networks.classifier import initial
from resnet_limits.random import normals
from resnet_limits.settings import Train
from resnet_limits.training.loop import mini_batches, train

WIDTH, HIDDEN, DEPTH = 4, 6, 5
FIELD = field(keys.Two(hidden=HIDDEN), "tanh", WIDTH)
SETTINGS = Train(epochs=2, batch_size=16, lr=0.3)


def data() -> Dataset:
    return load(keys.Moons(train_size=40, test_size=20), seed=0)


def start(replicas: int, dataset: Dataset) -> dict[str, torch.Tensor]:
    trunk = {
        name: normals((DEPTH, *shape), replicas=replicas, seed=1, purpose=name) for name, shape in FIELD.shapes.items()
    }
    return initial(dataset.features, WIDTH, dataset.classes, trunk, replicas=replicas, seed=1)


def run(parameters: dict[str, torch.Tensor], dataset: Dataset, settings: Train = SETTINGS):
    return train(
        FIELD, parameters, dataset, settings, depth=DEPTH, h=1 / DEPTH, seed=3, progress=lambda fraction, message: None
    )


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


def test_each_replica_is_trained_as_torch_trains_one_network():
    dataset = data()
    parameters = start(3, dataset)
    plain = [PlainNetwork({name: p[r] for name, p in parameters.items()}) for r in range(3)]
    trained = run(parameters, dataset)
    for r, network in enumerate(plain):
        layers = [*network.inner.parameters(), *network.outer.parameters()]
        others = [*network.read_in.parameters(), *network.read_out.parameters()]
        optimiser = torch.optim.SGD([{"params": layers, "lr": SETTINGS.lr * DEPTH}, {"params": others}], lr=SETTINGS.lr)
        losses = []
        for epoch in range(SETTINGS.epochs):
            for batch in mini_batches(40, SETTINGS.batch_size, epoch, seed=3):
                loss = nn.functional.cross_entropy(network(dataset.x_train[batch]), dataset.y_train[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.detach())
        assert torch.allclose(torch.stack(trained.losses)[:, r], torch.stack(losses), rtol=1e-10)
        final = torch.stack([parameter for name, parameter in network.inner.named_parameters() if "weight" in name])
        assert torch.allclose(trained.parameters["trunk.W"][r], final, rtol=1e-9, atol=1e-12)


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


def test_a_batch_larger_than_the_data_is_refused():
    dataset = data()
    with pytest.raises(SettingError, match=r"train\.batch_size=41: there are 40 training points"):
        run(start(1, dataset), dataset, replace(SETTINGS, batch_size=41))
