"""`sde.backward.*`: Jacobians and gradients, with and without the factor sqrt(h).

G_T = dx_T/dx_0, dJ/dW_k = a_k psi(x_k)^T, J = sum_d x_L,d / sqrt(D)

With tanh and psi = id, `p_t` and `x_t` are independent in the limit, `E |p_t|^2 = e^{sigma_w^2 (T - t)}` and
`E |x_t|^2 / D = (q_0 + c) e^{sigma_w^2 t} - c`: `E |dJ/dW|^2 = D e^{sigma_w^2 (T - t)} q_t` (Peluchetti & Favaro 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...sampling.backward import backward, record
from ...settings import Sde
from ..study import Job, Measurement, Record
from . import unscaled
from .claims.settings import linear, sizes
from .correlation import overlap
from .problem import inputs, mean, pieces, root_mean_square


def measure(job: Job) -> Measurement:
    """One tangent forward and one gradient backward, through the network of the settings and three unscaled ones."""
    settings, depth = job.settings, job.settings.depth
    kinds = {
        "scaled": unscaled.scaled(settings),
        "feed-forward": unscaled.ordered(depth),
        "unscaled-tanh": unscaled.unscaled_tanh_unit(depth),
        "unscaled-swish": unscaled.unscaled_swish(depth),
    }
    x0, records = inputs(settings, count=2)[:1], []
    for i, (scheme, kind) in enumerate(kinds.items()):
        passes = sampled(kind, kind.start(x0), job, (i, len(kinds)), tangent=scheme == "scaled")
        coordinates = {"scheme": scheme, **kind.pins}
        if scheme == "scaled":
            records += jacobians(settings, passes) + gradients(settings, x0, passes)
            continue
        for observable, values in (("gradient_growth", passes.growth), ("gradient_rate", passes.growth / passes.over)):
            value, stderr = mean(values)
            records.append(Record(observable, value, stderr=stderr, coordinates=coordinates))
    return Measurement(records)


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
    """Of each network: `|dJ/dW_k|` at the layers shown, log growth of a tangent and of the gradient, and the number of
    layers over which it grew."""

    gradients: Float[Tensor, "l r"]
    tangent: Float[Tensor, " r"]
    growth: Float[Tensor, " r"]
    over: Float[Tensor, " r"]


def sampled(
    kind: unscaled.Sampled, x0: Float[Tensor, "1 d"], job: Job, part: tuple[int, int], *, tangent: bool
) -> Passes:
    """Forward and backward passes of all replicas."""
    settings = job.settings
    shown, found = unscaled.thinned(settings.depth), []
    for first, count in pieces(settings.replicas):
        job.progress((part[0] + first / settings.replicas) / part[1], "gradients")
        d = x0.shape[-1]
        one = torch.full_like(x0, d**-0.5).expand(count, 1, d)
        tape = record(
            kind.scheme,
            x0.expand(count, 1, d),
            kind.law,
            depth=settings.depth,
            horizon=kind.horizon,
            seed=settings.seed,
            purpose="sde.backward",
            first_replica=first,
            u0=one[:, :, None] if tangent else None,
        )
        stopped = sum((~unscaled.moving(x)).double() for x in tape.states[:-1])
        by_layer, costates = {}, [one.norm(dim=-1)[:, 0]]
        for layer in backward(tape, one):
            costates.append(layer.p.norm(dim=-1)[:, 0])
            if layer.k in shown:
                by_layer[layer.k] = layer.weights
        grown, over = growth(torch.stack(costates).double())
        along = tape.tangents[-1][:, 0, 0].norm(dim=-1).double().log() if tangent else torch.zeros(count)
        found.append([torch.stack([by_layer[k] for k in shown]).double(), along, grown, over - stopped])
    return Passes(*(torch.cat(column, dim=-1).cpu() for column in zip(*found, strict=True)))


def growth(norms: Float[Tensor, "l r"]) -> tuple[Float[Tensor, " r"], Float[Tensor, " r"]]:
    """`log (|p_k|^2 / |p_L|^2)` from `|p_L|, |p_{L-1}|, ...`, and the number of layers from L down to k: k = 0, or the
    last layer whose square float32 still holds."""
    held = ((norms > 1e-15) & (norms < 1e15)).long().cummin(dim=0).values
    over = held.sum(dim=0) - 1
    last = norms.gather(0, over[None])[0]
    return 2 * (last / norms[0]).log(), over.double()
