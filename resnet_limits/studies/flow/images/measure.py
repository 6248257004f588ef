"""`flow.images`: convolutional networks of three stages on images, with weights that are shared or free in a stage.

    trained with n units of step h = T/n a stage; shared weights are the field v of a flow phi_v, and are run
    with n/2 (rounded up), 2n, 4n, 8n and 16n units of a step that is as much larger or smaller

Each network is trained once for all depths. The network of one unit a stage is the same with shared and with free
weights, and is trained once. On points that are no images the digits take their place (column data).

All in float32, whatever `dtype` says: training takes half the time, and changes of the logits are far above rounding
(those within ten times of it are left out of the order). On a GPU convolutions are not rounded to TF32.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .... import device
from ....claims.order import FEWEST_POINTS, fit_order
from ....data.dataset import Dataset
from ....data.loading import load
from ....diffeomorphisms.stages import (
    error_of_power_iteration,
    log_determinants,
    unit_increments,
    unit_stretches,
)
from ....errors import SettingError
from ....limits.flow import rounding_of_states
from ....limits.volume import volume_of_flow
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....networks.convolutional import (
    NUMBERS_OF_STAGES,
    Images,
    Maps,
    Parameters,
    count,
    initial_convolutional,
    logits_of_images,
    stage_inverse,
    stages,
)
from ....settings.content import chosen_keys
from ....settings.training import Train
from ....training.convolutional import train_convolutional
from ..problem import KINDS_OF_WEIGHTS
from ..request import image_data
from ..settings import Flow

MOMENTUM = 0.9
REFINEMENTS = (1, 2, 4, 8)
"""Units of a refined network over those that it was trained with; the change of its logits is that to twice as many."""
IMAGES_EVALUATED_A_PIECE = 256
"""Images that are evaluated at a time. A constant, so that no machine changes a bit of the logits."""
DTYPE_OF_TRAINING = torch.float32
IMAGES_FOLLOWED = 2
LARGEST_STATE = 512
"""Numbers of the largest state whose Jacobians are made: 8 channels of 8 x 8 pixels."""
ROUNDING_OF_STRETCH = 1e-12
"""Relative, of one that is the norm of a matrix."""
TOO_LARGE = (
    f"no stage has states of at most {LARGEST_STATE} numbers and units with |h Dv| below 1; take smaller images"
    " (data.size) or fewer channels"
)


def measure(job: Job) -> Measurement:
    """Accuracies, parameters, inverse errors, and the refinement of shared weights; the same at every depth."""
    settings: Flow = job.settings
    keys, records, moved, seen = settings.flow.images, [], [], []
    networks = [(n, weights) for n in sorted(keys.units) for weights in KINDS_OF_WEIGHTS]
    for i, (n, weights) in enumerate(networks):
        sets = n if weights == "free" else 1
        part = job.part(f"{n}-{sets}")

        def progress(fraction: float, message: str, i: int = i, n: int = n, weights: str = weights) -> None:
            job.progress((i + fraction) / len(networks), f"{n} unit(s) a stage, {weights} weights: {message}")

        part.progress = progress

        def compute(part: Job = part, n: int = n, sets: int = sets) -> dict[str, np.ndarray]:
            return trained_and_run(part, n, sets)

        solution = job.shared.solve("flow.images", {**key_of_training(settings), "units": n, "sets": sets}, compute)
        records += _records(settings, solution, n, weights)
        if weights == "shared":
            moved.append(_scaled_change(settings, solution, n))
            if n == max(keys.units):
                records += [*_order(settings, solution, n), *_volumes(settings, solution, n)]
        seen.append((n, solution))
    records += _units_of_stages(settings, seen)
    return Measurement([*records, max(moved, key=lambda record: record.value)])


KEYS_OF_IMAGE_NETWORKS = (
    *("seed", "horizon", "activation", "data", "flow.images.channels", "flow.images.points", "flow.images.epochs"),
    *("flow.images.batch_size", "flow.images.lr", "flow.images.replicas"),
)


def key_of_training(settings: Flow) -> dict[str, Any]:
    """What a trained network depends on besides its units."""
    return chosen_keys(replace(settings, data=image_data(settings)), KEYS_OF_IMAGE_NETWORKS)


def units_evaluated(n: int) -> list[int]:
    """With how many units a network with shared weights is run that was trained with n."""
    return sorted({(n + 1) // 2, *(n * factor for factor in REFINEMENTS), 2 * n * REFINEMENTS[-1]})


def units_refined(n: int) -> list[int]:
    """With how many units the volumes of a stage are compared with those of its flow: 2n, 4n, 8n, 16n."""
    return [2 * n * factor for factor in REFINEMENTS]


def images_of(x: Float[Tensor, "n features"], shape: tuple[int, int, int]) -> Float[Tensor, "n colours height width"]:
    return x.reshape(len(x), *shape)


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Convolutions of a GPU in float32 and not in TF32, of which the changes under refinement would be noise."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


def _data(settings: Flow) -> Dataset:
    data = load(image_data(settings), seed=settings.seed)
    if not len(data.x_test):
        raise SettingError(f"data: no test images of {data.name} are left; accuracies need some")
    return data.to(device.resolve(settings.device), DTYPE_OF_TRAINING)


def trained_and_run(job: Job, n: int, sets: int) -> dict[str, np.ndarray]:
    """Of one network: which test images it classifies, how its logits change when it is refined, inverse errors."""
    settings: Flow = job.settings
    keys, data, phi = settings.flow.images, _data(settings), settings.activation
    shape = image_data(settings).shape()
    assert shape is not None
    x, y = images_of(data.x_train[: keys.points], shape), data.y_train[: keys.points]
    x_test, y_test = images_of(data.x_test[: keys.points], shape), data.y_test[: keys.points]
    start = initial_convolutional(
        shape,
        keys.channels,
        data.classes,
        sets=sets,
        replicas=keys.replicas,
        seed=settings.seed,
        dtype=DTYPE_OF_TRAINING,
        device=x.device,
    )
    recipe = Train(
        epochs=keys.epochs,
        batch_size=keys.batch_size,
        lr=keys.lr,
        momentum=MOMENTUM,
        schedule="cosine",
        checkpoint_seconds=settings.train.checkpoint_seconds,
    )
    with full_precision():
        parameters = train_convolutional(
            phi,
            start,
            x,
            y,
            recipe,
            units=n,
            horizon=settings.horizon,
            seed=settings.seed,
            progress=lambda fraction, message: job.progress(0.7 * fraction, message),
            checkpoints=job.checkpoints,
            key_of_rate="flow.images.lr",
        )
        counts = units_evaluated(n) if sets == 1 else [n]
        scores = {}
        for m in counts:
            job.progress(0.7 + 0.3 * m / max(counts) / 2, f"run with {m}")
            scores[m] = scores_of(phi, parameters, x_test, units=m, horizon=settings.horizon)
        job.progress(0.9, "Jacobians of its units")
        refined = units_refined(n) if sets == 1 else []
        seen = seen_in_stages(phi, parameters, x_test, units=n, refined=refined, horizon=settings.horizon)
        inverse = inverse_errors(phi, parameters, x_test[:IMAGES_EVALUATED_A_PIECE], units=n, horizon=settings.horizon)
    solution = {"parameters": np.array([count(parameters)]), "inverse": inverse.cpu().numpy(), **seen}
    size = _rms(scores[max(counts)])
    for m in counts:
        solution[f"right.{m}"] = (scores[m].argmax(dim=2) == y_test).cpu().numpy()
        if 2 * m in scores:
            solution[f"gap.{m}"] = (_rms(scores[2 * m] - scores[m]) / size).cpu().numpy()
    return solution


def scores_of(
    phi: str, parameters: Parameters, images: Float[Tensor, "n colours height width"], *, units: int, horizon: float
) -> Float[Tensor, "r n classes"]:
    """The logits of a network with so many units a stage, a piece of the images at a time."""
    with torch.no_grad():
        pieces = [
            logits_of_images(phi, parameters, piece, units=units, horizon=horizon)
            for piece in images.split(IMAGES_EVALUATED_A_PIECE)
        ]
    return torch.cat(pieces, dim=1)


@torch.no_grad()
def inverse_errors(
    phi: str, parameters: Parameters, images: Float[Tensor, "n colours height width"], *, units: int, horizon: float
) -> Float[Tensor, "stages r"]:
    """`|phi_-v(phi_v(x)) - x| / |x|`, root mean squares over images, channels and pixels, of each stage and replica."""
    replicas, errors = len(parameters["stem.W"]), []
    for stage, (x, left) in zip(
        NUMBERS_OF_STAGES, stages(phi, parameters, images, units=units, horizon=horizon), strict=True
    ):
        back = stage_inverse(phi, parameters, stage, left, units=units, horizon=horizon)
        off, whole = ((z.unflatten(1, (replicas, -1)).transpose(0, 1)) for z in (back - x, x))
        errors.append(_rms(off) / _rms(whole))
    return torch.stack(errors)


@torch.no_grad()
def seen_in_stages(
    phi: str, parameters: Parameters, images: Images, *, units: int, refined: Sequence[int], horizon: float
) -> dict[str, np.ndarray]:
    """What the stages of a trained network do to states, of the first replica, at the first test images, in float64.

    stretch.S        largest |h Dv| of the units of stage S
    beyond.S         by how much it may be larger, relative to that
    determinant.S    least det(D unit)^(1/d), d the numbers of a state
    ratio.S          least det(D unit)^(1/d) / (1 - |h Dv|), over units and images with |h Dv| < 1
    volume.S.m       log det D phi with m units less int div v along the exact flow, at the first image, m of `refined`
    volume_error.S   error of that integral

    A state of more numbers than `LARGEST_STATE` has a Jacobian that is too large to be made: there, only the stretch,
    by power iteration. `refined` is empty where units do not share their weights.
    """
    one = {name: w[:1].double() for name, w in parameters.items()}
    entering = stages(phi, one, images[:IMAGES_FOLLOWED].double(), units=units, horizon=horizon)
    arrays = {}
    for stage, (x, _) in zip(NUMBERS_OF_STAGES, entering, strict=True):
        if x[0].numel() > LARGEST_STATE:
            stretch = unit_stretches(phi, one, stage, x, units=units, horizon=horizon)
            arrays[f"stretch.{stage}"] = stretch.max().cpu().numpy()
            arrays[f"beyond.{stage}"] = np.array(error_of_power_iteration(x[0].numel()))
            continue
        seen = _at_trained_units(phi, one, stage, x, units, horizon)
        arrays[f"beyond.{stage}"] = np.array(ROUNDING_OF_STRETCH)
        if refined:
            seen |= _refined(phi, one, stage, x[:1], refined, horizon)
        for name, values in seen.items():
            what, _, at = name.partition(".")
            arrays[f"{what}.{stage}" + (f".{at}" if at else "")] = values
    return arrays


def _at_trained_units(
    phi: str, parameters: Parameters, stage: int, x: Maps, units: int, horizon: float
) -> dict[str, np.ndarray]:
    increments = torch.stack(list(unit_increments(phi, parameters, stage, x, units=units, horizon=horizon)))
    stretch = torch.linalg.matrix_norm(increments, ord=2)
    determinant = (log_determinants(increments) / increments.shape[-1]).exp().nan_to_num(0.0)
    ratio = (determinant / (1 - stretch))[stretch < 1]
    seen = {"stretch": stretch.max(), "determinant": determinant.min()}
    if ratio.numel():
        seen["ratio"] = ratio.min()
    return {name: value.cpu().numpy() for name, value in seen.items()}


def _refined(
    phi: str, parameters: Parameters, stage: int, x: Maps, refined: Sequence[int], horizon: float
) -> dict[str, np.ndarray]:
    exact, error = volume_of_flow(phi, parameters, stage, x, horizon=horizon)
    seen = {"volume_error": np.array(error)}
    for m in refined:
        units = unit_increments(phi, parameters, stage, x, units=m, horizon=horizon)
        seen[f"volume.{m}"] = (sum(log_determinants(A) for A in units) - exact).cpu().numpy()
    return seen


def _rms(z: Tensor) -> Float[Tensor, " r"]:
    """Of each replica, in float64."""
    return z.double().flatten(1).square().mean(dim=1).sqrt()


def _records(settings: Flow, solution: dict[str, np.ndarray], n: int, weights: str) -> list[Record]:
    keys = settings.flow.images
    where = {"units": n, "weights": weights, "data": image_data(settings).name}
    records = [Record("images.parameters", float(solution["parameters"][0]), coordinates=where)]
    for name, values in solution.items():
        observable, _, at = name.partition(".")
        if observable == "right" and (weights == "shared" or int(at) == n) and int(at) <= REFINEMENTS[-1] * n:
            coordinates = {**where, "evaluated": int(at)}
            value, stderr = over_replicas(values.mean(axis=1))
            records.append(Record("images.accuracy", value, stderr, coordinates=coordinates, replicas=keys.replicas))
            if int(at) != n:
                value, stderr = difference_of_accuracies(values, solution[f"right.{n}"])
                records.append(
                    Record("images.accuracy_change", value, stderr, coordinates=coordinates, replicas=values.shape[1])
                )
        elif observable == "gap" and weights == "shared":
            value, stderr = over_replicas(values)
            coordinates = {**where, "evaluated": int(at)}
            records.append(
                Record("images.refinement_gap", value, stderr, coordinates=coordinates, replicas=keys.replicas)
            )
    for stage in NUMBERS_OF_STAGES:
        coordinates = {**where, "evaluated": n, "stage": stage}
        for name, observable in (("stretch", "images.unit_stretch"), ("determinant", "images.unit_determinant")):
            if (value := solution.get(f"{name}.{stage}")) is not None:
                records.append(Record(observable, value.item(), coordinates=coordinates, replicas=1))
    for stage, values in zip(NUMBERS_OF_STAGES, solution["inverse"], strict=True):
        value, stderr = over_replicas(values)
        coordinates = {**where, "evaluated": n, "stage": stage}
        records.append(Record("images.inverse_error", value, stderr, coordinates=coordinates, replicas=keys.replicas))
    return records


def _scaled_change(settings: Flow, solution: dict[str, np.ndarray], n: int) -> Record:
    """`n |accuracy change|` of a network with shared weights; the largest is judged."""
    finest = n * REFINEMENTS[-1]
    change, stderr = difference_of_accuracies(solution[f"right.{finest}"], solution[f"right.{n}"])
    return Record(
        "images.scaled_change",
        n * abs(change),
        n * stderr,
        coordinates={"units": n, "weights": "shared", "data": image_data(settings).name, "evaluated": finest},
        replicas=solution[f"right.{n}"].shape[1],
    )


def _order(settings: Flow, solution: dict[str, np.ndarray], n: int) -> list[Record]:
    """The order at which the logits of the network with most units converge under refinement."""
    where, records = {"units": n, "weights": "shared", "data": image_data(settings).name}, []
    counts = [n * factor for factor in REFINEMENTS]
    gaps = [float(np.sqrt(np.square(solution[f"gap.{m}"]).mean())) for m in counts]
    fit = fit_order(
        counts,
        gaps,
        reference_errors=[rounding_of_states("float32", 2 * len(NUMBERS_OF_STAGES) * m, 1.0) for m in counts],
    )
    if len(fit.x) >= FEWEST_POINTS:
        records.append(
            Record(
                "images.refinement_order",
                fit.order,
                reference_error=(fit.high - fit.low) / 2,
                coordinates=where,
                replicas=settings.flow.images.replicas,
            )
        )
    return records


def _volumes(settings: Flow, solution: dict[str, np.ndarray], n: int) -> list[Record]:
    """The order at which refined units change volumes as the flow of their field does: stages and images together."""
    where = {"units": n, "weights": "shared", "data": image_data(settings).name}
    measured = [stage for stage in NUMBERS_OF_STAGES if f"volume_error.{stage}" in solution]
    if not measured:
        return [unknown("images.volume_order", TOO_LARGE, where)]
    counts = units_refined(n)
    off = [np.stack([solution[f"volume.{stage}.{m}"] for stage in measured]) for m in counts]
    gaps = [float(np.sqrt(np.square(values).mean())) for values in off]
    error = max(solution[f"volume_error.{stage}"].item() for stage in measured)
    records = [
        Record("images.volume_gap", gap, reference_error=error, coordinates={**where, "evaluated": m}, replicas=1)
        for m, gap in zip(counts, gaps, strict=True)
    ]
    fit = fit_order(counts, gaps, reference_errors=[error] * len(counts))
    if len(fit.x) >= FEWEST_POINTS:
        half_width = (fit.high - fit.low) / 2
        records.append(
            Record("images.volume_order", fit.order, reference_error=half_width, coordinates=where, replicas=1)
        )
    return records


def _units_of_stages(settings: Flow, seen: list[tuple[int, dict[str, np.ndarray]]]) -> list[Record]:
    """The largest stretch of the units of the networks with most units, and the least ratio of a determinant to its
    bound, over all networks and stages."""
    where, most = {"data": image_data(settings).name}, max(n for n, _ in seen)

    def values(name: str, chosen: list[dict[str, np.ndarray]]) -> list[float]:
        return [s[f"{name}.{stage}"].item() for s in chosen for stage in NUMBERS_OF_STAGES if f"{name}.{stage}" in s]

    largest_networks = [solution for n, solution in seen if n == most]
    stretches, beyond = (values(name, largest_networks) for name in ("stretch", "beyond"))
    stretch = max(stretches)
    ratios = values("ratio", [solution for _, solution in seen])
    largest = Record(
        "images.largest_stretch",
        stretch,
        reference_error=max(s * (1 + error) for s, error in zip(stretches, beyond, strict=True)) - stretch,
        coordinates={**where, "units": most},
        replicas=1,
    )
    if not ratios:
        return [largest, unknown("images.determinant_ratio", TOO_LARGE, where)]
    least = min(ratios)
    return [
        largest,
        Record("images.determinant_ratio", least, reference_error=1e-12 * max(least, 1), coordinates=where, replicas=1),
    ]


def over_replicas(values: np.ndarray) -> tuple[float, float]:
    """Mean over replicas and its standard error, nan of a single one."""
    stderr = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return float(values.mean()), stderr


def difference_of_accuracies(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Mean difference of what two networks classify, (r, n) each, and its standard error over the n test images that
    both saw; at least that of one image in one replica."""
    off = (a.astype(float) - b.astype(float)).mean(axis=0)
    points = len(off)
    spread = float(off.std(ddof=1)) if points > 1 else math.inf
    return float(off.mean()), max(spread, 1 / (len(a) * math.sqrt(points))) / math.sqrt(points)
