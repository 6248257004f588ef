"""What the study `hamiltonian` refuses before it is run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.points import PointsData
from resnet_limits.errors import SettingError
from resnet_limits.settings.checks import check_values
from resnet_limits.studies import study as studies
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys

STUDY = studies.get("hamiltonian")
WINDOWS = HamiltonianKeys(kernel="equivariant", readout="linear")


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (Hamiltonian(data=DigitsData(), width=16, hamiltonian=HamiltonianKeys(loss="squared_hinge")), "two classes"),
        (
            Hamiltonian(data=ImageFolderData(), hamiltonian=HamiltonianKeys(loss="squared_hinge")),
            "may have any number",
        ),
        (Hamiltonian(data=GaussianData(), hamiltonian=HamiltonianKeys(loss="logistic")), "regression"),
        (Hamiltonian(data=GaussianData(), hamiltonian=HamiltonianKeys(loss="squared_hinge")), "regression"),
        (Hamiltonian(data=DigitsData(), width=4), "width >= 10"),
        (Hamiltonian(hamiltonian=HamiltonianKeys(loss="logistic", readout="ridge")), "square"),
        (Hamiltonian(hamiltonian=HamiltonianKeys(points=1001)), "1000 training points"),
        (Hamiltonian(hamiltonian=HamiltonianKeys(kernel="gaussian", bias=False)), "bias=false: .* does not heed it"),
        (Hamiltonian(hamiltonian=HamiltonianKeys(window=5)), "window=5: the kernel features .*kernel=equivariant, or"),
        (Hamiltonian(hamiltonian=HamiltonianKeys(length=0.5)), "length=0.5: .*kernel=gaussian or periodic, or"),
        (Hamiltonian(data=DigitsData(), width=64, hamiltonian=replace(WINDOWS, bias=False)), "bias=false: .* heed it"),
        (Hamiltonian(data=PointsData(x=[0.4], y=[2.0])), "1 training points here"),
        (Hamiltonian(data=PointsData(x=[0.4], y=[2.0, 1.0]), width=1), "2 scores"),
        (Hamiltonian(horizon=2.0), "horizon"),
        (Hamiltonian(dtype="float32"), "float64"),
        (
            Hamiltonian(data=MoonsData(), hamiltonian=HamiltonianKeys(kernel="gaussian", points=500)),
            "the kernel gaussian",
        ),
        (Hamiltonian(data=DigitsData(), width=65, hamiltonian=WINDOWS), "8 x 8 = 64 sites; choose width=64, or 128"),
        (Hamiltonian(data=DigitsData(), width=32, hamiltonian=WINDOWS), "choose width=64"),
        (Hamiltonian(data=DigitsData(), width=64, hamiltonian=replace(WINDOWS, window=4)), "window=4: .* odd"),
        (Hamiltonian(data=DigitsData(), width=64, hamiltonian=replace(WINDOWS, window=9)), "at most .* 8 x 8"),
        (Hamiltonian(data=DigitsData(), width=64, hamiltonian=replace(WINDOWS, readout="ridge")), "multiple of the"),
        (Hamiltonian(data=DigitsData(), width=64, hamiltonian=replace(WINDOWS, readout="pooled")), "width=640"),
        (Hamiltonian(hamiltonian=HamiltonianKeys(readout="pooled")), "hamiltonian.kernel=equivariant"),
    ],
)
def test_requests_that_cannot_be_run_are_refused_in_words(settings: Hamiltonian, word: str):
    with pytest.raises(SettingError, match=word):
        STUDY.check(settings)


@pytest.mark.parametrize("keys", [{"nu": 0.0}, {"nu": -1.0}, {"length": 0.0}, {"ridge": 0.0}, {"steps": 1}])
def test_keys_out_of_range_are_refused(keys: dict):
    with pytest.raises(SettingError, match=f"hamiltonian.{next(iter(keys))}: expected"):
        check_values(Hamiltonian(hamiltonian=HamiltonianKeys(**keys)))
