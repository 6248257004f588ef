"""`flow.folding.trained`: networks trained with each control (`diffeomorphisms/controls.py`), free and shared weights.

accuracy          on the test points
fold_networks     share of the networks that fold space, fold_fraction  of block determinants
min_block_det, block_lipschitz, lipschitz_bound      least det D block, largest |h Dv|, and its bound by the weights
inverse_error     the blocks run backwards with -h, at points of the data

at=data: at training and test points, flow.points of each; at=all: also on a grid of the plane, where width is 2, as
folds may lie between points. All networks start near the identity, from i.i.d. weights whose outer matrix is smaller
by the depth, so that folds are what training makes. Points of the plane go in as they are; others through a read-in
that is trained. The depth is that of the job up to flow.trained_depth, and deeper jobs share the networks.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .... import device
from ....data.dataset import Dataset
from ....data.loading import load
from ....diffeomorphisms.controls import CONTROLS, Control, h1_norm, inverse_inconsistency, lipschitz_excess
from ....diffeomorphisms.deformation import Deformation, box, carried_back, deformed
from ....diffeomorphisms.inverse import NotInverted, invert
from ....diffeomorphisms.jacobians import block_determinants, increments_of, jacobians_at
from ....diffeomorphisms.lipschitz import lipschitz_bound, scaled_to_bound
from ....diffeomorphisms.squaring import nodes_of_grid
from ....engines import default_engine
from ....inference.linear import linear_classes
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.affine import affine
from ....networks.blocks import field
from ....networks.classifier import TRUNK, accuracy, initial_classifier, kinds_of_parameters, trunk_of
from ....networks.residual import reverse
from ....networks.steps import STEPS
from ....networks.vector_field import VectorField
from ....paths.draw import draw_path
from ....paths.laws.iid import IidLaw
from ....settings.content import chosen_keys
from ....training.loop import Parameters, Penalty, evaluated, train
from ..outside import unbounded
from ..problem import dtype_of_numbers
from ..settings import Flow
from .claims import (
    COLUMNS_OF_TRAINED,
    CONTROLS_PICTURED,
    CONTROLS_SHOWN,
    KINDS_OF_WEIGHTS,
    PINS_OF_TRAINED_FLOWS,
    UNPENALISED_CONTROL,
    untrained,
)

EULER = STEPS["euler"]
KEYS_OF_TRAINED_FLOWS = (
    *("seed", "width", "horizon", "activation", "block", "data", "dtype", "train"),
    *("flow.points", "flow.bound", "flow.lipschitz_penalty", "flow.inverse_penalty", "flow.h1_penalty"),
)
"""What a trained network depends on besides its depth and its control."""
CONTROLS_OF_THE_BOUND = ("spectral", "lipschitz")
"""Controls of the bound of Lip(h v) by the weights."""
NODES_A_SIDE = 31
"""Nodes a side of the grid on which folds are looked for."""
POINTS_FOLLOWED = 6
"""Test points whose way through a network is kept: as many as a path of least energy is found for in a second."""
POINTS_INVERTED = 32
"""Points whose way is inverted by fixed points."""
NODES_A_DRAWN_SIDE = 81
"""Nodes a side of the grids that are drawn."""
DRAWN_POINTS = 400
LAYERS_DRAWN = 5
"""Layers that are drawn, the first and the last among them."""

Solution = Mapping[str, np.ndarray]


def measure(job: Job) -> Measurement:
    """Records of each control, and the arrays of both figures."""
    settings: Flow = job.settings
    if untrained(settings):
        return Measurement()
    depth = min(settings.depth, settings.flow.trained_depth)
    measurement, table, solved = Measurement(), [], {}
    pairs = [(control, weights) for control in CONTROLS_SHOWN for weights in KINDS_OF_WEIGHTS]
    for i, (control, weights) in enumerate(pairs):
        if CONTROLS[control].added in CONTROLS_OF_THE_BOUND and unbounded(settings):
            table.append([math.nan] * len(COLUMNS_OF_TRAINED))
            continue

        def progress(fraction: float, message: str, i: int = i, name: str = f"{control}, {weights}") -> None:
            job.progress((i + fraction) / len(pairs), f"{name}: {message}")

        part = job.part(f"{control}.{weights}")
        part.progress = progress
        solution = trained_solution(part, control, weights, depth)
        coordinates = {"control": control, "weights": weights, "blocks": depth, **PINS_OF_TRAINED_FLOWS}
        records = _records(solution, settings, coordinates)
        measurement.records += records
        solved[control, weights] = solution
        if (without := solved.get((UNPENALISED_CONTROL.get(control, ""), weights))) is not None:
            measurement.records += _penalised(solution, without, coordinates)
        table.append(_column(records))
        measurement.arrays |= {
            f"trained.{name}": array for name, array in solution.items() if "." in name and "@" not in name
        }
    measurement.arrays["trained.table"] = np.array(table).T
    if any(name.endswith(".nodes") for name in measurement.arrays):
        data = load(settings.data, seed=settings.seed)
        measurement.arrays["trained.layers"] = np.array(_layers(depth))
        measurement.arrays["trained.labels"] = data.y_test[:DRAWN_POINTS].numpy()
    return measurement


def _layers(depth: int) -> list[int]:
    return [round(i * depth / (LAYERS_DRAWN - 1)) for i in range(LAYERS_DRAWN)]


# -- networks -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainedNetwork:
    """How parameters become a network of one control.

    `shared`: one weight set for all blocks. `identity`: the read-in is the identity, zeros behind, and not trained.
    """

    field: VectorField
    control: Control
    depth: int
    h: float
    bound: float
    width: int
    features: int
    shared: bool

    @property
    def identity(self) -> bool:
        return self.features <= self.width

    def parametrised(self, trained: Parameters) -> Parameters:
        """The parameters of the network, those of a trunk of `depth` weight sets, from those that are trained."""
        trunk = trunk_of(trained)
        if self.control.added == "spectral" and finite_networks(trunk):
            trunk = scaled_to_bound(self.field, trunk, self.bound / self.h)
        if self.shared:
            trunk = {name: w.expand(-1, self.depth, *w.shape[2:]) for name, w in trunk.items()}
        others = {name: w for name, w in trained.items() if not name.startswith(TRUNK)}
        if self.identity:
            like = trained["read_out.W"]
            eye = torch.eye(self.width, self.features, dtype=like.dtype, device=like.device)
            others["read_in.W"] = eye.expand(len(like), -1, -1)
            others["read_in.b"] = like.new_zeros(len(like), self.width)
        return {**others, **{TRUNK + name: w for name, w in trunk.items()}}

    def start(self, dataset: Dataset, settings: Flow) -> Parameters:
        """What is trained, at the start: i.i.d. weights, in the size that the control asks for."""
        replicas, dtype, its_device = settings.train.replicas, dataset.x_train.dtype, dataset.x_train.device
        path = draw_path(
            IidLaw(sigma_w=1.0, sigma_b=0.0),
            self.field.shapes,
            depth=self.depth,
            horizon=settings.horizon,
            replicas=replicas,
            seed=settings.seed,
            purpose="flow.trained",
            dtype=dtype,
            device=its_device,
        )
        drawn, parametrisation = path.at(EULER.times(self.depth, settings.horizon)), self.control.parametrisation
        trunk = parametrisation.at(depth=self.depth).start_of_blocks(drawn, trunk_of(kinds_of_parameters(self.field)))
        if self.shared:
            trunk = {name: w[:, :1] for name, w in trunk.items()}
        where = {"replicas": replicas, "seed": settings.seed, "dtype": dtype, "device": its_device}
        ends = {"parametrisation": parametrisation, **where}
        parameters = initial_classifier(self.features, self.width, dataset.outputs, trunk, **ends)
        if self.identity:
            del parameters["read_in.W"], parameters["read_in.b"]
        return parameters

    def excess(self, trunk: Mapping[str, Tensor]) -> Float[Tensor, " r"]:
        """`lipschitz_excess`, of weights that may have exploded."""
        if not finite_networks(trunk):
            return next(iter(trunk.values())).new_full((len(next(iter(trunk.values()))),), math.nan)
        return lipschitz_excess(self.field, trunk, self.h, self.bound)

    def penalty(self, settings: Flow) -> Penalty | None:
        """What is added to the loss, with its weight."""
        keys, f = settings.flow, self.field
        if self.control.added == "lipschitz":
            return lambda theta, x: keys.lipschitz_penalty * self.excess(trunk_of(theta))
        if self.control.added == "h1":
            return lambda theta, x: keys.h1_penalty * h1_norm(trunk_of(theta))
        if self.control.added == "inverse":
            ways = {name: default_engine().trunk(settings.train.memory) for name in ("there", "back")}
            return lambda theta, x: (
                keys.inverse_penalty * inverse_inconsistency(f, placed_in(theta, x), trunk_of(theta), self.h, **ways)
            )
        return None


def finite_networks(weights: Mapping[str, Tensor]) -> bool:
    """Weights that are not have no singular values; the loss says that training exploded."""
    return all(bool(torch.isfinite(w).all()) for w in weights.values())


def placed_in(parameters: Parameters, points: Float[Tensor, "n f"]) -> Float[Tensor, "r n d"]:
    """`x_0` of the points."""
    W, b = parameters["read_in.W"], parameters["read_in.b"]
    return affine(points.expand(W.shape[0], *points.shape), W, b)


def trained_network(settings: Flow, control: str, weights: str, depth: int, features: int) -> TrainedNetwork:
    chosen_control = CONTROLS[control]
    return TrainedNetwork(
        field(settings.block, settings.activation, settings.width),
        chosen_control,
        depth,
        chosen_control.parametrisation.block_factor(depth, settings.horizon),
        settings.flow.bound,
        settings.width,
        features,
        weights == "shared",
    )


# -- one control ----------------------------------------------------------------------------------


def trained_solution(job: Job, control: str, weights: str, depth: int) -> Solution:
    """What `judged` returns, once for all jobs and groups that ask for it."""
    return job.shared.solve(
        f"flow.folding.trained.{control}.{weights}",
        {**chosen_keys(job.settings, KEYS_OF_TRAINED_FLOWS), "trained_depth": depth},
        lambda: judged(job, control, weights, depth),
    )


def judged(job: Job, control: str, weights: str, depth: int) -> dict[str, np.ndarray]:
    """Each observable, one value a network (names with @: at which points), the ways of a few points
    (`path@followed`, (states, r, n, d)), and what is drawn."""
    settings: Flow = job.settings
    dataset = load(settings.data, seed=settings.seed).to(device.resolve(settings.device), dtype_of_numbers(settings))
    net = trained_network(settings, control, weights, depth, dataset.features)
    trained = train(
        net.field,
        net.start(dataset, settings),
        dataset,
        settings.train,
        depth=depth,
        h=net.h,
        seed=settings.seed,
        progress=lambda done, message: job.progress(0.9 * done, message),
        parametrisation=net.control.parametrisation,
        checkpoints=job.checkpoints,
        explosion="record",
        sink=job.sink,
        parametrised=net.parametrised,
        penalty=net.penalty(settings),
    )
    if trained.exploded_at is not None:
        return {"exploded_at": np.array([trained.exploded_at])}
    # What is judged is judged in float64, whatever the networks were trained in: so is the bound of the weights.
    parameters = net.parametrised({name: w.detach().double() for name, w in trained.parameters.items()})
    double = dataset.to(dataset.x_train.device, torch.float64)
    scores = evaluated(net.field, EULER, parameters, double.x_test, net.h)
    measured = {"accuracy": accuracy(scores, double.y_test)}
    measured["accuracy_gain"] = measured["accuracy"] - linear_accuracy(double)
    count = settings.flow.points
    x0 = placed_in(parameters, torch.cat([double.x_train[:count], double.x_test[:count]]))
    measured |= folds(net, trunk_of(parameters), x0)
    measured |= penalised(net, trunk_of(parameters))
    if net.control.added == "spectral":
        measured["exact_inverse_error"] = exact_inverse_error(net, trunk_of(parameters), x0[:, :POINTS_INVERTED])
    followed = placed_in(parameters, double.x_test[:POINTS_FOLLOWED])
    measured["path@followed"] = default_engine().states(net.field, EULER, followed, trunk_of(parameters), net.h)
    arrays = {name: value.detach().cpu().numpy() for name, value in measured.items()}
    if settings.width == 2 and weights == "free" and control in CONTROLS_PICTURED:
        job.progress(0.95, "the deformed plane")
        arrays |= pictured(net, control, parameters, double.x_test[:DRAWN_POINTS])
    return arrays


@torch.no_grad()
def folds(net: TrainedNetwork, trunk: Mapping[str, Tensor], x0: Float[Tensor, "r n d"]) -> dict[str, Tensor]:
    """One value a network of everything that is seen of its blocks, at the points and on a grid around them."""
    measured: dict[str, list[Tensor]] = {}
    low, high = box(x0) if net.width == 2 else (None, None)
    bounded = net.field.block.without_bound() is None and net.field.phi.without_bound() is None
    for r in range(len(x0)):  # one network at a time: its Jacobians stay in the cache
        weights = {name: w[r : r + 1].contiguous() for name, w in trunk.items()}
        x = x0[r : r + 1]
        back = reverse(net.field, EULER, default_engine().forward(net.field, EULER, x, weights, net.h), weights, net.h)
        values = {"inverse_error": (back - x).square().mean().sqrt()}
        if bounded:
            values["lipschitz_bound"] = (net.h * lipschitz_bound(net.field, weights)).max()
        if low is not None and high is not None:
            x = torch.cat([x, nodes_of_grid(low, high, NODES_A_SIDE - 1).reshape(1, -1, 2)], dim=1)
        trajectory = default_engine().states(net.field, EULER, x, weights, net.h)[:-1]
        increments = increments_of(jacobians_at(net.field, EULER, trajectory, weights, net.h))[:, 0]
        determinants, stretch = block_determinants(increments), torch.linalg.matrix_norm(increments, ord=2)
        for at, count in (("data", x0.shape[1]), ("all", x.shape[1])):
            det = determinants[:, :count]
            values[f"fold_fraction@{at}"] = (~(det > 0)).double().mean()
            values[f"fold_networks@{at}"] = (~(det > 0)).any().double()
            values[f"min_block_det@{at}"] = det.min()
            values[f"block_lipschitz@{at}"] = stretch[:, :count].max()
            values[f"points@{at}"] = torch.tensor(float(count))
        for name, value in values.items():
            measured.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in measured.items()}


@torch.no_grad()
def penalised(net: TrainedNetwork, trunk: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the penalties of the weights penalise, one value a network; what that of the inverse does is an error."""
    measured = {"h1_norm": h1_norm(trunk)}
    if net.field.block.without_bound() is None and net.field.phi.without_bound() is None:
        measured["lipschitz_excess"] = net.excess(trunk)
    return measured


