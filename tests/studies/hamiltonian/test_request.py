"""What the study `hamiltonian` refuses before it is run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.points import PointsData
from resnet_limits.errors import SettingError
from resnet_limits.limits.hamiltonian.permutations import PermutationGroup
from resnet_limits.settings.checks import check_values
from resnet_limits.settings.content import content
from resnet_limits.studies import study as studies
from resnet_limits.studies.hamiltonian.problem import kernel_of, key_of_solution
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from tests.normals import normals

STUDY = studies.get("hamiltonian")
WINDOWS = HamiltonianKeys(kernel="equivariant", readout="linear")
TURNS = [[1, 2, 3, 0], [3, 2, 1, 0]]
"""Of a square, and its reflection, by what they do to its corners."""


def of_group(generators: list[list[int]], patch: list[int] | None = None, width: int = 4) -> Hamiltonian:
    return Hamiltonian(width=width, hamiltonian=replace(WINDOWS, generators=generators, patch=patch))


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
        (Hamiltonian(data=DigitsData(), width=64, hamiltonian=replace(WINDOWS, length=0.5)), "length=0.5: .* heed it"),
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
        (of_group([[1, 2, 3]]), r"hamiltonian.generators: \[1, 2, 3\] is no permutation; each of 0 to 2"),
        (of_group([[1, 2, 0], [1, 0]]), "hamiltonian.generators: they permute 2 and 3 sites"),
        (of_group([[1, 2, 3, 4, 5, 6, 7, 0], [1, 0, *range(2, 8)]], width=8), "more than 4096 elements"),
        (of_group(TURNS, [0, 4]), "sites 0 to 3, and 4 is none"),
        (of_group(TURNS, width=6), "channels of 4 sites; choose width=4, or 8"),
        (Hamiltonian(hamiltonian=replace(WINDOWS, patch=[0])), "hamiltonian.generators permute, and these are not"),
    ],
)
def test_requests_that_cannot_be_run_are_refused_in_words(settings: Hamiltonian, word: str):
    with pytest.raises(SettingError, match=word):
        STUDY.check(settings)


@pytest.mark.parametrize("keys", [{"nu": 0.0}, {"nu": -1.0}, {"length": 0.0}, {"ridge": 0.0}, {"steps": 1}])
def test_keys_out_of_range_are_refused(keys: dict):
    with pytest.raises(SettingError, match=f"hamiltonian.{next(iter(keys))}: expected"):
        check_values(Hamiltonian(hamiltonian=HamiltonianKeys(**keys)))


@pytest.mark.parametrize(
    ("generators", "word"),
    [
        ([], "one or more lists such as"),
        ([1, 2, 0], "one or more lists such as"),
        ([[1, 1, 0]], "one or more different integers"),
        ([[0.5, 1]], "a list of integers"),
        ([[1, -1, 0]], "at least 0"),
    ],
)
def test_generators_that_are_no_lists_of_different_sites_are_refused(generators: list, word: str):
    with pytest.raises(SettingError, match=f"hamiltonian.generators: expected {word}"):
        check_values(of_group(generators))


def test_a_group_of_generators_is_content_of_a_job_and_its_kernel_moves_with_its_elements():
    settings = of_group(TURNS, [0, 1], width=8)  # two channels of four sites; the points are padded
    check_values(settings)
    STUDY.check(settings)
    kernel, group = kernel_of(settings), PermutationGroup.generated_by(TURNS)
    x, y = normals(2, 8), normals(2, 8, seed=1)
    K = kernel.matrix(x[:1], y[:1])
    for g in range(group.order):
        assert torch.equal(kernel.field(group.moved(g, x), x, y), group.moved(g, kernel.field(x, x, y)))
        moved = kernel.matrix(group.moved(g, x[:1]), y[:1])
        torch.testing.assert_close(moved, group.moved(g, K.T).T)
    plain = replace(settings, hamiltonian=WINDOWS)
    assert "hamiltonian.generators" not in content(plain)
    assert content(settings)["hamiltonian.generators"] == TURNS
    assert key_of_solution(settings) != key_of_solution(replace(settings, hamiltonian=replace(WINDOWS, patch=[0])))
    assert Hamiltonian(hamiltonian=HamiltonianKeys(generators=((1, 0),))).hamiltonian.generators == [[1, 0]]  # pyright: ignore


def test_the_least_width_is_the_first_multiple_of_the_sites_that_holds_the_features():
    with pytest.raises(SettingError, match="channels of 3 sites; choose width=66, or 69"):
        STUDY.check(Hamiltonian(data=DigitsData(), width=64, hamiltonian=replace(WINDOWS, generators=[[1, 2, 0]])))
