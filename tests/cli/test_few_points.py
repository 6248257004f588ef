"""Sizes that a preset or a default asks for and data do not have: settled at planning, by who asks and which key."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from resnet_limits.errors import SettingError

plan = import_module("reslim_cli.hydra_bridge").plan
check_data = import_module("reslim_cli.train").check_data

IMAGES = 12
"""Training images, of two classes; half as many for testing."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A small folder of images."""
    root = tmp_path_factory.mktemp("data")
    stream = np.random.default_rng(0)
    for part, count in (("train", IMAGES), ("test", IMAGES // 2)):
        for i in range(count):
            folder = root / "few" / part / "ab"[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(stream.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return root


def planned(*overrides):
    """The jobs of a request that is checked as `reslim train` checks it."""
    jobs = plan(overrides).jobs
    check_data(jobs)
    return jobs


def on(root, *overrides):
    return (*overrides, "data=image_folder", f"data.root={root}", "data.folder=few", "data.size=8")


ASKED = {
    ("ode", "smoke"): "data=image_folder, by what suits it, asks for train.batch_size=64",
    ("ode", "full"): "the default asks for ode.inputs=16",
    ("sde", "smoke"): None,
    ("gamma", "smoke"): None,  # at most as many as there are
    ("gamma", "full"): None,
    ("hamiltonian", "smoke"): "preset=smoke asks for hamiltonian.points=40",
    ("hamiltonian", "nugget"): "the default asks for hamiltonian.points=100",
    ("hamiltonian", "full"): "the default asks for hamiltonian.points=100",
    ("kernel", "smoke"): "preset=smoke asks for data.train_size=300",
    ("kernel", "full"): "the default asks for kernel.points=200",
    ("kernel", "large"): "preset=large asks for kernel.points=2000",
    ("flow", "smoke"): "preset=smoke asks for flow.images.batch_size=50",
    ("flow", "large"): "preset=large asks for flow.images.batch_size=128",
}


@pytest.mark.parametrize(("study", "preset"), ASKED)
def test_a_small_folder_is_refused_by_who_asks_for_more_and_the_advice_serves(root, study, preset):
    request, asked = on(root, f"study={study}", f"preset={preset}"), []
    for _ in range(8):
        try:
            jobs = planned(*request, *asked)
            break
        except SettingError as error:
            message = str(error)
            if not asked:
                assert message.startswith(f"{ASKED[study, preset]}, and image_folder ({root / 'few'}) has {IMAGES} ")
            advice = re.search(rf"give ([\w.]+={IMAGES}) or fewer$", message)
            assert advice, message
            asked.append(advice[1])
    assert bool(asked) == (ASKED[study, preset] is not None)
    assert len(jobs) >= 1
    assert len({a.split("=")[0] for a in asked}) == len(asked)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("study=ode", "ode.inputs=13"), r"^ode.inputs=13: image_folder \(.*\) has 12 training points here"),
        (("study=ode", "data.train_size=13"), r"^data.train_size=13: .* has 12 training points here"),
        (("study=ode", "data.test_size=7"), r"^data.test_size=7: .* has 6 test points here"),
        (("study=gamma", "data.train_size=13"), r"^data.train_size=13: .* has 12 training points"),
        (("study=gamma", "data.train_size=1"), r"^data.train_size: 1 training point of .* is of one class; take more"),
        (("study=sde", "sde.inputs=13"), r"^sde.inputs=13: .* has 12 training points"),
        (("study=kernel", "kernel.points=4", "kernel.inputs=13"), r"^kernel.inputs=13: .* has 12"),
        (("figure=deformed_points",), r"^figure=deformed_points asks for hamiltonian.points=60, and .* has 12"),
        (("figure=implicit_regularisation", "ode.inputs=2"), r"^data=image_folder, by what suits it, asks for train"),
        (
            ("study=kernel", "kernel.points=4", "kernel.ridge=0", "data.size=1", "activation=identity"),
            r"^kernel.ridge=0: .* rank at most d_in \+ 1 = 4, and with 12 training points",
        ),
    ],
)
def test_what_users_ask_for_is_their_own(root, overrides, message):
    with pytest.raises(SettingError, match=message):
        planned(*on(root), *overrides)


def test_scores_of_more_classes_than_coordinates_are_refused(root, tmp_path):
    for part in ("train", "test"):
        for label in "abc":
            folder = tmp_path / "three" / part / label
            folder.mkdir(parents=True)
            Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(folder / "0.png")
    request = ("study=hamiltonian", "hamiltonian.points=2", "data=image_folder", "data.folder=three")
    with pytest.raises(SettingError, match=r"width=2: image_folder \(.*three\) has 3 scores"):
        planned(*request, f"data.root={tmp_path}")
    planned(*on(root, "study=hamiltonian", "hamiltonian.points=2"))  # two classes are one score


def test_other_data_than_folders_are_counted_too():
    with pytest.raises(SettingError, match=r"^the default asks for hamiltonian.points=100, and moons has 50 training"):
        planned("study=hamiltonian", "data.train_size=50")
    with pytest.raises(SettingError, match=r"^the default asks for train.batch_size=140, and digits has 100 training"):
        planned("data.train_size=100")
    with pytest.raises(SettingError, match=r"^data.train_size=1: |^data.train_size: 1 training point"):
        planned("study=gamma", "data.train_size=1")


def test_it_is_one_line_and_exit_code_2(root, in_process):
    answer = in_process("train", *on(root, "study=kernel", "preset=smoke"))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.strip().splitlines() == [
        f"reslim: preset=smoke asks for data.train_size=300, and image_folder ({root / 'few'}) has 12 training points"
        " here; give data.train_size=12 or fewer"
    ]
