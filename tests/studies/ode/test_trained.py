"""`ode.trained|trained_iid`: trained weight paths converge from a tied start, and not from an independent one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.claims.distance import at_common_times, sup_distance, sup_size
from resnet_limits.claims.richardson import richardson_limit
from resnet_limits.measurement.job import FinishedJob, Job
from resnet_limits.networks import residual
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.settings.training import Train
from resnet_limits.studies.ode.pairs import trained_weights
from resnet_limits.studies.ode.trained import measure as trained
from resnet_limits.studies.ode.trained_iid import measure as trained_iid
from tests.planting import plant
from tests.studies.ode.small import DEPTHS, SMALL, STUDY, finished, measured
from tests.studies.verdicts import verdict


def test_the_first_step_of_training_is_proportional_to_the_horizon():
    # from V = 0 the network is its read-in and read-out: dJ/dV is T/L times what no horizon changes
    moved = []
    for horizon in (1.0, 0.5):
        settings = replace(SMALL, depth=8, horizon=horizon, train=Train(epochs=1, batch_size=1400, replicas=2))
        moved.append(trained.measure(Job(settings)).arrays["trained.V"])
    assert np.abs(moved[0] - 2 * moved[1]).max() < 1e-12 * np.abs(moved[0]).max()


def compared(jobs: Sequence[FinishedJob]) -> dict[str, dict[int, float]]:
    """Value by observable and depth."""
    differences: dict[str, dict[int, float]] = {}
    for comparison in STUDY.compare(jobs):
        differences.setdefault(comparison.record.observable, {})[comparison.depth] = comparison.record.value
    return differences


def test_trained_weight_paths_converge_at_order_one_and_so_do_the_logits():
    errors = compared(finished(trained))
    for observable in ("weight_difference", "output_difference"):
        assert set(errors[observable]) == {8, 16, 32, 64}
        assert math.log2(errors[observable][32] / errors[observable][64]) == pytest.approx(1, abs=0.05)


@pytest.mark.slow
def test_the_richardson_limit_agrees_with_training_by_rk4_blocks():
    # An independent limit: blocks of order 4 in the state, weights frozen at midpoints, so of order 2 in the depth.
    from resnet_limits.networks.classifier import cross_entropy, initial_classifier, logits
    from resnet_limits.networks.steps import STEPS, frozen
    from resnet_limits.studies.ode.networks import data_of, drawn_trunk, two_matrix_field
    from resnet_limits.training.loop import mini_batches

    settings, depth = replace(SMALL, depth=32), 32
    dataset, replicas = data_of(settings), settings.train.replicas
    trunk = drawn_trunk(settings, TiedLaw(), settings.width, depth=depth, replicas=replicas, purpose="trained")
    parameters = initial_classifier(
        dataset.features, settings.width, dataset.classes, trunk, replicas=replicas, seed=settings.seed
    )
    for parameter in parameters.values():
        parameter.requires_grad_()
    vector_field, step = two_matrix_field(settings, settings.width), frozen(STEPS["rk4"], "midpoint")
    for batch in mini_batches(len(dataset.x_train), settings.train.batch_size, 0, seed=settings.seed):
        scores = logits(vector_field, step, parameters, dataset.x_train[batch], 1 / depth, through=residual.forward)
        loss = cross_entropy(scores, dataset.y_train[batch]).sum()
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        with torch.no_grad():
            for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
                parameter -= settings.train.lr * (depth if name.startswith("trunk.") else 1) * gradient

    jobs = finished(trained)
    paths = [at_common_times(trained_weights(job, "trained"), 8) for job in jobs]
    limit, difference = richardson_limit(paths)
    midpoints = np.concatenate(
        [parameters[f"trunk.{n}"].detach().numpy().reshape(replicas, depth, -1) for n in ("V", "W", "b")], axis=2
    )
    inner = np.arange(4, 32, 4)  # the times 1/8, ..., 7/8 lie between two midpoints each
    independent = (midpoints[:, inner - 1] + midpoints[:, inner]) / 2
    first_order = sup_distance(paths[-1][:, 1:], limit[:, 1:])
    assert sup_size(difference) < 0.02 * first_order
    assert sup_distance(independent, limit[:, 1:]) < 0.05 * first_order


def test_the_control_from_an_independent_start_does_not_converge():
    jobs = finished(trained_iid)
    apart = compared(jobs)["step_difference"]
    assert math.log2(apart[32] / apart[64]) == pytest.approx(0, abs=0.15)  # of a few entries
    increments = [r.value for job in jobs for r in job.records if r.observable == "movement_increment"]
    assert increments == pytest.approx([2**0.5] * len(DEPTHS), abs=0.1)  # as of independent layers


def test_what_training_adds_to_a_tied_start_is_smooth():
    jobs = finished(trained)
    increments = [r.value for job in jobs for r in job.records if r.observable == "movement_increment"]
    assert math.log2(increments[-2] / increments[-1]) == pytest.approx(1, abs=0.05)


def test_an_independent_start_would_not_pass_for_a_tied_one(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, TiedLaw, IidLaw, within="resnet_limits.studies")  # the planted fault
    jobs = measured(trained)
    increments = [r.value for _, m in jobs for r in m.records if r.observable == "largest_increment" and r.step is None]
    assert increments[-1] > 0.5 * increments[0]


def test_a_trained_network_is_at_distance_one_over_depth_of_the_ode_of_its_own_weights():
    errors = {s.depth: r for s, m in measured(trained) for r in m.records if r.observable == "interpolated_error"}
    assert math.log2(errors[64].value / errors[128].value) == pytest.approx(1, abs=0.05)
    assert errors[128].reference_error < 0.01 * errors[128].value


def test_interpolated_weights_are_read_where_rk4_reads_them():
    weights = torch.tensor([[[1.0], [3.0], [7.0]]], dtype=torch.float64)
    read = trained.weights_in_time(weights, 1)[0, :, 0].tolist()
    assert read == [1, 2, 3, 5, 7, 9, 11]
    assert trained.weights_in_time(weights[:, :1], 2).shape == (1, 5, 1)


def test_a_tied_start_of_size_zero_moves_nothing_and_breaks_nothing():
    settings = replace(SMALL, init=SmoothLaw(sigma_w=0.0, sigma_b=0.0))
    differences = compared(finished(trained, settings, depths=(4, 8, 16)))["weight_difference"]
    assert all(math.isnan(value) for value in differences.values())


def test_rates_that_freeze_the_layers_lie_outside_the_theorem():
    (claim,) = [c for c in STUDY.claims if c.id == "ode.trained"]
    assert "train.lr_exponent=0" in (claim.outside(replace(SMALL, train=Train(lr_exponent=0.0))) or "")
    assert claim.outside(replace(SMALL, train=Train(lr_exponent=1.0))) is None
    assert claim.outside(SMALL) is None


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "reason"), [(1e-9, "hardly moved the weights"), (1e5, "did not lower the loss")])
def test_networks_that_were_not_trained_give_no_verdict(rate: float, reason: str):
    settings = replace(SMALL, train=Train(epochs=1, replicas=2, lr=rate))
    for part, claim in ((trained, "ode.trained"), (trained_iid, "ode.trained_iid.increments")):
        judgement = verdict(claim, measured(part, settings))
        assert judgement.verdict == "inconclusive"
        assert reason in judgement.why
