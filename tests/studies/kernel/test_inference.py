"""`kernel.inference.*`: trained networks and posteriors against their kernel; red where the physics is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.claims.order import fit_order
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.inference import dense
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.networks import ntk
from resnet_limits.networks.residual import forward
from resnet_limits.random import Stream
from resnet_limits.studies.kernel.inference import claims
from resnet_limits.studies.kernel.inference import measure as inference
from resnet_limits.studies.kernel.kernels import finite_kernel
from resnet_limits.studies.kernel.problem import network_of, overlaps_after_read_in
from resnet_limits.training.ntk import descend_full_batch
from tests.planting import plant, resize
from tests.studies.kernel.small import SMALL
from tests.studies.verdicts import measured, value, verdicts

DEPTHS = (4,)
WEAK = ("kernel.inference.weak", "kernel.inference.variance")


@pytest.fixture(scope="module")
def right() -> dict:
    return verdicts("inference", SMALL, DEPTHS)


def test_every_claim_is_supported(right):
    for claim, judgement in right.items():
        assert judgement.verdict == "supported", (claim, judgement.why)


@pytest.mark.slow
def test_the_prediction_is_that_of_descent_with_the_matrix_of_the_kernel():
    settings = replace(SMALL, depth=4)
    regression_task = inference.task(settings)
    kernel = finite_kernel(settings, "ntk", 4)
    f, g = (
        torch.zeros_like(regression_task.y),
        torch.zeros(len(regression_task.new), regression_task.y.shape[1], dtype=torch.float64),
    )
    inside, across = kernel(regression_task.x, regression_task.x), kernel(regression_task.new, regression_task.x)
    rate = settings.kernel.rate / float(torch.linalg.eigvalsh(inside)[-1])
    for _ in range(settings.kernel.steps):
        f, g = f - rate * inside @ (f - regression_task.y), g - rate * across @ (f - regression_task.y)
    measurement = inference.measure(Job(settings))
    np.testing.assert_allclose(measurement.arrays["inference.predicted"], g[:, 0].numpy(), atol=1e-8)


@pytest.mark.slow
def test_networks_learn_and_are_those_of_the_settings():
    measurement = inference.measure(Job(replace(SMALL, depth=4)))
    learnt, predicted = (measurement.arrays[f"inference.{name}"] for name in ("learnt", "predicted"))
    assert learnt.shape == (16, len(predicted))
    assert np.corrcoef(learnt.mean(axis=0), predicted)[0, 1] > 0.95
    loss = measurement.arrays["inference.loss"]
    assert len(loss) == SMALL.kernel.steps
    assert loss[-1] < 0.6 * loss[0]
    np.testing.assert_array_equal(measurement.arrays["inference.distance.trained"][0], [16, 32, 64, 128])
    np.testing.assert_array_equal(measurement.arrays["inference.distance.mean"][0], [128, 256, 512, 1024, 2048])
    for width, networks in ((32, 32), (64, 32), (128, 16)):
        record = value(measurement.records, "accuracy.finite", width=width)
        assert record.replicas == networks
        assert record.value > 0.6


@pytest.mark.slow
def test_deeper_jobs_share_the_networks_and_nothing_depends_on_the_pieces(monkeypatch):
    shared = InMemory()
    settings = replace(SMALL, width=64, kernel=replace(SMALL.kernel, networks=4, steps=3))
    first, second = (repr(inference.measure(Job(replace(settings, depth=d), shared)).records) for d in (4, 32))
    assert first == second
    resize(monkeypatch, inference, BYTES_OF_ACTIVATIONS=1)
    torch.testing.assert_close(
        inference.measure(Job(replace(settings, depth=4))).arrays["inference.learnt"],
        inference.measure(Job(replace(settings, depth=4), shared)).arrays["inference.learnt"],
        rtol=1e-3,
        atol=1e-4,
    )


def test_states_sampled_from_gram_matrices_have_the_overlaps_of_full_matrices():
    settings = replace(SMALL, depth=3)
    regression_task, n = inference.task(settings), 400
    gram = overlaps_after_read_in(regression_task.x[:3])
    sampled = torch.cat([inference.overlaps_at(settings, gram, 3, 8, r) for r in range(n)])
    network = network_of(settings, 3, 8)
    theta = network.initial(64, 1, Stream(1, "naive"), replicas=n, dtype=torch.float64)
    x = network.states(theta, regression_task.x[:3], through=forward)
    naive = x @ x.mT / 8
    for i, j in ((0, 0), (0, 1), (1, 2)):
        for power in (1, 2):
            a, b = sampled[:, i, j] ** power, naive[:, i, j] ** power
            error = ((a.var() + b.var()) / n) ** 0.5
            assert abs(float(a.mean() - b.mean())) < 5 * float(error), (i, j, power)


def test_posteriors_are_those_of_dense_inference():
    settings = replace(SMALL, depth=4)
    regression_task, kernel = inference.task(settings), finite_kernel(settings, "nngp", 4)
    mean, variance = inference.conditioned(
        kernel(regression_task.x, regression_task.x)[None],
        kernel(regression_task.new, regression_task.x)[None],
        kernel.diagonal(regression_task.new)[None],
        regression_task.y,
        0.1,
    )
    exact = dense.posterior(kernel, regression_task.x, regression_task.y, ridge=0.1)
    torch.testing.assert_close(mean[0], exact.mean(regression_task.new), rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(variance[0], exact.variance(regression_task.new), rtol=1e-8, atol=1e-10)


@pytest.mark.slow
def test_regression_has_distances_and_no_accuracies():
    data = GaussianData(train_size=60, test_size=30)
    records = measured("inference", replace(SMALL, data=data), DEPTHS)[4]
    assert {r.observable for r in records} == {"inference_distance", "train_loss", "learnt_time"}


@pytest.mark.slow
def test_relu_networks_follow_their_kernel_too():
    judged = verdicts("inference", replace(SMALL, activation="relu"), DEPTHS)
    assert judged["kernel.inference.weak"].verdict == "supported", judged["kernel.inference.weak"].why
    assert judged["kernel.inference.trained"].measured is not None


def test_the_time_of_a_loss_is_the_number_of_steps_of_the_kernel():
    components, factors = torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([0.5, 0.9, 0.99]).double()
    loss = torch.stack([(components * factors ** (2 * t)).sum() for t in (3.0, 7.5, 20.0)])
    torch.testing.assert_close(
        inference.loss_times(loss, components, factors, 10), torch.tensor([3.0, 7.5, 20.0]).double()
    )


def test_distances_in_the_plane_do_not_refute_the_order_that_their_medians_have():
    (expected,) = (claim.expected for claim in claims.GROUP.claims if claim.id == "kernel.inference.trained")
    of_images, of_points = (expected.bend_at(replace(SMALL, data=data)) for data in (DigitsData(), MoonsData()))
    # As 256 and 128 networks on moons had them.
    mean_squares, medians = (0.0347, 0.0186, 0.0120, 0.0074), (0.0184, 0.0120, 0.0090, 0.0057)

    def interval(distances: tuple[float, ...], bend: float | None) -> tuple[float, float]:
        errors = [0.06 * distance for distance in distances]
        fit = fit_order((16, 32, 64, 128), distances, stderrs=errors, correction=expected.correction, bend=bend)
        return fit.low, fit.high

    low, high = interval(mean_squares, of_points)
    assert low < 0.5 < high
    assert interval(mean_squares, of_images)[0] > 0.5, "what holds of images is wrong here"
    low, high = interval(medians, of_images)
    assert low < 0.5 < high


def test_extrapolation_is_exact_in_one_over_the_width():
    value, stderr = inference.extrapolated_time({w: (1 / (2 + 8 / w), 0.001) for w in (128, 32, 64)})
    slow, slower = 2 + 8 / 128, 2 + 8 / 64
    assert (value, stderr) == (pytest.approx(0.5), pytest.approx(0.001 * (4 * slow**4 + slower**4) ** 0.5 / 4))


# -- broken physics turns the claims red ----------------------------------------------------------


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_another_training_time_is_seen(factor: float, monkeypatch):
    right = descend_full_batch
    resize(monkeypatch, claims, WEAKLY_TRAINED_NETWORKS=2)
    plant(
        monkeypatch,
        descend_full_batch,
        lambda *arguments, steps, **more: right(*arguments, steps=int(factor * steps), **more),
    )
    judged = verdicts("inference", SMALL, DEPTHS)
    assert judged["kernel.inference.time"].verdict == "refuted", judged["kernel.inference.time"].why


@pytest.mark.slow
def test_a_learning_rate_that_is_not_that_of_the_parametrisation_is_seen(monkeypatch):
    right = descend_full_batch
    plant(monkeypatch, descend_full_batch, lambda *arguments, rate, **more: right(*arguments, rate=rate / 20, **more))
    judged = verdicts("inference", SMALL, DEPTHS)
    assert judged["kernel.inference.trained"].verdict == "refuted"
    assert judged["kernel.inference.accuracy"].verdict == "refuted"


@pytest.mark.slow
def test_rates_of_another_parametrisation_are_seen(monkeypatch):
    """Read-ins that stand still and biases that learn 8 times as fast: the kernel is another, whatever the width."""
    right = ntk.NtkNetwork.gradients

    def wrong(self, *arguments, **more):
        loss, grads = right(self, *arguments, **more)
        return loss, {**grads, "A": 0 * grads["A"], "b": 8 * grads["b"]}

    monkeypatch.setattr(ntk.NtkNetwork, "gradients", wrong)
    assert verdicts("inference", SMALL, DEPTHS)["kernel.inference.trained"].verdict != "supported"


@pytest.mark.slow
def test_posteriors_from_other_points_are_seen(monkeypatch):
    right = inference.overlaps_at
    plant(monkeypatch, inference.overlaps_at, lambda s, gram, *arguments: right(s, gram.flip(0, 1), *arguments))
    judged = verdicts("inference", SMALL, DEPTHS)
    assert {judged[claim].verdict for claim in WEAK} == {"refuted"}
