"""`sde.backward.*`: Jacobians and gradients, with and without the factor sqrt(h).

G_T = dx_T/dx_0, dJ/dW_k = a_k psi(x_k)^T, J = sum_d x_L,d / sqrt(D)

With tanh and psi = id, `p_t` and `x_t` are independent in the limit, `E |p_t|^2 = e^{sigma_w^2 (T - t)}` and
`E |x_t|^2 / D = (q_0 + c) e^{sigma_w^2 t} - c`: `E |dJ/dW|^2 = D e^{sigma_w^2 (T - t)} q_t` (Peluchetti & Favaro 2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...sampling.backward import backward, record
from ...sampling.pieces import LARGEST, SMALLEST
from ...sampling.schemes import Network
from ...settings import Sde
from ..study import Job, Measurement, Record
from . import unscaled
from .claims.settings import linear, sizes
from .claims.unscaled import PLAIN_ORDERED, UNSCALED_SWISH, UNSCALED_TANH_UNIT
from .correlation import overlap
from .problem import finite, inputs, mean, root_mean_square


def measure(job: Job) -> Measurement:
    """One tangent forward and one gradient backward, through the network of the settings and three unscaled ones."""
    settings, depth = job.settings, job.settings.depth
    few = min(depth, unscaled.DEEPEST)
    kinds = {
        "scaled": unscaled.scaled(settings),
        "feed-forward": unscaled.pinned(unscaled.FeedForward, few, PLAIN_ORDERED),
        "unscaled-tanh": unscaled.pinned(Network, depth, UNSCALED_TANH_UNIT),
        "unscaled-swish": unscaled.pinned(Network, few, UNSCALED_SWISH),
    }
    x0, records = inputs(settings, count=2)[:1], []
    for i, (scheme, kind) in enumerate(kinds.items()):
        passes = sampled(kind, kind.start(x0), job, (i, len(kinds)), tangent=scheme == "scaled")
        if scheme == "scaled":
            records += jacobians(settings, passes) + gradients(settings, x0, passes)
            continue
        value, stderr = mean(passes.growth)
        coordinates, rate = {"scheme": scheme, **kind.pins}, kind.depth
        records += [
            Record("gradient_growth", value, stderr=stderr, coordinates=coordinates),
            Record("gradient_rate", value / rate, stderr=stderr / rate, coordinates=coordinates),
        ]
    return Measurement(finite(records))


def jacobians(settings: Sde, passes: Passes) -> list[Record]:
    """Mean square and mean logarithm of the growth of a tangent."""
    square, square_error = mean((2 * passes.tangent).exp())
    log, log_error = mean(passes.tangent)
    limit = math.exp(sizes(settings).sigma_w ** 2 * settings.horizon)
    return [
        Record("jacobian_norm", square / limit, stderr=square_error / limit),
        Record("lyapunov_top", log, stderr=log_error),
    ]


def gradients(settings: Sde, x0: Float[Tensor, "1 d"], passes: Passes) -> list[Record]:
    """Mean square gradients by layer, and the ratio of the largest to the smallest."""
    layers = unscaled.thinned(settings.depth)
    exact = closed_form(settings, x0, np.array(layers) / settings.depth)
    records = []
    for j, layer in enumerate(layers):
        value, stderr = root_mean_square(passes.gradients[j].square())
        reference = math.nan if exact is None else math.sqrt(exact[j])
        place = {"layer": layer, "coordinates": {"scheme": "scaled"}}
        records.append(Record("gradient_norm", value, stderr=stderr, reference=reference, **place))
    if exact is not None:
        means = passes.gradients.square().mean(dim=1)
        large, small = (passes.gradients[int(j)].square() for j in (means.argmax(), means.argmin()))
        ratio = float(large.mean() / small.mean())
        _, error = mean(large / large.mean() - small / small.mean())  # of the logarithm of the ratio
        limit = exact.max() / exact.min()
        records.append(Record("gradient_ratio", ratio / limit, stderr=ratio / limit * error))
    return records


def closed_form(settings: Sde, x0: Float[Tensor, "1 d"], times: np.ndarray) -> np.ndarray | None:
    """`D e^{sigma_w^2 (T - t)} q_t` at the times `t/T`; None where the limit is not the linear SDE."""
    if linear(settings) is not None:
        return None
    own, q0 = sizes(settings), float(x0.double().square().mean())
    q = overlap(np.array(q0), own.sigma_w, own.sigma_b, times * settings.horizon)
    return settings.width * np.exp(own.sigma_w**2 * settings.horizon * (1 - times)) * q


# -- sampling -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Passes:
    """`|dJ/dW_k|` at the layers shown, `log |dx_L/dx_0 u|` of a unit tangent, `log (|p_0|^2 / |p_L|^2)`."""

    gradients: Float[Tensor, "l r"]
    tangent: Float[Tensor, " r"]
    growth: Float[Tensor, " r"]


TAPE = 2**24
"""Numbers on the tape of the networks that are sampled at a time, some eight vectors a layer."""


def pieces(replicas: int, depth: int, width: int) -> Iterator[tuple[int, int]]:
    """`(first replica, count)` of each piece; the sizes are powers of two, so that pieces and blocks are nested."""
    fitting = max(TAPE // (8 * depth * width), 1)
    size = min(max(1 << (fitting.bit_length() - 1), SMALLEST), LARGEST)
    for first in range(0, replicas, size):
        yield first, min(size, replicas - first)


def sampled(
    kind: unscaled.Sampled, x0: Float[Tensor, "1 d"], job: Job, part: tuple[int, int], *, tangent: bool
) -> Passes:
    """Forward and backward passes of all replicas."""
    settings, d = job.settings, x0.shape[-1]
    shown, found = unscaled.thinned(kind.depth), []
    for first, count in pieces(settings.replicas, kind.depth, d):
        job.progress((part[0] + first / settings.replicas) / part[1], "gradients")
        one = torch.full_like(x0, d**-0.5).expand(count, 1, d)
        tape = record(
            kind.scheme,
            x0.expand(count, 1, d),
            kind.law,
            depth=kind.depth,
            horizon=kind.horizon,
            seed=settings.seed,
            purpose="sde.backward",
            first_replica=first,
            u0=one[:, :, None] if tangent else None,
        )
        norms, p = {}, one
        for layer in backward(tape, one):
            p = layer.p
            if layer.k in shown:
                norms[layer.k] = layer.weights.double()
        grown = 2 * p[:, 0].norm(dim=-1).double().log()
        along = tape.tangents[-1][:, 0, 0].norm(dim=-1).double().log() if tangent else torch.zeros_like(grown)
        found.append((torch.stack([norms[k] for k in shown]), along, grown))
    return Passes(*(torch.cat(column, dim=-1).cpu() for column in zip(*found, strict=True)))
