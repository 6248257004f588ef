"""Training of convolutional networks: sgd with momentum, replicas side by side, all on the same mini-batches.

    w <- w - eta m g        m weight sets in a stage: the gradient of each is O(1/m)
    w <- w - eta g          stem, transitions, read-out
    g = dJ/dw min(1, 1/|dJ/dw|)        the norm over all weights of a replica

The rates are those of `networks.parametrisation.CONVOLUTIONAL`; weights that all units share have m = 1. Gradients are
clipped because those of a convolution are sums over pixels: without, rates that suit 8x8 pixels diverge at 28x28. All
in the dtype of the parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim import SGD

from ..errors import MeasurementError, SettingError
from ..measurement.checkpoints import Checkpoints, NoCheckpoints, State
from ..networks.classifier import cross_entropy
from ..networks.convolutional import kind, logits_of_images
from ..networks.parametrisation import CONVOLUTIONAL
from ..settings.training import Train
from .loop import mini_batches, scheduled, set_rates

LARGEST_GRADIENT_NORM = 1.0
"""Norm to which the gradient of a replica is clipped."""
VELOCITY = "momentum_buffer"
"""Under which name torch's SGD keeps it."""
KEY_OF_RATE = "train.lr"
"""The key of the learning rate, where the caller does not say another."""


def train_convolutional(
    phi: str,
    start: dict[str, Tensor],
    images: Float[Tensor, "n colours height width"],
    labels: Int[Tensor, " n"],
    recipe: Train,
    *,
    units: int,
    horizon: float,
    seed: int,
    progress: Callable[[float, str], None],
    checkpoints: Checkpoints | None = None,
    key_of_rate: str = KEY_OF_RATE,
) -> dict[str, Tensor]:
    """The parameters after training from `start`, with so many units a stage.

    Of `recipe` epochs, batch size, rate, momentum, weight decay and schedule count. Training goes on from the state in
    `checkpoints`; what it returns is the same bit for bit with and without an interruption (on CPU, at equal threads).
    Raises `SettingError` for a batch larger than the data, `MeasurementError` naming the learning rate where a loss is
    not finite; `OutputError` where a checkpoint cannot be written.
    """
    points, size = len(images), recipe.batch_size
    if size > points:
        raise SettingError(f"{key_of_rate.rpartition('.')[0]}.batch_size={size}: there are {points} training images")
    checkpoints = checkpoints or NoCheckpoints()
    parameters = {name: w.detach().clone().requires_grad_() for name, w in start.items()}
    sets, channels = parameters["stage1.A"].shape[1:3]
    scales, kinds = CONVOLUTIONAL.at(depth=sets, width=channels), {name: kind(name) for name in parameters}
    optimiser = SGD(scales.groups(parameters, kinds, recipe), momentum=recipe.momentum)
    done = _restore(checkpoints.load(), parameters, optimiser)
    per_epoch = -(-points // size)
    steps, saved = recipe.epochs * per_epoch, time.monotonic()
    for epoch in range(done // per_epoch, recipe.epochs):
        for i, batch in enumerate(mini_batches(points, size, epoch, seed=seed)):
            if epoch * per_epoch + i < done:
                continue
            batch = batch.to(images.device)
            losses = cross_entropy(
                logits_of_images(phi, parameters, images[batch], units=units, horizon=horizon), labels[batch]
            )
            if not torch.isfinite(losses).all():
                raise MeasurementError(
                    f"the loss of a convolutional network of {units} unit(s) a stage is {float(losses.detach().max())}"
                    f" at step {done} of {steps}, {key_of_rate}={recipe.lr:g}; a smaller {key_of_rate} may train"
                )
            optimiser.zero_grad()
            losses.sum().backward()  # replicas do not interact
            _clip(parameters.values())
            set_rates(optimiser, scheduled(recipe, done / steps))
            optimiser.step()
            done += 1
            if done < steps and (checkpoints.wanted() or time.monotonic() - saved >= recipe.checkpoint_seconds):
                checkpoints.save(_state(parameters, optimiser, done))
                saved = time.monotonic()
            progress(done / steps, f"epoch {epoch + 1} of {recipe.epochs}, loss {float(losses.detach().mean()):.3f}")
    return {name: w.detach() for name, w in parameters.items()}


def _clip(parameters: Iterable[Tensor]) -> None:
    """Gradients of a replica to norm `LARGEST_GRADIENT_NORM` at most, its weights together; torch's own clips all."""
    gradients = [w.grad for w in parameters if w.grad is not None]
    norms = torch.stack([g.flatten(1).square().sum(dim=1) for g in gradients]).sum(dim=0).sqrt()
    shorter = (LARGEST_GRADIENT_NORM / norms).clamp(max=1)
    for gradient in gradients:
        gradient.mul_(shorter.view(-1, *(1,) * (gradient.ndim - 1)))


def _state(parameters: dict[str, Tensor], optimiser: SGD, done: int) -> State:
    arrays = {f"parameter.{name}": w.detach().cpu().numpy() for name, w in parameters.items()}
    velocities = {name: optimiser.state[w][VELOCITY] for name, w in parameters.items()}
    arrays |= {f"velocity.{name}": v.cpu().numpy() for name, v in velocities.items()}
    return State(arrays, {"done": done})


@torch.no_grad()
def _restore(state: State | None, parameters: dict[str, Tensor], optimiser: SGD) -> int:
    """Put a saved state back in place; the number of steps that are done."""
    if state is None:
        return 0
    for name, w in parameters.items():
        w.copy_(torch.tensor(state.arrays[f"parameter.{name}"]))
        optimiser.state[w][VELOCITY] = torch.tensor(state.arrays[f"velocity.{name}"]).to(w)
    return int(state.values["done"])
