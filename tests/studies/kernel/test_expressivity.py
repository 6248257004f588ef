"""`kernel.expressivity.*`: rank, the ridge identity and what is not linear; red where the physics is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.inference import dense
from resnet_limits.inference.iterative import Solution
from resnet_limits.inference.linear import linear_ridge
from resnet_limits.inference.targets import one_hot
from resnet_limits.limits.kernel import LimitKernel
from resnet_limits.measurement.job import Job
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.studies.kernel import kernels
from resnet_limits.studies.kernel.accuracy import measure as accuracy
from resnet_limits.studies.kernel.expressivity import measure as expressivity
from resnet_limits.studies.kernel.kernels import deep_kernel, finite_kernel
from resnet_limits.studies.kernel.problem import standardised_dataset
from tests.planting import plant, resize
from tests.studies.kernel.small import SMALL
from tests.studies.verdicts import measured, value, verdicts

DEPTHS = (16, 32, 64, 128)
RANK = "kernel.expressivity.rank"
REGRESSION = ("kernel.expressivity.regression.nngp", "kernel.expressivity.regression.ntk")


def test_every_claim_is_supported():
    for claim, judgement in verdicts("expressivity", SMALL, DEPTHS).items():
        assert judgement.verdict == "supported", (claim, judgement.why)
    for claim, judgement in verdicts("accuracy", SMALL, (16,)).items():
        assert judgement.verdict == "supported", (claim, judgement.why)


def test_the_rank_is_that_of_inputs_in_general_position():
    data = GaussianData(train_size=100, test_size=20, features=5)
    records = measured("expressivity", replace(SMALL, data=data, kernel=replace(SMALL.kernel, points=20)), (16,))[16]
    for scheme in ("nngp", "ntk"):
        rank = value(records, "rank", scheme=scheme)
        assert (rank.value, rank.reference) == (6, 6)


def test_with_fewer_points_than_features_the_rank_says_nothing():
    few = replace(SMALL.kernel, points=20, inputs=2)
    judged = verdicts("expressivity", replace(SMALL, data=replace(SMALL.data, train_size=60), kernel=few), (16,))
    assert judged[RANK].verdict == "inconclusive"
    assert "more training points than d_in + 1" in judged[RANK].why


def test_linear_ridge_regression_is_that_of_scikit_learn():
    data = standardised_dataset(SMALL)
    constant, slope = kernels.affine_kernel(SMALL, "nngp")
    y = torch.nn.functional.one_hot(data.y_train).double()
    ours = linear_ridge(constant, slope, data.x_train, y, data.x_test, 0.3)

    def columns(z: torch.Tensor) -> np.ndarray:
        return np.column_stack([np.full(len(z), constant**0.5), (slope / 64) ** 0.5 * z.numpy()])

    theirs = Ridge(0.3, fit_intercept=False).fit(columns(data.x_train), y.numpy()).predict(columns(data.x_test))
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-10)


def test_an_affine_kernel_is_fitted_and_a_bent_one_is_not():
    gram = torch.randn(20, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert expressivity.not_fitted(3 * gram + 2, gram) < 1e-14
    assert expressivity.not_fitted(gram.square(), gram) > 0.5


def test_accuracies_are_recorded_with_their_numbers_of_points():
    settings = replace(SMALL, kernel=replace(SMALL.kernel, deep_points=100))
    measurement = accuracy.measure(Job(replace(settings, depth=16)))
    records = measurement.records
    for name in ("nngp", "ntk", "ntk.time", "ntk.infinity", "linear_ridge"):
        record = value(records, f"accuracy.{name}", points=200)
        assert 0.5 < record.value < 1
        assert 0 < record.stderr < 0.02
    deep, shallow = value(records, "accuracy.deep", points=100), value(records, "accuracy.nngp", points=100)
    difference = value(records, "accuracy_difference", scheme="deep")
    assert difference.value == pytest.approx(deep.value - shallow.value)
    assert value(records, "accuracy.linear_ridge").value == value(records, "accuracy.nngp", points=200).value
    assert value(records, "linear_difference").value < 1
    assert measurement.arrays["accuracy"].shape == (3, 4)


def test_more_points_than_fit_in_memory_are_solved_iteratively_and_find_the_same(monkeypatch):
    settings = replace(SMALL, data=replace(SMALL.data, train_size=None), kernel=replace(SMALL.kernel, deep_points=400))
    job, data = Job(settings), standardised_dataset(settings)
    y = one_hot(data.y_train[:400], data.classes)
    exact = accuracy.deep_posterior(job, data, y)
    resize(monkeypatch, dense, MOST_POINTS_FACTORED=399)
    solution = accuracy.deep_posterior(job, data, y)
    assert isinstance(solution, Solution)
    torch.testing.assert_close(solution.mean(data.x_test), exact.mean(data.x_test), rtol=0, atol=2e-3)


def test_regression_has_no_accuracies_and_says_so():
    data = GaussianData(train_size=50, test_size=20)
    settings = replace(SMALL, data=data, kernel=replace(SMALL.kernel, points=20))
    judged = verdicts("accuracy", settings, (16,))
    assert "targets are no classes" in judged["kernel.expressivity.deep"].why
    assert verdicts("expressivity", settings, DEPTHS)["kernel.expressivity.ridge"].verdict == "supported"


# -- broken physics turns the claims red ----------------------------------------------------------


def bent(amount: float):
    """A kernel that is not affine, by an amount."""
    right = LimitKernel.of_overlaps

    def of_overlaps(self, overlaps, rows, columns):
        return right(self, overlaps, rows, columns) + amount * overlaps.square()

    return of_overlaps


def test_a_kernel_that_is_not_affine_is_seen_by_rank_and_ridge(monkeypatch):
    monkeypatch.setattr(LimitKernel, "of_overlaps", bent(1e-9))
    judged = verdicts("expressivity", SMALL, (16,))
    assert {judged[claim].verdict for claim in (RANK, "kernel.expressivity.ridge")} == {"refuted"}


@pytest.mark.parametrize(("name", "factor"), [("slope", 1 + 1e-6), ("constant", 1.1)])
def test_another_size_of_the_limit_is_seen_by_the_ridge_identity_and_the_accuracies(
    name: str, factor: float, monkeypatch
):
    right = LimitKernel.__dict__[name].func
    monkeypatch.setattr(LimitKernel, name, property(lambda self: factor * right(self)))
    assert verdicts("expressivity", SMALL, (16,))["kernel.expressivity.ridge"].verdict == "refuted"
    assert verdicts("accuracy", SMALL, (16,))["kernel.inference.linear"].verdict == "refuted"


@pytest.mark.parametrize("sizes", [IidLaw(), IidLaw(sigma_w=0.0), IidLaw(sigma_b=0.0)], ids=str)
@pytest.mark.parametrize(("read_in", "readout"), [(True, True), (False, True), (True, False)])
def test_the_closed_forms_are_those_of_the_kernel(sizes: IidLaw, read_in: bool, readout: bool):
    settings = replace(SMALL, horizon=1.3, init=sizes, kernel=replace(SMALL.kernel, read_in=read_in, readout=readout))
    for kind in ("nngp", "ntk"):
        kernel = kernels.limit_kernel(settings, kind, 1.0)
        assert kernels.affine_kernel(settings, kind) == pytest.approx((kernel.constant, kernel.slope), rel=1e-12)


@pytest.mark.parametrize("horizon", [0.003, 0.1, 3.0])
def test_the_deep_kernel_is_judged_at_a_horizon_of_its_own(horizon: float):
    judgement = verdicts("expressivity", replace(SMALL, horizon=horizon), (16,))["kernel.expressivity.nonlinear"]
    assert judgement.verdict == "supported", judgement.why


def test_a_part_that_does_not_vanish_with_depth_is_seen(monkeypatch):
    plant(monkeypatch, finite_kernel, lambda settings, kind, depth: finite_kernel(settings, kind, 16))
    assert verdicts("expressivity", SMALL, DEPTHS)["kernel.expressivity.depth"].verdict == "refuted"


@pytest.mark.parametrize("which", ["constant", "slope"])
def test_constants_of_linear_regression_that_are_2_percent_off_are_seen(which: str, monkeypatch):
    right = kernels.affine_kernel

    def wrong(settings, kind):
        constant, slope = right(settings, kind)
        return (1.02 * constant, slope) if which == "constant" else (constant, 1.02 * slope)

    plant(monkeypatch, kernels.affine_kernel, wrong)
    judged = verdicts("expressivity", SMALL, DEPTHS)
    assert "supported" not in {judged[claim].verdict for claim in REGRESSION}


def test_a_deep_kernel_that_is_linear_is_seen_and_is_no_better(monkeypatch):
    def linear(settings, z, tolerance, dtype):
        return kernels.finite_kernel(replace(settings, activation="identity"), "nngp", 4)

    plant(monkeypatch, deep_kernel, linear)
    assert verdicts("expressivity", SMALL, (16,))["kernel.expressivity.nonlinear"].verdict != "supported"
    assert verdicts("accuracy", SMALL, (16,))["kernel.expressivity.deep"].verdict == "refuted"


def test_features_of_another_kernel_are_seen_by_the_accuracies(monkeypatch):
    monkeypatch.setattr(LimitKernel, "features", lambda self, z: z.double()[:, :20] / 3)
    assert verdicts("accuracy", SMALL, (16,))["kernel.inference.linear"].verdict == "refuted"


# -- settings -------------------------------------------------------------------------------------


def test_swish_has_a_kernel_that_depends_on_norms_too():
    judged = verdicts("expressivity", replace(SMALL, activation="swish"), (16,))
    for claim in (RANK, "kernel.expressivity.ridge"):
        assert judged[claim].verdict == "inconclusive"
        assert "norms of the inputs" in judged[claim].why
    assert judged["kernel.expressivity.nonlinear"].verdict == "supported"
    shorter = replace(SMALL, activation="swish", horizon=0.2)  # some test points are large
    assert verdicts("accuracy", shorter, (16,))["kernel.expressivity.deep"].measured is not None


def test_without_a_limit_the_deep_block_goes_on():
    judged = verdicts("expressivity", replace(SMALL, activation="relu"), (16,))
    assert "no phi'(0)" in judged[RANK].why
    assert judged["kernel.expressivity.nonlinear"].verdict == "supported"
    records = measured("accuracy", replace(SMALL, activation="relu"), (16,))[16]
    assert [r.observable for r in records] == ["accuracy.deep"]


def test_zero_weights_are_a_reason():
    judged = verdicts("expressivity", replace(SMALL, init=IidLaw(sigma_w=0.0, sigma_b=0.0)), (16,))
    assert judged["kernel.expressivity.ridge"].verdict == "supported"
    assert "all weights are zero" in judged["kernel.expressivity.depth"].why