def exact_inverse_error(net: TrainedNetwork, trunk: Mapping[str, Tensor], x0: Float[Tensor, "r n d"]) -> Tensor:
    """`|phi^-1(phi(x)) - x| / |x|` of each network, root mean squares, the blocks inverted by fixed points; nan where
    the iterations that the bound asks for do not reach it."""
    iterations = math.ceil(math.log(1e-14) / math.log(net.bound)) + 10
    y = default_engine().forward(net.field, EULER, x0, trunk, net.h)
    try:
        back = invert(net.field, EULER, y, trunk, net.h, iterations=iterations)[0]
    except NotInverted:
        return x0.new_full((len(x0),), math.nan)
    return ((back - x0).square().mean(dim=(1, 2)) / x0.square().mean(dim=(1, 2))).sqrt()


def linear_accuracy(data: Dataset) -> float:
    """That of least squares, affine in the points."""
    classes = linear_classes(data.x_train, data.y_train, data.classes, data.x_test)
    return float((classes == data.y_test.cpu()).double().mean())


def pictured(
    net: TrainedNetwork, control: str, parameters: Parameters, points: Float[Tensor, "n f"]
) -> dict[str, np.ndarray]:
    """The plane through the first network, and back; float32, which a picture shows no more than."""
    weights = {name: w[:1].detach() for name, w in trunk_of(parameters).items()}
    x = placed_in(parameters, points)[0].detach()
    chosen = {"side": NODES_A_DRAWN_SIDE, "layers": _layers(net.depth)}
    there = deformed(net.field, EULER, x, weights, net.h, **chosen)

    def arrays(of: str, what: Deformation) -> dict[str, np.ndarray]:
        return {f"{control}.{of}.{name}": array.float().cpu().numpy() for name, array in vars(what).items()}

    arrays_shown, exact = arrays("map", there), net.control.added == "spectral"
    with contextlib.suppress(NotInverted):  # the determinants say why; there is no inverse to draw
        back = carried_back(net.field, EULER, there.points[-1], weights, net.h, exact=exact, **chosen)
        arrays_shown |= arrays("inverse", back)
    return arrays_shown


