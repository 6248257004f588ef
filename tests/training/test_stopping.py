"""Early stopping: each network ends by its rule with the weights that it had then, whatever the others do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from resnet_limits.data.dataset import Dataset
from resnet_limits.networks.parametrisation import UNSCALED
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.settings.training import Stopping, Train
from resnet_limits.studies.exponents.trained.network import ScaledBlocks
from resnet_limits.training.loop import train
from resnet_limits.training.trained import TrainedParameters

BLOCKS = ScaledBlocks(depth=4, width=3, activation="tanh", shared=True)
RECIPE = Train(epochs=12, batch_size=8, optimizer="adam", lr=0.03, checkpoint_seconds=0.0)


class Interrupted(Exception):
    """Raised where a process would be killed."""


def dataset() -> Dataset:
    x = torch.randn(24, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return Dataset("turned", x, x.roll(1, dims=1) * 0.7, x[:0], x[:0], 0)


def run(
    stopping: Stopping,
    *,
    replicas: int = 3,
    recipe: Train = RECIPE,
    far: int | None = None,
    checkpoints: FolderCheckpoints | None = None,
    interrupted_after: int | None = None,
) -> TrainedParameters:
    """Networks that start from different weights; `far` is the replica that starts beyond floating point."""
    start = BLOCKS.start(1.0, replicas=replicas, seed=0, dtype=torch.float64)
    start["trunk.W"] = start["trunk.W"] * torch.arange(1, replicas + 1).view(-1, 1, 1, 1) * 3
    if far is not None:
        start["trunk.V"][far] = 1e200
    steps = 0

    def progress(fraction: float, message: str) -> None:
        nonlocal steps
        steps += 1
        if steps == interrupted_after:
            raise Interrupted

    return train(
        BLOCKS.field,
        start,
        dataset(),
        recipe,
        depth=BLOCKS.depth,
        h=1.0,
        seed=5,
        progress=progress,
        parametrisation=UNSCALED,
        parametrised=BLOCKS.network,
        stopping=stopping,
        checkpoints=checkpoints,
    )


def epochs_of(trained: TrainedParameters) -> torch.Tensor:
    """The mean loss of each epoch, (epochs, r)."""
    return torch.stack(trained.losses).unflatten(0, (-1, 3)).mean(dim=1)


def middle_loss() -> float:
    """A loss that networks reach, and not all in the same epoch."""
    return float(epochs_of(run(Stopping(1e-9, 100)))[6].mean())


def test_each_network_stops_after_the_first_epoch_below_the_loss():
    rule = Stopping(middle_loss(), 100)
    trained = run(rule)
    below = epochs_of(run(Stopping(1e-9, 100))) < rule.loss
    expected = 3 * (below.int().argmax(dim=0) + 1)
    assert trained.ends == ["reached"] * 3
    assert trained.stopped_at is not None
    assert trained.stopped_at.tolist() == expected.tolist()
    assert len(set(expected.tolist())) > 1, "all stop in one epoch: the test shows nothing"


def test_it_keeps_the_weights_of_that_epoch():
    trained = run(Stopping(middle_loss(), 100))
    assert trained.stopped_at is not None
    for replica, steps in enumerate(trained.stopped_at.tolist()):
        alone = run(Stopping(1e-9, 100), recipe=replace(RECIPE, epochs=steps // 3))
        for name, w in trained.parameters.items():
            assert torch.equal(w[replica], alone.parameters[name][replica]), name


def test_one_that_gains_less_than_a_hundredth_is_stalled_after_its_patience():
    trained = run(Stopping(1e-9, 3), recipe=replace(RECIPE, epochs=400, lr=0.1))
    losses, best, stale = epochs_of(trained)[:, 0].tolist(), float("inf"), 0
    epochs = 0
    while stale < 3:
        loss, epochs = losses[epochs], epochs + 1
        best, stale = (loss, 0) if loss < 0.99 * best else (best, stale + 1)
    assert trained.ends[0] == "stalled"
    assert trained.stopped_at is not None
    assert int(trained.stopped_at[0]) == 3 * epochs


def test_without_a_stop_it_is_training_without_a_rule():
    trained = run(Stopping(1e-9, 100))
    assert trained.ends == ["last"] * 3
    assert trained.stopped_at is not None
    assert trained.stopped_at.tolist() == [36] * 3


def test_an_exploded_network_ends_alone():
    rule = Stopping(middle_loss(), 100)
    alone, beside = run(rule), run(rule, far=1)
    assert beside.ends == ["reached", "exploded", "reached"]
    assert beside.stopped_at is not None
    assert int(beside.stopped_at[1]) == 0
    for name, w in alone.parameters.items():
        assert torch.equal(w[0], beside.parameters[name][0]), name


@pytest.mark.parametrize("after", [1, 20, 23])
def test_interrupted_it_ends_the_same_bit_for_bit(tmp_path, after):
    rule = Stopping(middle_loss(), 100)
    undisturbed, checkpoints = run(rule), FolderCheckpoints(tmp_path, log=lambda message: None)
    with pytest.raises(Interrupted):
        run(rule, checkpoints=checkpoints, interrupted_after=after)
    again = run(rule, checkpoints=checkpoints)
    assert again.ends == undisturbed.ends
    for name, w in undisturbed.parameters.items():
        assert torch.equal(w, again.parameters[name]), name
    assert torch.equal(torch.stack(undisturbed.losses), torch.stack(again.losses))
