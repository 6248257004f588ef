"""The least memory of a part: below what it takes, and above what there is for requests that cannot fit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.errors import SettingError
from resnet_limits.inference import dense, iterative
from resnet_limits.memory import Room, host_limit, host_room
from resnet_limits.sampling import pieces, span
from resnet_limits.settings.clusters.slurm import SlurmCluster
from resnet_limits.settings.keys import describe
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import least, room
from resnet_limits.studies import study as studies
from resnet_limits.studies.gamma.settings import Gamma
from resnet_limits.studies.hamiltonian.settings import Hamiltonian
from resnet_limits.studies.kernel.accuracy import claims as of_kernels
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from tests.planting import plant
from tests.studies.extremes import TINY, with_keys
from tests.studies.rooms import LARGE, QUICK, growth, only

GB = 10**9
WORKSTATION = Room(16 * GB, 32 * GB, "memory of this host")


@pytest.fixture
def workstation(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, host_limit, lambda: WORKSTATION)


# -- a lower bound --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", range(QUICK))
def test_no_part_takes_less_than_its_least(number: int):
    part, settings = LARGE[number]
    least = studies.get(settings.study).group(part).least(only(part, settings))
    assert 50e6 < least < growth(number)


@pytest.mark.long
@pytest.mark.parametrize("number", range(QUICK, len(LARGE)))
def test_no_part_takes_less_than_its_least_in_any_study(number: int):
    part, settings = LARGE[number]
    assert studies.get(settings.study).group(part).least(only(part, settings)) < growth(number)


@pytest.mark.parametrize("name", STUDIES)
def test_defaults_and_tiny_jobs_fit_into_any_machine(name: str):
    study = studies.get(name)
    default = STUDIES[name](study=name)
    for settings in (default, TINY.get(name, default), with_keys(default, {"depth": 1024})):
        assert max(group.least(settings) for group in study.groups) < GB


def test_what_the_estimates_say_of_other_modules_is_so():
    assert least.REPLICAS_SAMPLED_AT_LEAST <= pieces.REPLICAS_OF_SMALLEST_PIECE
    assert (of_kernels.POINTS_FACTORED, of_kernels.POINTS_OF_PRECONDITIONER) == (
        dense.MOST_POINTS_FACTORED,
        iterative.LANDMARKS_OF_PRECONDITIONER,
    )
    assert of_kernels.BYTES_OF_BLOCKS_KEPT <= iterative.MOST_BYTES_KEPT
    for vectors in (1, 2, 7, 100, 1000, 20_000):
        for width in (1, 8, 64, 1000, 19_999):
            settings = Sde(width=width, replicas=1)
            rows = least.bytes_of_samples(settings, vectors=vectors) / 8 / width - vectors
            assert rows == span.basis_size(vectors, width + 1)


# -- requests that cannot fit ---------------------------------------------------------------------

IMPOSSIBLE = {
    "width 20,000 with 500 inputs": (Sde(width=20_000, sde=SdeKeys(inputs=500)), "'strong' takes at least 1.. GB"),
    "the widest ode": (Ode(width=65_536), "'forward' takes at least .* GB"),
    "the widest gamma": (Gamma(width=65_536), "'inequalities' takes at least .* GB"),
    "the widest hamiltonian": (Hamiltonian(width=65_536), "'trained' takes at least .* GB"),
    "the widest kernel": (Kernel(width=65_536), "'entries' takes at least .* GB"),
    "the widest sde": (Sde(width=65_536), "'law' takes at least .* GB"),
    "most networks": (Sde(replicas=10**8), "'law' takes at least .* GB"),
    "most paths": (replace(Ode(depth=1024), ode=OdeKeys(paths=10**5)), "'forward' takes at least .* GB"),
}


@pytest.mark.usefixtures("workstation")
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_fit_is_refused_with_the_estimate_and_the_keys_that_help(name: str):
    settings, words = IMPOSSIBLE[name]
    with pytest.raises(SettingError, match=f"memory: {words} .*less is needed with a smaller ") as caught:
        room.check_room(studies.get(settings.study), replace(settings, device="cpu"))
    assert "there are 32.0 GB (memory of this host)" in str(caught.value)
    assert "\n" not in str(caught.value)


PIECE_BY_PIECE = {
    *("matrix_normal", "correlation", "functions", "explosion", "diagram", "drift", "moments", "rough"),
    *("expressivity", "energy", "meanfield", "sparsity"),  # of the points of the data set alone
    *("landmarks", "two_landmarks", "epdiff", "optimal", "exact", "tracking", "rem"),  # of pinned, or small, sizes
    *("limit", "relu", "ablation", "linear"),
}
"""Parts of which a few pieces of replicas are in memory at a time, whatever the keys."""


@pytest.mark.parametrize("name", STUDIES)
def test_all_sizes_at_their_largest_are_refused_for_every_part_that_grows(name: str, monkeypatch: pytest.MonkeyPatch):
    study, settings = studies.get(name), STUDIES[name](study=name, device="cpu")
    plant(monkeypatch, host_limit, lambda: Room(GB, 1.5 * GB, "memory of a small host"))
    for part in set(study.parts) - PIECE_BY_PIECE:
        keys = {e.key: e for e in describe(settings) if e.key in study.group(part).memory}
        largest = {
            key: int(entry.field.metadata["high"])
            for key, entry in keys.items()
            if entry.type is int and not key.startswith("data.")
        }
        if (deepest := study.group(part).depths.high) is not None:
            largest["depth"] = deepest
        asked = with_keys(settings, largest)
        if part == "accuracy":
            asked = replace(settings, data=MnistData(), kernel=KernelKeys(deep_points=20_000))
        with pytest.raises(SettingError, match=f"memory: '{part}'"):
            room.check_room(study, replace(asked, claims=list(study.parts[part])))


def test_sixty_thousand_deep_points_need_two_gigabytes(monkeypatch: pytest.MonkeyPatch):
    settings = Kernel(device="cpu", data=MnistData(), kernel=KernelKeys(deep_points=60_000))
    plant(monkeypatch, host_limit, lambda: Room(GB, GB, "memory of a small host"))
    with pytest.raises(
        SettingError, match=r"'accuracy' takes at least 1.6 GB .*smaller .*kernel.deep_points \(now 60000\)"
    ):
        room.check_room(studies.get("kernel"), settings)


# -- what there is --------------------------------------------------------------------------------


@pytest.mark.usefixtures("workstation")
def test_only_the_memory_that_is_known_counts():
    wide = Ode(width=65_536, device="cpu")
    assert room.what_there_is(wide, "cpu") == WORKSTATION
    assert room.what_there_is(wide, "cuda") is None
    assert room.what_there_is(replace(wide, cluster=SlurmCluster(memory=None)), "cpu") is None
    assert room.what_there_is(replace(wide, cluster=SlurmCluster(gpus=1)), "cpu") is None
    with pytest.raises(SettingError, match=r"there are 8.6 GB \(cluster.memory=8\)"):
        room.check_room(studies.get("ode"), replace(wide, cluster=SlurmCluster(memory=8)))
    room.check_room(studies.get("ode"), replace(wide, cluster=SlurmCluster(memory=10**6)))


@pytest.mark.usefixtures("workstation")
def test_a_part_that_is_not_asked_for_does_not_count():
    room.check_room(studies.get("ode"), Ode(width=65_536, device="cpu", claims=["ode.rough"]))


def test_the_answer_needs_no_torch():
    script = (
        "import sys; from resnet_limits.studies import room, study\n"
        "from resnet_limits.studies.ode.settings import Ode\n"
        "try: room.check_room(study.get('ode'), Ode(width=65536, device='cpu', depth=10**6))\n"
        "except Exception as error: print(type(error).__name__, 'torch' in sys.modules)"
    )
    assert host_room() is not None
    assert subprocess.check_output([sys.executable, "-c", script], text=True).split() == ["SettingError", "False"]