# -- records --------------------------------------------------------------------------------------

OBSERVABLES_BY_MAXIMUM: tuple[str, ...] = ("block_lipschitz", "lipschitz_bound", "exact_inverse_error")
OBSERVABLES_BY_MINIMUM: tuple[str, ...] = ("min_block_det",)
PENALTY_BY_CONTROL = {"lipschitz": "lipschitz_excess", "inverse": "inverse_error", "h1": "h1_norm"}


def _records(solution: Solution, settings: Flow, coordinates: Mapping[str, object]) -> list[Record]:
    replicas = settings.train.replicas
    if "exploded_at" in solution:
        return [Record("exploded_at", float(solution["exploded_at"][0]), coordinates=coordinates, replicas=replicas)]
    records = []
    for name, values in solution.items():
        observable, _, at = name.partition("@")
        if observable in ("points", "path") or "." in name:
            continue
        where = {**coordinates, **({"at": at} if at else {})}
        extreme = (
            np.max if observable in OBSERVABLES_BY_MAXIMUM else np.min if observable in OBSERVABLES_BY_MINIMUM else None
        )
        if extreme is not None:
            value = float(extreme(values))
            rounding = 1e-12 * max(abs(value), 1e-2)
            records.append(Record(observable, value, reference_error=rounding, coordinates=where, replicas=replicas))
            continue
        stderr, reference_error = _mean_error(values), math.nan
        if observable == "fold_networks":
            p = (values.sum() + 1) / (len(values) + 2)  # not 0 where all fold, or none
            stderr = math.sqrt(p * (1 - p) / (len(values) + 3))
        if observable == "fold_fraction":
            # No fold on the ways of n points says that at most 3/n of such ways meet one, with 95 %.
            reference_error = 3 / float(solution[f"points@{at}"].sum())
        records.append(
            Record(
                observable,
                float(values.mean()),
                stderr=stderr,
                reference_error=reference_error,
                coordinates=where,
                replicas=replicas,
            )
        )
    if coordinates["control"] == "spectral":
        records += [_ratio(solution, settings, at, coordinates) for at in ("data", "all")]
    return records


