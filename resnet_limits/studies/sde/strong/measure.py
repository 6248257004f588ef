"""`sde.strong.*`: the distance of final states on one noise.

network             x_L and x_2L, the coarse network driven by the sums of the fine one's increments
network-additive    the same with sigma_w = 0 and tanh
sde                 network and its SDE, an Euler-Maruyama scheme of `REFERENCE_LAYERS_A_LAYER` L layers, on the
weights themselves
                    (swish, width 2, one input): a layer differs from the SDE by `phi''(0)/2 (z^2 - E z^2)`, of size h
                    and mean 0, and by the noise of the SDE within a layer; the sum is of size `h^(1/2)`
sde-without-drift   the same network and a scheme of its depth without the Ito drift
exact               logarithms of network and exact solution, `x_0 exp(sigma_w W_T - sigma_w^2 T/2)`, whose x has heavy
                    tails (width 1, tanh, sigma_b = 0, x_0 = 1)

Each depth has noise of its own, so that the errors of an order are independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....measurement.estimate import root_of_mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream
from ....sampling.layer_law import Isotropic, Law
from ....sampling.of_init import law_of
from ....sampling.schemes import EulerMaruyama, Scheme, ShallowNetwork, Walker
from ..problem import finite_records, inputs
from ..settings import Sde
from .claims import PINS_OF_ADDITIVE_NOISE, PINS_OF_EXACT_PATHS, PINS_OF_STRONG_SWISH

REFERENCE_LAYERS_A_LAYER = 64
"""Layers of the scheme that stands for the SDE, for each of the network's."""
MIN_NETWORKS_OF_REFERENCE = 256
"""Networks that are held against it at least; half of the key `replicas` where that is more."""
MIN_NETWORKS_OF_WIDTH_1 = 2**13
"""Networks of width 1 at least: their errors are known to 1 %."""


def measure(job: Job) -> Measurement:
    """The five distances, with standard errors over replicas."""
    records = _networks(job) + _sde(job) + exact(job)
    return Measurement(finite_records(records))


def _networks(job: Job) -> list[Record]:
    """Networks of depth L and 2L."""
    settings, init, depth = job.settings, job.settings.init, job.settings.depth
    asked, tanh = (
        ShallowNetwork(phi, settings.activation_inside)
        for phi in (settings.activation, PINS_OF_ADDITIVE_NOISE["activation"])
    )
    cases = {
        "network": (law_of(init, settings.width), asked, {}),
        "network-additive": (law_of(replace(init, sigma_w=0.0), settings.width), tanh, PINS_OF_ADDITIVE_NOISE),
    }
    engine, x0, records = default_engine(), inputs(settings), []
    for i, (scheme, (law, network, pins)) in enumerate(cases.items()):
        walkers, squares = (Walker(network, depth), Walker(network, 2 * depth)), []
        for first, count in engine.pieces(settings.replicas, vectors=2 * len(x0), width=settings.width, dtype=x0.dtype):
            job.progress((i + first / settings.replicas) / 4, f"strong error, {scheme}")
            stream = Stream(settings.seed, f"sde.strong {depth}", first_replica=first)
            x, y = engine.final(walkers, x0.expand(count, *x0.shape), law, horizon=settings.horizon, stream=stream)
            squares.append(_square(x - y))
        records.append(_record(scheme, torch.cat(squares), pins))
    return records


def _square(apart: Float[Tensor, "r n d"]) -> Float[Tensor, " r"]:
    return apart.double().square().mean(dim=(1, 2)).cpu()


def _record(scheme: str, squares: Tensor, pins: dict) -> Record:
    value, stderr = root_of_mean(squares)
    coordinates = {"scheme": scheme, **pins}
    return Record("strong_error", value, stderr=stderr, coordinates=coordinates, replicas=len(squares))


# -- the SDE, by a scheme that is much finer ------------------------------------------------------


