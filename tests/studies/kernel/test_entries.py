"""`kernel.nngp`, `kernel.ntk`: entries by weight matrices and autograd, and red where the physics is broken."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from resnet_limits.limits.kernel_recursion import FiniteDepthKernel
from resnet_limits.measurement.job import Job
from resnet_limits.networks.ntk import NtkNetwork, tangent_kernel
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.noise import noise
from resnet_limits.sampling.pieces import piece_size
from resnet_limits.studies.kernel.entries import claims
from resnet_limits.studies.kernel.entries import measure as entries
from resnet_limits.studies.kernel.kernels import finite_kernel
from resnet_limits.studies.kernel.problem import first_points, overlaps_after_read_in
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys
from tests.planting import plant, plant_method, resize, walk_in_python
from tests.studies.kernel.small import SMALL, repeated
from tests.studies.verdicts import measured, value, verdicts

DEPTHS = (16,)
NTK = ("kernel.ntk.mean", "kernel.ntk.autograd")
ACT = Isotropic.act


@pytest.mark.parametrize("activation", ["tanh", "swish", "relu"])
def test_every_claim_is_supported(activation: str):
    for claim, judgement in verdicts("entries", replace(SMALL, activation=activation, replicas=1024), DEPTHS).items():
        assert judgement.verdict == "supported", (claim, judgement.why)


@pytest.mark.parametrize(("read_in", "readout"), [(True, True), (False, True), (True, False)])
def test_every_term_is_counted_and_no_other(read_in: bool, readout: bool):
    settings = replace(SMALL, kernel=replace(SMALL.kernel, read_in=read_in, readout=readout))
    judged = verdicts("entries", settings, DEPTHS)
    for claim in NTK:
        assert judged[claim].verdict == "supported", judged[claim].why


@pytest.mark.parametrize("activation", ["tanh", "swish"])
def test_tangent_kernels_of_spans_are_those_of_full_matrices(activation: str):
    settings = Kernel(
        depth=3, width=8, replicas=8 * 3000, activation=activation, horizon=1.5, kernel=KernelKeys(inputs=3)
    )
    z, n = first_points(settings, 3), 3000
    spans = entries.ntk(settings, overlaps_after_read_in(z), 8)
    network = NtkNetwork(activation, 3, 8, 1.5, 1.0, 0.5)
    theta = network.initial(64, 1, Stream(1, "naive"), replicas=n, dtype=torch.float64)
    naive = tangent_kernel(network, theta, z)
    assert spans.shape == naive.shape == (n, 3, 3)
    for i in range(3):
        for j in range(i, 3):
            for power in (1, 2):
                a, b = spans[:, i, j] ** power, naive[:, i, j] ** power
                error = math.hypot(float(a.std()), float(b.std())) / math.sqrt(n)
                assert abs(float(a.mean() - b.mean())) < 5 * error, (i, j, power)


def test_entries_stand_beside_their_references():
    records = measured("entries", SMALL, DEPTHS)[16]
    for scheme in ("nngp", "ntk", "ntk-autograd"):
        for pair in ("0,0", "0,1", "0,2"):
            record = value(records, "entry", scheme=scheme, pair=pair)
            assert abs(record.value - record.reference) < 5 * record.stderr


def test_jobs_of_one_trained_depth_share_the_kernels_of_full_matrices():
    by_depth = measured("entries", SMALL, (8, 16))
    a, b = (value(records, "entries_ratio", scheme="ntk-autograd") for records in by_depth.values())
    assert (a.value, a.stderr) == (b.value, b.stderr)


# -- broken physics turns the claims red ----------------------------------------------------------


def test_weights_of_another_size_are_seen(monkeypatch):
    def wrong(self, vectors, biased, h, stream):
        return math.sqrt(1.2) * ACT(self, vectors, biased, h, stream)

    plant_method(monkeypatch, Isotropic, "act", wrong)
    assert verdicts("entries", SMALL, DEPTHS)["kernel.nngp.mean"].verdict == "refuted"


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_a_kernel_whose_weights_are_5_percent_off_is_seen(factor: float, monkeypatch):
    def wrong(settings, kind, depth):
        init = settings.init
        return finite_kernel(
            replace(settings, init=IidLaw(sigma_w=factor * init.sigma_w, sigma_b=init.sigma_b)), kind, depth
        )

    plant(monkeypatch, finite_kernel, wrong)
    judged = verdicts("entries", replace(SMALL, replicas=1024), DEPTHS)
    assert judged["kernel.nngp.mean"].verdict != "supported"
    assert judged["kernel.ntk.mean"].verdict != "supported"


def test_weights_backward_that_are_not_those_forward_change_nothing_but_their_absence_does(monkeypatch):
    plant_method(
        monkeypatch, Isotropic, "transposed", lambda self, costates, *arguments, **more: torch.zeros_like(costates)
    )
    assert verdicts("entries", SMALL, DEPTHS)["kernel.ntk.mean"].verdict == "refuted"


def test_a_recursion_that_forgets_the_earlier_layers_is_seen(monkeypatch):
    right = FiniteDepthKernel.of_overlaps

    def last_layers(self, overlaps, rows, columns):
        if self.kind == "nngp":
            return right(self, overlaps, rows, columns)
        return 0.5 * right(self, overlaps, rows, columns) + 0.5 * right(
            replace(self, kind="nngp"), overlaps, rows, columns
        )

    monkeypatch.setattr(FiniteDepthKernel, "of_overlaps", last_layers)
    judged = verdicts("entries", SMALL, DEPTHS)
    assert {judged[claim].verdict for claim in NTK} == {"refuted"}
    assert judged["kernel.nngp.mean"].verdict == "supported"


@pytest.mark.slow
def test_the_limit_in_depth_is_not_the_reference(monkeypatch):
    """At 2 layers the kernel of infinite depth is another by far more than the tolerance: the finite depth matters."""
    plant(monkeypatch, finite_kernel, lambda settings, kind, depth: finite_kernel(settings, kind, 512))
    resize(monkeypatch, claims, NETWORKS_WITH_FULL_MATRICES=8)
    judged = verdicts("entries", replace(SMALL, replicas=256), DEPTHS)
    assert judged["kernel.nngp.mean"].verdict == judged["kernel.ntk.mean"].verdict == "refuted"


def test_coordinates_that_repeat_have_no_order_in_width(monkeypatch):

    walk_in_python(monkeypatch)
    plant(monkeypatch, noise, repeated)
    plant(monkeypatch, entries.ntk, entries.nngp)
    assert verdicts("entries", SMALL, DEPTHS)["kernel.nngp.width"].verdict == "refuted"


@pytest.mark.slow
def test_only_the_pieces_of_replicas_are_in_memory(monkeypatch):
    settings = replace(SMALL, width=16, replicas=256)
    whole = entries.ntk(settings, overlaps_after_read_in(first_points(settings, 3)), 16)
    plant(monkeypatch, piece_size, lambda *arguments: 4)
    torch.testing.assert_close(entries.ntk(settings, overlaps_after_read_in(first_points(settings, 3)), 16), whole)
    assert entries.measure(Job(replace(settings, depth=2, replicas=16))).records
