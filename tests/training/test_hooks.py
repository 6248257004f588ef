"""Networks whose parameters are made from what is trained, and penalties: the same loop, nothing else changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.training.trained import TrainedParameters
from tests.training.test_loop import DEPTH, SETTINGS, WIDTH, data, run, start
from tests.training.test_resume import assert_same, everything


def identity(parameters):
    return dict(parameters)


def shared(parameters):
    """Layers that share their weights."""
    return {
        name: w.expand(-1, DEPTH, *w.shape[2:]) if name.startswith("trunk.") else w for name, w in parameters.items()
    }


def of_one_layer(parameters):
    return {name: w[:, :1].clone() if name.startswith("trunk.") else w for name, w in parameters.items()}


def size(parameters, points):
    return 0.3 * sum(w.flatten(1).square().sum(dim=1) for w in parameters.values()) + points.mean()


def test_hooks_that_do_nothing_leave_every_bit():
    dataset = data()
    plain = everything(run(start(2, dataset), dataset))
    assert_same(everything(run(start(2, dataset), dataset, parametrised=identity)), plain)


def test_a_penalty_is_added_to_the_loss_and_its_gradient():
    """That of |theta|^2 is the weight decay of torch, to rounding."""
    dataset = data()
    decayed = run(start(2, dataset), dataset, replace(SETTINGS, weight_decay=0.6))
    penalised = run(start(2, dataset), dataset, penalty=size)
    for name, w in decayed.parameters.items():
        torch.testing.assert_close(penalised.parameters[name], w, rtol=1e-9, atol=1e-12)
    first = size(start(2, dataset), dataset.x_train[:0].new_zeros(1))
    assert (penalised.losses[0] > decayed.losses[0] + 0.9 * first).all()


def test_shared_layers_move_with_the_sum_of_the_gradients_of_all():
    dataset = data()
    settings = replace(SETTINGS, epochs=1, batch_size=40)
    trained = run(of_one_layer(start(2, dataset)), dataset, settings, parametrised=shared)
    layers = shared(of_one_layer(start(2, dataset)))
    free = run({name: w.clone() for name, w in layers.items()}, dataset, settings)
    assert trained.parameters["trunk.W"].shape[1] == 1
    for name, w in free.parameters.items():
        moved = w - layers[name]
        moved = moved.sum(dim=1, keepdim=True) if name.startswith("trunk.") else moved
        torch.testing.assert_close(trained.parameters[name] - of_one_layer(layers)[name], moved, rtol=1e-9, atol=1e-12)


def test_a_read_in_that_is_not_trained_stays():
    dataset = data()
    parameters = start(2, dataset)
    fixed = {name: parameters.pop(name) for name in ("read_in.W", "read_in.b")}
    seen = []

    def with_read_in(trained):
        seen.append(set(trained))
        return {**trained, **fixed}

    trained = run(parameters, dataset, parametrised=with_read_in)
    assert set(trained.parameters) == seen[0] == set(parameters)
    assert len(trained.accuracies) == SETTINGS.epochs
    assert fixed["read_in.W"].shape == (2, WIDTH, 2)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("after", [1, 4])
def test_interrupted_it_goes_on_with_the_same_bits(after, tmp_path):
    dataset = data()

    def trained(folder=None, stop=0) -> TrainedParameters:
        done = 0

        def progress(fraction, message):
            nonlocal done
            done += 1
            if done == stop:
                raise Stopped

        checkpoints = None if folder is None else FolderCheckpoints(folder, lambda text: None)
        settings = replace(SETTINGS, optimizer="adam", lr=0.02, checkpoint_seconds=0.0)
        hooks = {"parametrised": shared, "penalty": size}
        parameters = of_one_layer(start(2, dataset))
        return run(parameters, dataset, settings, checkpoints=checkpoints, progress=progress, **hooks)

    undisturbed = everything(trained())
    with pytest.raises(Stopped):
        trained(tmp_path, after)
    assert_same(everything(trained(tmp_path)), undisturbed)