def _sde(job: Job) -> list[Record]:
    settings, width = job.settings, PINS_OF_STRONG_SWISH["width"]
    law, x0 = law_of(settings.init, width), inputs(settings, width=width, count=1)
    squares: dict[str, list[Tensor]] = {"sde": [], "sde-without-drift": []}
    count = min(settings.replicas, max(settings.replicas // 2, MIN_NETWORKS_OF_REFERENCE))
    for first, replicas in default_engine().pieces(
        count, vectors=REFERENCE_LAYERS_A_LAYER * (width + 2), width=width, dtype=x0.dtype
    ):
        job.progress((2 + first / count) / 4, "strong error, sde")
        stream = Stream(settings.seed, f"sde.strong.sde {settings.depth}", first_replica=first)
        x, *others = _on_one_noise(job.settings, law, x0.expand(replicas, 1, width), stream)
        for errors, y in zip(squares.values(), others, strict=True):
            errors.append(_square(x - y))
    return [_record(name, torch.cat(errors_drawn), PINS_OF_STRONG_SWISH) for name, errors_drawn in squares.items()]


def _on_one_noise(settings: Sde, law: Law, x0: Float[Tensor, "r 1 d"], stream: Stream) -> tuple[Tensor, Tensor, Tensor]:
    """`x_T` of the network, of a scheme `REFERENCE_LAYERS_A_LAYER` times as deep, and of one of its depth without
    the Ito drift."""
    phi, psi, h = PINS_OF_STRONG_SWISH["activation"], settings.activation_inside, settings.horizon / settings.depth
    network, scheme = ShallowNetwork(phi, psi), EulerMaruyama(phi, psi, law)
    driftless = EulerMaruyama(phi, psi, law, ito_drift=False)
    x = y = z = x0
    for k in range(settings.depth):
        layers = fine_layers(law, x0, h / REFERENCE_LAYERS_A_LAYER, stream.at(k))
        together = layers.of_all()
        x, z = together.stepped(network, x, h), together.stepped(driftless, z, h)
        for j in range(REFERENCE_LAYERS_A_LAYER):
            y = layers.at(j).stepped(scheme, y, h / REFERENCE_LAYERS_A_LAYER)
    return x, y, z


@dataclass(frozen=True)
class LayerWeights:
    """`W` transposed and `b` of layers, whole: (r, layers, d, d), (r, layers, 1, d), or of one of them."""

    W: Float[Tensor, "r *layers d d"]
    b: Float[Tensor, "r *layers 1 d"]

    def of_all(self) -> LayerWeights:
        """Those of the layer that all of them are together."""
        return LayerWeights(self.W.sum(dim=1), self.b.sum(dim=1))

    def at(self, j: int) -> LayerWeights:
        return LayerWeights(self.W[:, j], self.b[:, j])

    def stepped(self, scheme: Scheme, x: Float[Tensor, "r 1 d"], h: float) -> Float[Tensor, "r 1 d"]:
        """The next states: the scheme's step with `W f + b`."""
        features = scheme.features(x)
        return scheme.step(x, features, (features.mT * self.W).sum(dim=1, keepdim=True) + self.b, h)


def fine_layers(law: Law, x0: Float[Tensor, "r 1 d"], h: float, stream: Stream) -> LayerWeights:
    """The weights of `REFERENCE_LAYERS_A_LAYER` layers: what each does to the unit vectors, and its bias. Each of
    them is a replica."""
    (r, _, d), fine = x0.shape, replace(stream, first_replica=stream.first_replica * REFERENCE_LAYERS_A_LAYER)
    # More vectors than coordinates: then the weights themselves are drawn, which takes the least time (`span.many`).
    vectors, biased = torch.eye(d + 2, d).to(x0), torch.eye(d + 2)[d]
    drawn = law.act(vectors.expand(r * REFERENCE_LAYERS_A_LAYER, d + 2, d), biased, h, fine)
    W, b, _ = drawn.unflatten(0, (r, REFERENCE_LAYERS_A_LAYER)).split([d, 1, 1], dim=2)
    return LayerWeights(W, b)


# -- the exact solution ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Sum:
    """`w <- w + z`, `z` acting on the vector 1: the sum of the weights of width 1."""

    def features(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return x + z


def exact(job: Job) -> list[Record]:
    engine, settings, squares = default_engine(), job.settings, []
    count = max(settings.replicas, MIN_NETWORKS_OF_WIDTH_1)
    sigma_w, horizon = settings.init.sizes().sigma_w, settings.horizon
    walkers = (Walker(ShallowNetwork(PINS_OF_EXACT_PATHS["activation"]), settings.depth), Walker(Sum(), settings.depth))
    for first, replicas in engine.pieces(count, vectors=2, width=1, dtype=torch.float64):
        job.progress((3 + first / count) / 4, "strong error, exact")
        stream = Stream(settings.seed, f"sde.strong.exact {settings.depth}", first_replica=first)
        start = torch.ones(replicas, 1, 1, dtype=torch.float64)
        x, w = engine.final(walkers, start, Isotropic(sigma_w, 0.0), horizon=horizon, stream=stream)
        squares.append(_square(x.abs().log() - (w - 1 - sigma_w**2 * horizon / 2)))
    return [_record("exact", torch.cat(squares), PINS_OF_EXACT_PATHS)]
