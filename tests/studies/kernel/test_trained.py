"""`kernel.trained.*`: networks trained on mini-batches are those of the parametrisation, learn, and are compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.measurement.job import FinishedJob, Job
from resnet_limits.measurement.record import Record
from resnet_limits.networks.classifier import logits
from resnet_limits.networks.ntk import NtkNetwork
from resnet_limits.networks.parametrisation import NTK
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS
from resnet_limits.studies.kernel.outside import sizes_of_law
from resnet_limits.studies.kernel.settings import Kernel, MiniBatchKeys
from resnet_limits.studies.kernel.trained import measure as trained
from resnet_limits.studies.kernel.trained.claims import WORDS_OF_OPTIMIZERS, WORDS_OF_TRAINED_LAYERS
from resnet_limits.studies.kernel.trained.compare import compare
from tests.planting import plant
from tests.studies.kernel.small import SMALL
from tests.studies.verdicts import measured, value, verdicts

BRIEFLY = MiniBatchKeys(width=16, epochs=5, batch_size=25, sgd=10.0, adam=0.05, networks=4)
SETTINGS = replace(SMALL, depth=4, kernel=replace(SMALL.kernel, mini_batch=BRIEFLY))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return measured("trained", SETTINGS, (4,))[4]


def test_the_network_at_the_start_is_that_of_the_tangent_kernel():
    settings = replace(SETTINGS, horizon=0.7)
    data = trained.points_of_mini_batches(settings).to("cpu", torch.float32)
    start = trained.drawn_parameters(settings, data)
    field = trained.field(trained.OneBlock(), "tanh", 16)
    ours = logits(
        field, STEPS["euler"], trained.sized(settings, start), data.x_test[:5], NTK.block_factor(4), through=forward
    )
    init = sizes_of_law(settings)
    network = NtkNetwork("tanh", 4, 16, 0.7, init.sigma_w, init.sigma_b)
    parameters = {"A": start["read_in.W"], "W": start["trunk.W"], "b": start["trunk.b"], "V": start["read_out.W"]}
    torch.testing.assert_close(
        ours, network.outputs(parameters, data.x_test[:5], through=forward), rtol=1e-4, atol=1e-4
    )


def test_all_learn_and_stand_beside_kernel_and_linear_classifier(records):
    linear, kernel = (value(records, f"accuracy.{name}").value for name in ("linear", "kernel"))
    assert abs(linear - kernel) < 0.02
    for optimizer in WORDS_OF_OPTIMIZERS:
        for layers in WORDS_OF_TRAINED_LAYERS:
            which = {"optimizer": optimizer, "layers": layers}
            accuracy = value(records, "accuracy.trained", **which)
            assert accuracy.replicas == 4
            assert accuracy.value > 0.75
            gain = value(records, "accuracy_gain", **which)
            assert gain.value == pytest.approx(accuracy.value - linear)


def test_fixed_layers_stay_and_trained_ones_move(monkeypatch):
    right, movements = trained.train, {}

    def kept(field, start, *arguments, **more):
        before = {name: w.clone() for name, w in start.items()}
        end = right(field, start, *arguments, **more)
        movements[len(start)] = {name: float((w - before[name]).detach().norm()) for name, w in end.parameters.items()}
        return end

    plant(monkeypatch, trained.train, kept)
    few = replace(SETTINGS, kernel=replace(SMALL.kernel, mini_batch=replace(BRIEFLY, epochs=1)))
    trained.measure(Job(few))
    assert set(movements[2]) == {"read_in.W", "read_out.W"}
    assert set(movements[4]) == {"read_in.W", "read_out.W", "trunk.W", "trunk.b"}
    assert min(min(norms.values()) for norms in movements.values()) > 0


def test_the_change_is_that_from_the_shallowest_to_the_deepest():
    def job(depth: int, accuracy: float) -> FinishedJob:
        which = {"optimizer": "sgd", "layers": "fixed"}
        record = Record("accuracy.trained", accuracy, 0.003 if depth == 8 else 0.004, coordinates=which, replicas=5)
        return FinishedJob(replace(SETTINGS, depth=depth), [record], {}.get)

    assert compare([job(8, 0.9)]) == []
    (change,) = compare([job(32, 0.93), job(8, 0.9), job(16, 0.5)])
    assert (change.depth, change.record.value) == (32, pytest.approx(0.03))
    assert change.record.stderr == pytest.approx(0.005)


def test_regression_has_no_accuracies_and_says_so():
    data = GaussianData(train_size=60, test_size=20)
    judged = verdicts("trained", replace(SETTINGS, data=data), (4,))
    assert "targets are no classes" in judged["kernel.trained.sgd"].why


def test_labels_that_are_shuffled_are_not_learnt(monkeypatch):
    right = trained.train

    def shuffled(field, start, data, *arguments, **more):
        return right(field, start, replace(data, y_train=data.y_train.roll(1)), *arguments, **more)

    plant(monkeypatch, trained.train, shuffled)
    judged = verdicts("trained", SETTINGS, (4,))
    assert judged["kernel.trained.sgd"].verdict == judged["kernel.trained.adam"].verdict == "refuted"


def test_the_default_is_digits_with_networks_of_their_own_width():
    assert Kernel().kernel.mini_batch.width == 64
