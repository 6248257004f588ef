"""`hamiltonian.tracking.*`: networks with a loss along their path against closed forms.

    tracking_gap    |(J_L - J)/J, max_s |q_s - q(s T/L)| / max_j |q_j(0) - y_j||
    turnpike_rate   slope of -log |q - y| from .4 T to .6 T, by the rate, |q - y| -> 0
    horizon_gap     |J_L(T, nu) - J_L(1, nu/T)|, relative; the second by the network of the other groups

Every network is minimised from zero, at its own depth alone, and its minimum is certified.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ....errors import MeasurementError
from ....limits.hamiltonian.end_loss import Fixed
from ....limits.hamiltonian.tracking import TrackedPath, tracked_by_biases, tracked_point, turnpike_rate
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....training.branches import SolutionBranch
from ....training.continuation import Rung
from ....training.minimiser import Minimum, minimise
from ...certificate import of_the_minimiser
from ..exact.instances import LINE, POINT
from ..network import WeightDecayedNetwork
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..problem import Setup, setup
from .claims import (
    HORIZON_OF_BIASES,
    HORIZON_OF_UNIT,
    MAX_DEPTH_OF_HORIZON,
    PREFIX_OF_TRACKING_ARRAYS,
    RATES_OF_LONG_HORIZON,
)
from .network import TrackingNetwork, biases_alone

ERROR_OF_LONG_HORIZON = 1e-8
"""`exp(-2 rate T)`, and what quadratures leave."""
TRACKED_TIMES_SHARED = 8
"""Times that networks share whose depths are multiples of it."""
MIDDLE = (0.4, 0.5, 0.6)
"""Of the horizon: where the rate is measured, in two halves."""


def measure(job: Job) -> Measurement:
    measured = Measurement()
    for i, (instance, part) in enumerate(((POINT, _long_path), (LINE, _biases), (POINT, _horizon))):
        job.progress(i / 3, part.__name__.strip("_"))
        if instance.unfit(job.settings) is None:
            measured.extend(part(job, setup(instance.settings(job.settings))))
    return measured


def _long_path(job: Job, problem: Setup) -> Measurement:
    """One point over a long horizon: values and states, and the rate in the middle."""
    where = {"of": "tracking", **POINT.pins}
    activation = activation_named(job.settings.activation)
    (((q0,),), ((y,),)) = problem.q0.tolist(), problem.loss.y.tolist()

    def a(q: float) -> float:
        return float(activation(torch.tensor(q, dtype=torch.float64)))

    rate = turnpike_rate(a, y, problem.nu)
    features = lambda q: problem.kernel.at(q).root()  # noqa: E731
    network = _along(problem, features, RATES_OF_LONG_HORIZON / rate, job.settings.depth)
    minimum, certificate = _minimised(job, network, network.size, where)
    path = tracked_point(a, q0, y, problem.nu, _times(network))
    measured = _gap(network, minimum, path, where)
    measured.records += [*certificate, _rate(network, minimum, rate, where)]
    return measured


def _biases(job: Job, problem: Setup) -> Measurement:
    """Points of the line that biases alone move."""
    where = {"of": "biases", **LINE.pins}
    network = _along(problem, biases_alone, HORIZON_OF_BIASES * problem.nu**0.5, job.settings.depth)
    minimum, certificate = _minimised(job, network, network.size, where)
    q0, y = problem.q0.numpy(), problem.loss.y.numpy()
    path = tracked_by_biases(q0, y, problem.nu, network.horizon, _times(network))
    measured = _gap(network, minimum, path, where)
    measured.records += certificate
    return measured


def _horizon(job: Job, problem: Setup) -> Measurement:
    """A horizon with a loss at its end, and the horizon 1 with a weight that is smaller by it; of few layers."""
    if job.settings.depth > MAX_DEPTH_OF_HORIZON:
        return Measurement()
    where, depth = {"of": "horizon", **POINT.pins}, job.settings.depth
    features = lambda q: problem.kernel.at(q).root()  # noqa: E731
    long = TrackingNetwork(features, problem.q0, problem.nu, HORIZON_OF_UNIT, depth, at_end=problem.loss)
    unit = replace(problem, nu=problem.nu / HORIZON_OF_UNIT).network(depth)
    minimum, certificate = _minimised(job, long, long.size, where)
    other, of_other = _minimised(job, unit, long.size, {**where, "network": "of horizon 1"})
    gap = abs(minimum.value - other.value) / other.value
    record = Record("horizon_gap", gap, reference_error=RELATIVE_ROUNDING_OF_STATES, coordinates=where)
    return Measurement([*certificate, *of_other, record])


def _along(problem: Setup, features: Any, horizon: float, depth: int) -> TrackingNetwork:
    """The network whose loss is that of the problem, along the path."""
    if not isinstance(problem.loss, Fixed):
        raise MeasurementError("a loss along the path is one of the states themselves")
    return TrackingNetwork(features, problem.q0, problem.nu, horizon, depth, along=problem.loss)


def _minimised(
    job: Job, network: TrackingNetwork | WeightDecayedNetwork, size: int, where: Mapping[str, Any]
) -> tuple[Minimum, list[Record]]:
    """The minimum from zero, and what certifies it."""
    keys = job.settings.minimiser
    minimum = minimise(network, np.zeros(size), tolerance=keys.tolerance, iterations=keys.iterations)
    branch = SolutionBranch(0, [Rung(network.depth, minimum)])
    return minimum, of_the_minimiser([branch], lambda rungs, depth: rungs[-1].minimum.point, keys.tolerance, where)


def _times(network: TrackingNetwork) -> np.ndarray:
    return network.horizon * np.arange(network.depth + 1) / network.depth


def _states(network: TrackingNetwork, minimum: Minimum) -> np.ndarray:
    return torch.stack(network.states(torch.from_numpy(minimum.point))).numpy()


def _gap(network: TrackingNetwork, minimum: Minimum, path: TrackedPath, where: Mapping[str, Any]) -> Measurement:
    assert network.along is not None
    away = float((network.q0 - network.along.y).norm(dim=1).max())
    states = (_states(network, minimum) - path.states) / away
    value = (minimum.value - path.value) / path.value
    gap = math.hypot(value, float(np.linalg.norm(states, axis=2).max()))
    error = ERROR_OF_LONG_HORIZON + minimum.distance / away
    record = Record("tracking_gap", gap, reference=path.value, reference_error=error, coordinates=where)
    if network.depth % TRACKED_TIMES_SHARED:
        return Measurement([record])
    kept = states[[network.depth // part for part in (8, 4, 2, 1)], :, 0]
    off = np.vstack([np.full(kept.shape[1], value), kept])
    return Measurement([record], {f"{PREFIX_OF_TRACKING_ARRAYS[where['of']]}tracking_gap": off})


def _rate(network: TrackingNetwork, minimum: Minimum, rate: float, where: Mapping[str, Any]) -> Record:
    """In units of the expected one, at `q = y`: what two halves of the middle differ by goes like `|q - y|`, whose
    first power is extrapolated. The error: the second power, and `(rate h)^2 / 24` of the layers, which are a
    difference equation of second order there."""
    assert network.along is not None
    places = [round(share * network.depth) for share in MIDDLE]
    off = np.log(np.abs(_states(network, minimum)[places, 0, 0] - float(network.along.y)))
    first, second = (off[:-1] - off[1:]) / (network.step * rate * np.diff(places))
    fallen = math.exp((off[2] - off[0]) / 2)
    bent = float(second - first) / (1 - fallen)
    error = bent**2 + (network.step * rate) ** 2 / 24
    return Record("turnpike_rate", float(first) + bent, reference=rate, reference_error=error, coordinates=where)
