"""`flow.energy`: the order of least energies, and that trained networks' own paths are judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.diffeomorphisms.energy import speeds
from resnet_limits.settings.training import Train
from resnet_limits.studies.flow.settings import Flow, FlowKeys
from tests.planting import plant
from tests.studies.verdicts import measured, value, verdicts

SMALL = Flow(
    flow=FlowKeys(points=16, trained_depth=4),
    data=SpiralsData(train_size=100, test_size=40),
    train=Train(epochs=2, batch_size=50, optimizer="adam", lr=0.04, replicas=3),
)
DEPTHS = (8, 16, 32, 64)


@pytest.fixture(scope="module")
def of_no_network() -> Flow:
    """Points without labels: networks are not trained, geodesics are there."""
    return replace(SMALL, data=GaussianData(train_size=100), flow=replace(SMALL.flow, inputs=8))


def test_least_energies_tend_to_those_of_geodesics(of_no_network: Flow):
    assert verdicts("energy", of_no_network, DEPTHS)["flow.energy.geodesic"].verdict == "supported"


def test_euclidean_speeds_are_refuted(of_no_network: Flow, monkeypatch: pytest.MonkeyPatch):
    def euclidean(path, length):
        return (len(path) - 1) * path.diff(dim=0).flatten(2).norm(dim=2)

    plant(monkeypatch, speeds, euclidean)
    assert verdicts("energy", of_no_network, DEPTHS)["flow.energy.geodesic"].verdict == "refuted"


def test_trained_networks_take_no_less_than_the_least_energy():
    (records,) = measured("energy", SMALL, (4,)).values()
    for control in ("none", "factor", "spectral", "h1"):
        excess = value(records, "energy_excess", control=control, weights="free")
        assert excess.value >= 0
        assert excess.replicas == 3
        assert value(records, "energy_unevenness", control=control, weights="free").value >= 0


def test_what_did_not_learn_is_not_judged_and_easier_data_lie_outside():
    untaught = verdicts("energy", SMALL, (4,))["flow.energy.trained"]
    assert untaught.verdict == "inconclusive"
    assert "they did not learn what takes folds" in untaught.why
    easy = verdicts("energy", replace(SMALL, width=3), (4,))["flow.energy.trained"]
    assert easy.verdict == "inconclusive"
    assert "with more room" in easy.why
