"""`sde.backward.*`: Jacobians and gradients, with and without the factor sqrt(h).

G_T = dx_T/dx_0, dJ/dW_k = a_k psi(x_k)^T, J = sum_d x_L,d / sqrt(D)

With tanh and psi = id, `p_t` and `x_t` are independent in the limit, `E |p_t|^2 = e^{sigma_w^2 (T - t)}` and
`E |x_t|^2 / D = (q_0 + c) e^{sigma_w^2 t} - c`: `E |dJ/dW|^2 = D e^{sigma_w^2 (T - t)} q_t` (Peluchetti & Favaro 2020).

Of the log growth of a tangent u_k nearly all the noise is the martingale `M = sum_k <u_k, u_{k+1} - u_k>/|u_k|^2`: its
mean is zero where phi is odd (W and b to -W and -b), its variance `sigma_w^2 T/D`. The mean of `log |u_L|/|u_0| - M`
tells 1/2 - 1/D from 1/2 at any width; what it does not see, a drift along the tangent, is just the mean of M, which has
a claim of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....measurement.estimate import mean, root_mean_square
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream
from ....sampling.pieces import LARGEST, SMALLEST
from ....sampling.schemes import Network
from .. import unscaled
from ..closed_forms import overlap
from ..finite_depth import mean_squares
from ..outside import MOST, growth, linear, sizes
from ..problem import finite, pair_or_one
from ..settings import Sde
from ..unscaled_keys import PLAIN_ORDERED, UNSCALED_SWISH, UNSCALED_TANH_UNIT


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
    x0, records = pair_or_one(settings)[:1], []
    for i, (scheme, kind) in enumerate(kinds.items()):
        passes = sampled(kind, kind.start(x0), job, (i, len(kinds)), tangent=scheme == "scaled")
        if scheme == "scaled":
            records += jacobians(settings, x0, passes) + gradients(settings, x0, passes)
            continue
        value, stderr = mean(passes.growth)
        coordinates, rate = {"scheme": scheme, **kind.pins}, kind.depth
        records += [
            Record("gradient_growth", value, stderr=stderr, coordinates=coordinates),
            Record("gradient_rate", value / rate, stderr=stderr / rate, coordinates=coordinates),
        ]
    return Measurement(finite(records))


def jacobians(settings: Sde, x0: Float[Tensor, "1 d"], passes: Passes) -> list[Record]:
    """Mean square of the growth of a tangent; mean of its logarithm less the martingale, and of the martingale."""
    if (k := growth(settings)) > MOST:
        return []
    square, square_error = mean((2 * passes.tangent).exp())
    limit, off = math.exp(k), math.nan
    if linear(settings) is None:
        off = abs(mean_squares(settings, x0)[0] / limit - 1)
    records = [
        Record("jacobian_norm", square / limit, stderr=square_error / limit, reference_error=off),
        Record("lyapunov_top", *mean(passes.tangent - passes.martingale), reference_error=_bias(settings, x0)),
    ]
    if k:
        deviation = math.sqrt(k / settings.width)
        records.append(Record("lyapunov_martingale", *mean(passes.martingale / deviation)))
    return records


def _bias(settings: Sde, x0: Float[Tensor, "1 d"]) -> float:
    """Size of what the mean log growth of tangents of tanh networks is off by at this depth, to first order in h.

    `h s^2 [(1 - 2/D) (q_T - q_0) + s^2 T (1/4 - 3/(2 D) + 2/D^2)]`, `s = sigma_w`: expand `log |u + phi'(z) W u|^2` to
    order h^2, z and W u being independent up to 1/D; `q_T - q_0` is the integral of the variance of z.
    """
    own, d, T = sizes(settings), settings.width, settings.horizon
    q0 = float(x0.double().square().mean())
    grown = float(overlap(np.array(q0), own.sigma_w, own.sigma_b, np.array(T))) - q0
    k = own.sigma_w**2
    return T / settings.depth * k * abs((1 - 2 / d) * grown + k * T * (1 / 4 - 3 / (2 * d) + 2 / d**2))


def gradients(settings: Sde, x0: Float[Tensor, "1 d"], passes: Passes) -> list[Record]:
    """Mean square gradients by layer, and the ratio of the last to the first of those shown."""
    layers = unscaled.thinned(settings.depth)
    exact = closed_form(settings, x0, np.array(layers) / settings.depth)
    records = []
    for j, layer in enumerate(layers):
        value, stderr = root_mean_square(passes.gradients[j].square())
        reference = math.nan if exact is None else math.sqrt(exact[j])
        place = {"layer": layer, "coordinates": {"scheme": "scaled"}}
        records.append(Record("gradient_norm", value, stderr=stderr, reference=reference, **place))
    if exact is not None:
        first, last = (passes.gradients[j].square() for j in (0, -1))
        ratio = float(last.mean() / first.mean()) / (exact[-1] / exact[0])
        _, error = mean(last / last.mean() - first / first.mean())  # of the logarithm of the ratio
        _, at_depth = mean_squares(settings, x0)
        here = float(at_depth[layers[-1]]) / float(at_depth[0]) if at_depth[0] else math.inf  # tanh may be flat
        off = abs(here / (exact[-1] / exact[0]) - 1)
        records.append(Record("gradient_ratio", ratio, stderr=ratio * error, reference_error=off))
    return records


def closed_form(settings: Sde, x0: Float[Tensor, "1 d"], times: np.ndarray) -> np.ndarray | None:
    """`D e^{sigma_w^2 (T - t)} q_t` at the times `t/T`; None where the limit is not the linear SDE, or too large."""
    if linear(settings) is not None or growth(settings) > MOST:
        return None
    own, q0 = sizes(settings), float(x0.double().square().mean())
    q = overlap(np.array(q0), own.sigma_w, own.sigma_b, times * settings.horizon)
    return settings.width * np.exp(own.sigma_w**2 * settings.horizon * (1 - times)) * q


# -- sampling -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Passes:
    """`|dJ/dW_k|` at the layers shown, `log |dx_L/dx_0 u|` of a unit tangent and its martingale,
    `log (|p_0|^2 / |p_L|^2)`."""

    gradients: Float[Tensor, "l r"]
    tangent: Float[Tensor, " r"]
    martingale: Float[Tensor, " r"]
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
        tape = default_engine().record(
            kind.scheme,
            x0.expand(count, 1, d),
            kind.law,
            depth=kind.depth,
            horizon=kind.horizon,
            stream=Stream(settings.seed, f"sde.backward {kind.depth}", first_replica=first),
            u0=one[:, :, None] if tangent else None,
        )
        norms, p = {}, one
        for layer in tape.backward(one):
            p = layer.p
            if layer.k in shown:
                norms[layer.k] = layer.weights.double()
        grown = 2 * p[:, 0].norm(dim=-1).double().log()
        along, noise = _growth(tape.tangents) if tangent else (torch.zeros_like(grown), torch.zeros_like(grown))
        found.append((torch.stack([norms[k] for k in shown]), along, noise, grown))
    return Passes(*(torch.cat(column, dim=-1).cpu() for column in zip(*found, strict=True)))


def _growth(tangents: Sequence[Float[Tensor, "r 1 1 d"]]) -> tuple[Float[Tensor, " r"], Float[Tensor, " r"]]:
    """`log |u_L|/|u_0|`, and `sum_k <u_k, u_{k+1} - u_k>/|u_k|^2`."""
    u = [its[:, 0, 0].double() for its in tangents]
    total = u[0].new_zeros(len(u[0]))
    for before, after in pairwise(u):
        total += (before * (after - before)).sum(dim=-1) / before.square().sum(dim=-1)
    return (u[-1].norm(dim=-1) / u[0].norm(dim=-1)).log(), total
