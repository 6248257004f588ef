"""Training of residual networks: stochastic gradient descent, replicas side by side, readable from top to bottom.

    theta <- theta - eta r g        g = dJ/dtheta, r of each kind of parameter as its parametrisation says

(`networks/parametrisation.py`; for the neural ODE r = L on the layer weights under sgd, and 1 on all else). Adam and
AdamW alike, with momentum, decay and a schedule.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from ..data.dataset import Dataset
from ..engines import default_engine
from ..errors import MeasurementError, SettingError
from ..measurement.checkpoints import Checkpoints, NoCheckpoints, State
from ..measurement.sink import NoSink, Sink
from ..networks.classifier import TRUNK, accuracy, kinds_of_parameters, logits, trunk_of
from ..networks.parametrisation import ODE, Parametrisation, Scales
from ..networks.residual import layer_first
from ..networks.steps import STEPS
from ..networks.steps.step import Step
from ..networks.vector_field import VectorField
from ..random import permutation
from ..settings.training import Stopping, Train
from . import observables
from .loss_of_replicas import loss
from .shown import Shown
from .stopping import EarlyStopping
from .trained import Parameters, TrainedParameters

Parametrised = Callable[[Parameters], Parameters]
"""What is trained -> the parameters of the network, named as in `networks.classifier`; it can be differentiated."""
Penalty = Callable[[Parameters, Tensor], Tensor]
"""The parameters of the network and the points of a mini-batch (n, features) -> a penalty (r,), added to the loss."""
POINTS_EVALUATED_A_PIECE = 2048
"""Points that are evaluated at a time. A constant, so that no machine changes a bit of the scores."""


def train(
    vector_field: VectorField,
    start: Parameters,
    dataset: Dataset,
    settings: Train,
    *,
    depth: int,
    h: float,
    seed: int,
    progress: Callable[[float, str], None],
    parametrisation: Parametrisation = ODE,
    step: Step = STEPS["euler"],
    checkpoints: Checkpoints | None = None,
    explosion: Literal["fail", "record"] = "fail",
    sink: Sink | None = None,
    parametrised: Parametrised | None = None,
    penalty: Penalty | None = None,
    stopping: Stopping | None = None,
) -> TrainedParameters:
    """Train the networks of all replicas, which see the same mini-batches.

    `start` holds `(r, ...)` parameters named as in `networks.classifier`; it may be changed in place. `h` is the
    factor on a block, `depth` the L of the `parametrisation`, which says how rates depend on it (those of the layers
    as train.lr_exponent says, where it does). Training goes on from the state in `checkpoints`, and what
    it returns is the same bit for bit with and without an interruption (on CPU, at equal threads). `sink` is shown
    what happens (`shown.py`).

    `parametrised` makes the parameters of the network from those that are trained, whose names in the trunk begin with
    `trunk.` too (layers that share weights, weights that are normalised, a read-in that stays as it is); `penalty` is
    added to the loss of each mini-batch. With `stopping` each network ends by its rule (`stopping.py`), one whose loss
    is not finite too, and what is returned are the weights that each ended with.

    Raises `SettingError` for a batch larger than the data, `MeasurementError` naming depth, step and learning rate
    where a loss is not finite, unless `explosion="record"` or there is a rule of `stopping`; `OutputError` where a
    checkpoint cannot be written.
    """
    points = len(dataset.x_train)
    if settings.batch_size > points:
        raise SettingError(f"train.batch_size={settings.batch_size}: there are {points} training points")
    checkpoints = checkpoints or NoCheckpoints()
    parameters = _leaves(start)
    scales = parametrisation.with_layer_rate(settings.lr_exponent).at(depth=depth, width=vector_field.width)
    optimiser = _optimiser(scales.groups(parameters, kinds_of_parameters(vector_field), settings), settings)
    trunk = default_engine().trunk(float(settings.memory))
    trained = TrainedParameters(parameters)
    shown = Shown(sink or NoSink())
    early = None if stopping is None else EarlyStopping(stopping, parameters)
    _restore(checkpoints.load(), trained, optimiser, early)
    per_epoch = _per_epoch(points, settings)
    steps = settings.epochs * per_epoch
    saved = time.monotonic()
    for epoch, batch, is_last in _remaining_batches(points, settings, seed=seed, done=len(trained.losses)):
        done = len(trained.losses)
        set_rates(optimiser, scheduled(settings, done / steps))
        for parameter in parameters.values():
            parameter.grad = None
        points_of_batch, targets = dataset.x_train.index_select(0, batch), dataset.y_train.index_select(0, batch)
        network = _network(parameters, parametrised)
        losses = loss(logits(vector_field, step, network, points_of_batch, h, through=trunk), targets)
        if penalty is not None:
            losses = losses + penalty(network, points_of_batch)
        if early is not None:
            early.see(losses, done)
        elif not all(map(math.isfinite, losses.tolist())):
            return _exploded(trained, f"the loss is {float(losses.detach().max())}", settings, scales, explosion)
        losses.backward(torch.ones_like(losses))  # replicas do not interact: each gets the gradient of its own loss
        optimiser.step()
        trained.losses.append(losses.detach())
        trained.gradient_norms.append(_gradient_norm(parameters, losses))
        if is_last:
            if early is not None:
                if early.after_epoch(torch.stack(trained.losses[-per_epoch:]), done + 1):
                    break
            elif not all(map(_is_finite, parameters.values())):
                return _exploded(trained, "a weight is not finite", settings, scales, explosion)
            _observe(trained, _network(parameters, parametrised), vector_field, step, dataset, h)
        shown.step(trained, is_last=is_last)
        due = checkpoints.wanted() or time.monotonic() - saved >= settings.checkpoint_seconds
        if due and done + 1 < steps:
            checkpoints.save(_state(trained, optimiser, early))
            saved = time.monotonic()
        progress((done + 1) / steps, _message(epoch, settings, trained))
    if early is not None:
        early.finish(len(trained.losses))
        trained.stopped_at, trained.ends = early.at, early.ends()
    return trained


def mini_batches(points: int, batch_size: int, epoch: int, *, seed: int) -> Iterator[Tensor]:
    """Indices of the mini-batches of one epoch: a random order, the same for every depth and replica.

    The last batch of an epoch is smaller where the batch size does not divide the number of points.
    """
    yield from permutation(points, seed=seed, purpose="mini-batches", index=epoch).split(batch_size)


def scheduled(settings: Train, time: float) -> float:
    """The factor on the learning rates when this fraction of the steps is done: 1, or `(1 + cos(pi t)) / 2`."""
    return 1.0 if settings.schedule == "constant" else (1 + math.cos(math.pi * time)) / 2


@torch.no_grad()
def evaluated(vector_field: VectorField, step: Step, parameters: Parameters, points: Tensor, h: float) -> Tensor:
    """The scores (r, n, outputs) of the points (n, features), a piece of them at a time."""
    through = default_engine().forward
    pieces = [
        logits(vector_field, step, parameters, piece, h, through=through)
        for piece in points.split(POINTS_EVALUATED_A_PIECE)
    ]
    return torch.cat(pieces, dim=1)


def _leaves(start: Mapping[str, Tensor]) -> Parameters:
    """The parameters as tensors to train; those of a layer lie together in memory, for all replicas."""
    trunk = {TRUNK + name: w for name, w in layer_first(trunk_of(start)).items()}
    return {name: trunk.get(name, w).detach().requires_grad_() for name, w in start.items()}


def _optimiser(groups: list[dict[str, Any]], settings: Train) -> Optimizer:
    if settings.optimizer == "sgd":
        return SGD(groups, momentum=settings.momentum, fused=True)
    return {"adam": Adam, "adamw": AdamW}[settings.optimizer](groups, fused=True)


def set_rates(optimiser: Optimizer, factor: float) -> None:
    """The rates of all groups: those before the schedule, `unscheduled`, times this factor."""
    for group in optimiser.param_groups:
        group["lr"] = factor * group["unscheduled"]


def _per_epoch(points: int, settings: Train) -> int:
    return -(-points // settings.batch_size)


def _remaining_batches(points: int, settings: Train, *, seed: int, done: int) -> Iterator[tuple[int, Tensor, bool]]:
    """`(epoch, batch, whether it is the last of its epoch)` after the steps that are done."""
    per_epoch = _per_epoch(points, settings)
    for epoch in range(done // per_epoch, settings.epochs):
        for i, batch in enumerate(mini_batches(points, settings.batch_size, epoch, seed=seed)):
            if epoch * per_epoch + i >= done:
                yield epoch, batch, i + 1 == per_epoch


def _gradient_norm(parameters: Parameters, losses: Tensor) -> Tensor:
    """That of the layers which are trained, (r,); 0 where all stay as they are."""
    gradients = {name: w.grad for name, w in trunk_of(parameters).items() if w.grad is not None}
    return observables.gradient_norm(gradients) if gradients else torch.zeros_like(losses.detach()).double()


def _is_finite(w: Tensor) -> bool:
    """Of all entries, without a temporary of their number."""
    return all(map(math.isfinite, torch.aminmax(w.detach())))


def _network(parameters: Parameters, parametrised: Parametrised | None) -> Parameters:
    return parameters if parametrised is None else parametrised(parameters)


@torch.no_grad()
def _observe(
    trained: TrainedParameters, network: Parameters, vector_field: VectorField, step: Step, dataset: Dataset, h: float
) -> None:
    """What is recorded after an epoch, of the network with these parameters."""
    done, weights = len(trained.losses), trunk_of(network)
    squares = observables.increments(weights)
    trained.roughness[done] = observables.roughness(squares)
    trained.largest_increment[done] = observables.largest_increment(squares, weights)
    if len(dataset.x_test):
        scores = evaluated(vector_field, step, network, dataset.x_test, h)
        trained.test_losses[done] = loss(scores, dataset.y_test)
        if dataset.is_classification:
            trained.accuracies[done] = accuracy(scores, dataset.y_test)


def _message(epoch: int, settings: Train, trained: TrainedParameters) -> str:
    text = f"training, epoch {epoch + 1} of {settings.epochs}, loss {float(trained.losses[-1].mean()):.3f}"
    if trained.accuracies:
        text += f", accuracy {float(next(reversed(trained.accuracies.values())).mean()):.3f}"
    return text


def _exploded(
    trained: TrainedParameters, what: str, settings: Train, scales: Scales, explosion: str
) -> TrainedParameters:
    done, rate = len(trained.losses), scales.rate("block_last", settings)
    if explosion == "record":
        trained.exploded_at = done
        return trained
    raise MeasurementError(
        f"{what} at depth {scales.depth}, step {done}, train.lr={settings.lr} (layers: {rate:g}); a smaller train.lr"
        " may train"
    )


# -- the state, for checkpoints --------------------------------------------------------------------

CURVES_BY_STEP = ("losses", "gradient_norms")
CURVES_BY_EPOCH = ("test_losses", "accuracies", "roughness", "largest_increment")
STOPPING = "stopping."


def _state(trained: TrainedParameters, optimiser: Optimizer, early: EarlyStopping | None) -> State:
    """All that training needs to go on: the generators' state is the position, the number of steps that are done."""
    arrays = {}
    for name, parameter in trained.parameters.items():
        arrays[f"parameter.{name}"] = parameter
        for key, value in optimiser.state[parameter].items():
            if isinstance(value, Tensor):
                arrays[f"optimiser.{key}.{name}"] = value
    for observable in CURVES_BY_STEP:
        arrays[observable] = torch.stack(getattr(trained, observable))
    steps: dict[str, list[int]] = {}
    for observable in CURVES_BY_EPOCH:
        if by_epoch := getattr(trained, observable):
            arrays[observable], steps[observable] = torch.stack(list(by_epoch.values())), list(by_epoch)
    if early is not None:
        arrays |= {f"{STOPPING}{name}": value for name, value in early.state().items()}
    arrays = {name: value.detach().cpu().numpy() for name, value in arrays.items()}
    return State(arrays, {"done": len(trained.losses), "steps": steps})


