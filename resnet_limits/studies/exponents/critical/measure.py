"""`exponents.critical.*`: how far networks of three depths, on one path of weights, move their inputs, by beta.

Matrices are drawn once for all beta, blocks and activations of a law, in float32 (`layer_weights`). Layers of a
shallower network are those of the deeper one, m at a time: where weights are increments, or independent normals, their
sums over `m^H`; else every m-th. A pilot of a few networks on the grid from `exponents.lowest` to `exponents.highest`
says where the others are to look: changes are convex in beta, and grids are local.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ....limits.first_order import first_order_crossing
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.blocks import field
from ....networks.vector_field import VectorField
from ....paths.laws.law import Init
from ..networks import drawn_weights, log_changes, orthogonal_inputs
from ..settings import Exponents
from ..theory import index_of
from .claims import Network, searched_networks
from .search import depths_of_search, pilot_crossing, slopes_of_growth

STEP_OF_PILOT, STEP_OF_SEARCH = 0.1, 0.025
MARGIN_OF_SEARCH = 0.1
"""On both sides of what the pilot found."""
NETWORKS_OF_PILOT = 8

Weights = Mapping[str, Tensor]


def measure(job: Job) -> Measurement:
    """The changes of the setting's own networks, and of those that claims pin."""
    settings, measurement = replace(job.settings, dtype="float32"), Measurement()
    depths = depths_of_search(settings.depth)
    if len(depths) < 3:
        return measurement
    families: dict[str, list[Network]] = {}
    for network in searched_networks(settings):
        families.setdefault(network.family, []).append(network)
    for i, family in enumerate(families.values()):
        job.progress(i / len(families), f"networks {family[0].name}")
        of_family = replace(settings, init=family[0].init)
        for network, (betas, changes) in zip(family, _changes(of_family, family, depths), strict=True):
            arrays = {"betas": betas, "changes": changes, "depths": np.asarray(depths)}
            measurement.arrays |= {f"critical.{network.key}.{name}": array for name, array in arrays.items()}
            exact = first_order_crossing(network.init, network.block, network.activation, depths[-2:], settings.horizon)
            if math.isfinite(exact):
                measurement.records.append(Record("first_order_crossing", exact, coordinates={"network": network.name}))
    return measurement


@dataclass
class _Search:
    """The search of one network: where it looks, and what it has seen there."""

    field: VectorField
    betas: np.ndarray
    seen: list[np.ndarray]


def _changes(
    settings: Exponents, family: Sequence[Network], depths: Sequence[int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each network of one law: betas, and `log |h_L - h_0|/|h_0|`, (depths, betas, networks)."""
    x0, keys = orthogonal_inputs(settings, settings.exponents.inputs), settings.exponents
    steps = max(math.ceil((keys.highest - keys.lowest) / STEP_OF_PILOT), 2)
    searches = [
        _Search(
            field(network.block, network.activation, settings.width),
            np.linspace(keys.lowest, keys.highest, steps + 1),
            [],
        )
        for network in family
    ]
    shapes = {name: shape for search in searches for name, shape in search.field.shapes.items()}
    for first, weights in drawn_weights(settings, shapes, depths[-1], keys.networks):
        by_depth = {depth: shallower(weights, depths[-1] // depth, settings.init) for depth in depths}
        for search in searches:
            if not first:
                _narrow(search, {depth: _first(w) for depth, w in by_depth.items()}, x0)
            search.seen.append(_seen(search, by_depth, x0))
    return [(search.betas, np.concatenate(search.seen, axis=-1)) for search in searches]


def _seen(search: _Search, by_depth: Mapping[int, Weights], x0: Tensor) -> Float[np.ndarray, "depths betas r"]:
    return np.stack([log_changes(search.field, weights, search.betas, x0) for weights in by_depth.values()])


def _first(weights: Weights) -> Weights:
    return {name: w[:NETWORKS_OF_PILOT] for name, w in weights.items()}


def _narrow(search: _Search, by_depth: Mapping[int, Weights], x0: Tensor) -> None:
    """Let a search look around what the pilot finds; where that is nothing, it stays on the grid of the pilot."""
    means = _seen(search, by_depth, x0).mean(axis=-1)
    depths = list(by_depth)
    pilots = [
        pilot_crossing(search.betas, slopes_of_growth(depths[i : i + 2], means[i : i + 2]))
        for i in range(len(depths) - 1)
    ]
    places = [beta for beta in pilots if beta is not None]
    if len(places) == len(pilots):
        low, high = min(places) - MARGIN_OF_SEARCH, max(places) + MARGIN_OF_SEARCH
        search.betas = np.linspace(low, high, round((high - low) / STEP_OF_SEARCH) + 1)


def shallower(weights: Weights, layers: int, init: Init) -> Weights:
    """The weights of the network with so many times fewer layers, on the same path."""
    known = init.regularity
    if layers == 1:
        return weights
    if known is not None and (known.increments or known.isotropic):
        size = layers ** -index_of(init)
        return {name: w.unflatten(1, (-1, layers)).sum(dim=2).mul_(size) for name, w in weights.items()}
    return {name: w[:, ::layers] for name, w in weights.items()}
