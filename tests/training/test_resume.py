"""Interrupted at any step, killed in the middle of an epoch: the result is the undisturbed one, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from resnet_limits.data.loading import load
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.classifier import initial_classifier
from resnet_limits.random import Stream, normals
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.settings.training import Train
from resnet_limits.training.loop import CURVES_BY_EPOCH, CURVES_BY_STEP, train
from resnet_limits.training.trained import TrainedParameters

pytestmark = pytest.mark.slow

WIDTH, DEPTH = 4, 10
SETTINGS = Train(epochs=3, batch_size=9, lr=0.3, checkpoint_seconds=0.0)  # 5 steps an epoch, the last of 4 points
EACH = {
    "sgd": SETTINGS,
    "sgd with momentum": replace(SETTINGS, lr=0.02, momentum=0.9, schedule="cosine"),
    "adam": replace(SETTINGS, optimizer="adam", lr=0.02),
    "adamw": replace(SETTINGS, optimizer="adamw", lr=0.02, weight_decay=0.1, memory=0.0),
}


class Interrupted(Exception):
    """Raised where a process would be killed."""


def trained(settings, folder=None, *, interrupted_after=None, pause=0.0, dtype=torch.float64) -> TrainedParameters:
    dataset = load(MoonsData(train_size=40, test_size=20), seed=0).to(torch.device("cpu"), dtype)
    f, replicas = field(TwoBlock(hidden=6), "gelu", WIDTH), 3
    trunk = {
        name: normals((DEPTH, *shape), Stream(1, name), replicas=replicas, dtype=dtype)
        for name, shape in f.shapes.items()
    }
    start = initial_classifier(dataset.features, WIDTH, dataset.classes, trunk, replicas=replicas, seed=1, dtype=dtype)
    done = 0

    def progress(fraction, message):
        nonlocal done
        done += 1
        time.sleep(pause)
        if done == interrupted_after:
            raise Interrupted

    checkpoints = None if folder is None else FolderCheckpoints(folder, lambda text: None)
    keywords = {"depth": DEPTH, "h": 1 / DEPTH, "seed": 3, "progress": progress, "checkpoints": checkpoints}
    return train(f, start, dataset, settings, **keywords)


def everything(result: TrainedParameters) -> dict[str, torch.Tensor]:
    """All that training returns, as plain tensors by name."""
    tensors = {f"parameter.{name}": p.detach().contiguous() for name, p in result.parameters.items()}
    for name in CURVES_BY_STEP:
        tensors[name] = torch.stack(getattr(result, name))
    for name in CURVES_BY_EPOCH:
        for step, value in getattr(result, name).items():
            tensors[f"{name}.{step}"] = value
    return tensors


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_interrupted_at_every_step_it_ends_with_the_same_bits(name, dtype, tmp_path):
    undisturbed = everything(trained(EACH[name], dtype=dtype))
    for after in range(1, 15):
        folder = tmp_path / str(after)
        with pytest.raises(Interrupted):
            trained(EACH[name], folder, interrupted_after=after, dtype=dtype)
        assert_same(everything(trained(EACH[name], folder, dtype=dtype)), undisturbed)


def test_interrupted_again_and_again_it_ends_with_the_same_bits(tmp_path):
    for _ in range(14):
        with pytest.raises(Interrupted):
            trained(EACH["adam"], tmp_path, interrupted_after=1)
        assert len(list(tmp_path.glob("*.safetensors"))) <= 2
    result = trained(EACH["adam"], tmp_path)
    assert_same(everything(result), everything(trained(EACH["adam"])))


def test_checkpoints_change_nothing_and_are_as_rare_as_asked(tmp_path):
    often, never = tmp_path / "often", tmp_path / "never"
    assert_same(everything(trained(SETTINGS, often)), everything(trained(SETTINGS)))
    assert len(list(often.glob("*.safetensors"))) == 2
    trained(replace(SETTINGS, checkpoint_seconds=3600.0), never)
    assert not never.exists()


def child(folder: Path, pause: float) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.training.test_resume", str(folder), str(pause)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_killed_in_the_middle_of_an_epoch_it_ends_with_the_same_bits(tmp_path):
    process = child(tmp_path, 0.2)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("checkpoint/*-000007-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "result.safetensors").exists()
    assert child(tmp_path, 0.0).wait(60) == 0
    assert_same(load_file(tmp_path / "result.safetensors"), everything(trained(EACH["sgd with momentum"])))


def main() -> None:
    torch.set_num_threads(1)
    folder, pause = Path(sys.argv[1]), float(sys.argv[2])
    result = trained(EACH["sgd with momentum"], folder / "checkpoint", pause=pause)
    save_file(everything(result), folder / "result.safetensors")


if __name__ == "__main__":
    main()