@torch.no_grad()
def _restore(
    state: State | None, trained: TrainedParameters, optimiser: Optimizer, early: EarlyStopping | None
) -> None:
    """Put a saved state back in place; nothing where there is none."""
    if state is None:
        return
    where = next(iter(trained.parameters.values())).device
    for name, parameter in trained.parameters.items():
        parameter.copy_(torch.tensor(state.arrays[f"parameter.{name}"]))
    for key, array in state.arrays.items():
        kind, _, rest = key.partition(".")
        if kind == "optimiser":
            key, _, name = rest.partition(".")
            parameter, value = trained.parameters[name], torch.tensor(array, device=where)
            # moments lie in memory like their parameter: the fused step of torch goes through both in one order
            of_entries = value.shape == parameter.shape
            optimiser.state[parameter][key] = torch.empty_like(parameter).copy_(value) if of_entries else value
    for observable in CURVES_BY_STEP:
        setattr(trained, observable, list(torch.tensor(state.arrays[observable], device=where)))
    for observable, steps in state.values["steps"].items():
        values = torch.tensor(state.arrays[observable], device=where)
        setattr(trained, observable, dict(zip(steps, values, strict=True)))
    if early is not None:
        mine = {name.removeprefix(STOPPING): a for name, a in state.arrays.items() if name.startswith(STOPPING)}
        early.restore(mine)