def _ratio(solution: Solution, settings: Flow, at: str, coordinates: Mapping[str, object]) -> Record:
    """The least determinant over `(1 - bound)^D`; its error is that of a determinant in float64."""
    least, bound = float(solution[f"min_block_det@{at}"].min()), (1 - settings.flow.bound) ** settings.width
    return Record(
        "bound_ratio",
        least / bound,
        reference_error=1e-14 * settings.width / bound,
        coordinates={**coordinates, "at": at},
        replicas=settings.train.replicas,
    )


def _penalised(solution: Solution, without: Solution, coordinates: Mapping[str, object]) -> list[Record]:
    """The ratio of two means over networks from the same starts; its error by the delta method, paired."""
    name, power = PENALTY_BY_CONTROL[str(coordinates["control"])], 2 if coordinates["control"] == "inverse" else 1
    if name not in solution or name not in without:
        return []
    a, b = solution[name] ** power, without[name] ** power
    ratio = float(a.mean() / b.mean())
    error = _mean_error((a - ratio * b) / b.mean())
    return [Record("penalised_ratio", ratio, stderr=error, coordinates=coordinates, replicas=len(a))]


def _mean_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def _column(records: list[Record]) -> list[float]:
    """The column of the table: each of `COLUMNS_OF_TRAINED`, nan where there is none."""
    values = {r.observable: r.value for r in records if r.coordinates.get("at", "all") == "all"}
    values["accuracy_error"] = next((r.stderr for r in records if r.observable == "accuracy"), math.nan)
    return [values.get(name, math.nan) for name in COLUMNS_OF_TRAINED]
