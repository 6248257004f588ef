"""`sde.backward.*`: Jacobians and gradients, with and without the factor sqrt(h).

G_T = dx_T/dx_0, dJ/dW_k = a_k psi(x_k)^T, J = sum_d x_L,d / sqrt(D)

With tanh and psi = id, `p_t` and `x_t` are independent in the limit, `E |p_t|^2 = e^{sigma_w^2 (T - t)}` and
`E |x_t|^2 / D = (q_0 + c) e^{sigma_w^2 t} - c`: `E |dJ/dW|^2 = D e^{sigma_w^2 (T - t)} q_t` (Peluchetti & Favaro 2020).

Of the log growth of a tangent u_k nearly all the noise is the martingale `M = sum_k <u_k, u_{k+1} - u_k>/|u_k|^2`: its
mean is zero where phi is odd (W and b to -W and -b), its variance `sigma_w^2 T/D`. The mean of `log |u_L|/|u_0| - M`
tells 1/2 - 1/D from 1/2 at any width; what it does not see, a drift along the tangent, is just the mean of M, which has
a claim of its own. Costates have the same law backward: to first order in W they grow by W^T, whose law is that of W.

Jacobians of swish, wide networks: of a tangent u at x with `ubar = mean_d u`, `r = <x, u>/D`, along the moments m, q,

    ubar' = phi''(0) sigma_w^2 r,      r' = 1/2 phi''(0) v ubar + phi''(0) sigma_w^2 r m + phi'(0)^2 sigma_w^2 r

(Ito's formula on `dG = [phi'(0) dW + phi''(0) (sigma_w^2/D) 1 x^T dt] G`; at D = infinity without noise). At finite
depth the recursion of the moments has the same derivative along (ubar, 2 r).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....limits.overlaps import moment_step
from ....measurement.estimate import mean, root_of_mean, variance
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....paths.laws.iid import IidLaw
from ....random import Stream
from ....sampling.layer_law import Isotropic
from ....sampling.pieces import on_tape
from ....sampling.schemes import ShallowNetwork, Walker
from .. import unscaled
from ..closed_forms import overlap
from ..control import bias_of_depth, half
from ..finite_depth import mean_squares
from ..outside import MAX_EXPONENT_IN_DOUBLE, explosion_time, growth, not_linear, sizes
from ..problem import finite_records, inputs, pair_or_one
from ..settings import Sde
from ..unscaled_keys import PLAIN_ORDERED, UNSCALED_SWISH, UNSCALED_TANH_UNIT
from .claims import PINS_OF_SWISH, WIDTH_OF_SWISH_GRADIENTS


def measure(job: Job) -> Measurement:
    """One tangent forward and one gradient backward, through the network of the settings and three unscaled ones."""
    settings, depth = job.settings, job.settings.depth
    few = min(depth, unscaled.MAX_UNSCALED_LAYERS)
    kinds = {
        "scaled": unscaled.scaled(settings),
        "feed-forward": unscaled.without_the_factor(unscaled.FeedForward, few, PLAIN_ORDERED),
        "unscaled-tanh": unscaled.without_the_factor(ShallowNetwork, depth, UNSCALED_TANH_UNIT),
        "unscaled-swish": unscaled.without_the_factor(ShallowNetwork, few, UNSCALED_SWISH),
    }
    x0, records = pair_or_one(settings)[:1], jacobian_of_swish(job)
    for i, (scheme, kind) in enumerate(kinds.items()):
        passes = sampled_passes(kind, kind.start(x0), job, (i, len(kinds)), tangent=scheme == "scaled")
        if scheme == "scaled":
            records += jacobians(settings, x0, passes) + mean_square_gradients(settings, x0, passes)
            continue
        value, stderr = mean(passes.growth)
        coordinates, rate = {"scheme": scheme, **kind.pins}, kind.depth
        records += [
            Record("gradient_growth", value, stderr=stderr, coordinates=coordinates),
            Record("gradient_rate", value / rate, stderr=stderr / rate, coordinates=coordinates),
        ]
    return Measurement(finite_records(records))


def jacobians(settings: Sde, x0: Float[Tensor, "1 d"], passes: PassesMeasured) -> list[Record]:
    """Mean square of the growth of a tangent; mean of its logarithm less the martingale, and of the martingale."""
    if (k := growth(settings)) > MAX_EXPONENT_IN_DOUBLE:
        return []
    square, square_error = mean((2 * passes.tangent).exp())
    limit, off = math.exp(k), math.nan
    if not_linear(settings) is None:
        off = abs(mean_squares(settings, x0)[0] / limit - 1)
    records = [
        Record("jacobian_norm", square / limit, stderr=square_error / limit, reference_error=off),
        Record("lyapunov_top", *mean(passes.tangent - passes.martingale), reference_error=_bias(settings, x0)),
        Record("costate_top", *mean(passes.growth / 2 - passes.back), reference_error=_bias(settings, x0)),
        Record("duality", *mean(passes.mismatch)),
    ]
    if k:
        deviation = math.sqrt(k / settings.width)
        records.append(Record("lyapunov_martingale", *mean(passes.martingale / deviation)))
        records.append(Record("costate_variance", *variance(passes.growth / 2 / deviation)))
    return records


def _bias(settings: Sde, x0: Float[Tensor, "1 d"]) -> float:
    """Size of what the mean log growth of tangents of tanh networks is off by at this depth, to first order in h.

    `h s^2 [(1 - 2/D) (q_T - q_0) + s^2 T (1/4 - 3/(2 D) + 2/D^2)]`, `s = sigma_w`: expand `log |u + phi'(z) W u|^2` to
    order h^2, z and W u being independent up to 1/D; `q_T - q_0` is the integral of the variance of z.
    """
    init, d, T = sizes(settings), settings.width, settings.horizon
    q0 = float(x0.double().square().mean())
    grown = float(overlap(np.array(q0), init.sigma_w, init.sigma_b, np.array(T))) - q0
    k = init.sigma_w**2
    return T / settings.depth * k * abs((1 - 2 / d) * grown + k * T * (1 / 4 - 3 / (2 * d) + 2 / d**2))


def mean_square_gradients(settings: Sde, x0: Float[Tensor, "1 d"], passes: PassesMeasured) -> list[Record]:
    """Mean square gradients by layer, and the ratio of the last to the first of those shown."""
    layers = unscaled.thinned(settings.depth)
    exact = closed_gradients(settings, x0, np.array(layers) / settings.depth)
    records = []
    for j, layer in enumerate(layers):
        value, stderr = root_of_mean(passes.gradients[j].square())
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


def closed_gradients(settings: Sde, x0: Float[Tensor, "1 d"], times: np.ndarray) -> np.ndarray | None:
    """`D e^{sigma_w^2 (T - t)} q_t` at the times `t/T`; None where the limit is not the linear SDE, or too large."""
    if not_linear(settings) is not None or growth(settings) > MAX_EXPONENT_IN_DOUBLE:
        return None
    init, q0 = sizes(settings), float(x0.double().square().mean())
    q = overlap(np.array(q0), init.sigma_w, init.sigma_b, times * settings.horizon)
    return settings.width * np.exp(init.sigma_w**2 * settings.horizon * (1 - times)) * q


# -- sampling -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PassesMeasured:
    """`|dJ/dW_k|` at the layers shown, `log |dx_L/dx_0 u|` of a unit tangent and its martingale,
    `log (|p_0|^2 / |p_L|^2)` and the martingale of half of it, `|<p_0, u_0> - <p_L, u_L>|/(|p_L| |u_L|)`."""

    gradients: Float[Tensor, "l r"]
    tangent: Float[Tensor, " r"]
    martingale: Float[Tensor, " r"]
    growth: Float[Tensor, " r"]
    back: Float[Tensor, " r"]
    mismatch: Float[Tensor, " r"]


VECTORS_A_LAYER = 8
"""On the tape of a network, a layer."""
REPLICAS_A_SWISH_NETWORK, MIN_SWISH_NETWORKS = 16, 64
"""Keys `replicas` for each of the networks with swish, and these at least."""
STEP_OF_GRADIENT_DIFFERENCE = 1e-4
"""Of a central difference: an error of 1e-8."""


def sampled_passes(
    kind: unscaled.Sampled, x0: Float[Tensor, "1 d"], job: Job, part: tuple[int, int], *, tangent: bool
) -> PassesMeasured:
    """Forward and backward passes of all replicas."""
    settings, d = job.settings, x0.shape[-1]
    shown, columns = unscaled.thinned(kind.depth), []
    for first, count in on_tape(settings.replicas, VECTORS_A_LAYER * kind.depth * d):
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
        norms, costates = {}, [one]
        for layer in tape.backward(one):
            costates = [costates[0], layer.p] if not tangent else [*costates, layer.p]
            if layer.k in shown:
                norms[layer.k] = layer.weights.double()
        grown = 2 * costates[-1][:, 0].norm(dim=-1).double().log()
        nothing = torch.zeros_like(grown)
        along, noise = _growth([u[:, 0, 0] for u in tape.tangents]) if tangent else (nothing, nothing)
        _, back = _growth([p[:, 0] for p in costates]) if tangent else (nothing, nothing)
        mismatch = _mismatch(costates, list(tape.tangents)) if tangent else nothing
        columns.append((torch.stack([norms[k] for k in shown]), along, noise, grown, back, mismatch))
    return PassesMeasured(*(torch.cat(column, dim=-1).cpu() for column in zip(*columns, strict=True)))


def _growth(vectors: list[Float[Tensor, "r d"]]) -> tuple[Float[Tensor, " r"], Float[Tensor, " r"]]:
    """`log |u_L|/|u_0|`, and `sum_k <u_k, u_{k+1} - u_k>/|u_k|^2`; of costates in the order of the backward pass."""
    u = [vector.double() for vector in vectors]
    total = u[0].new_zeros(len(u[0]))
    for before, after in pairwise(u):
        total += (before * (after - before)).sum(dim=-1) / before.square().sum(dim=-1)
    return (u[-1].norm(dim=-1) / u[0].norm(dim=-1)).log(), total


def _mismatch(costates: list[Float[Tensor, "r 1 d"]], tangents: list[Float[Tensor, "r 1 1 d"]]) -> Float[Tensor, " r"]:
    """`|<p_0, u_0> - <p_L, u_L>|/(|p_L| |u_L|)`"""
    p0, end = (costates[i][:, 0].double() for i in (-1, 0))
    u0, u = (tangents[i][:, 0, 0].double() for i in (0, -1))
    return ((p0 * u0).sum(dim=-1) - (end * u).sum(dim=-1)).abs() / (end.norm(dim=-1) * u.norm(dim=-1))


# -- swish ----------------------------------------------------------------------------------------


def jacobian_of_swish(job: Job) -> list[Record]:
    """`mean_d (u_T - u_0)` of the tangent `u_0 = x_0` in wide networks, against infinite width; none beyond the
    explosion."""
    settings, init = job.settings, sizes(job.settings)
    if init.sigma_w == 0 or settings.horizon >= explosion_time(PINS_OF_SWISH["activation"], settings):
        return []
    x0 = inputs(settings, width=WIDTH_OF_SWISH_GRADIENTS, count=1)
    law, scheme = (
        Isotropic(init.sigma_w, init.sigma_b),
        ShallowNetwork(PINS_OF_SWISH["activation"], PINS_OF_SWISH["activation_inside"]),
    )
    m0, q0 = float(x0.double().mean()), float(x0.double().square().mean())
    limit = drift_of_tangents(init, m0, q0, settings.horizon)
    if not limit > 0:
        return []
    engine, networks, changes = (
        default_engine(),
        max(settings.replicas // REPLICAS_A_SWISH_NETWORK, MIN_SWISH_NETWORKS),
        [],
    )
    for first, count in engine.pieces(networks, vectors=2, width=WIDTH_OF_SWISH_GRADIENTS, dtype=x0.dtype):
        job.progress(first / networks, "Jacobians of swish")
        start = x0.expand(count, *x0.shape)
        stream = Stream(settings.seed, f"sde.backward.swish {settings.depth}", first_replica=first)
        end, walker = start[:, :, None], Walker(scheme, settings.depth)
        steps = engine.tangents([walker], start, end, law, horizon=settings.horizon, stream=stream)
        for _, _, (u,) in steps:
            end = u
        changes.append((end[:, 0, 0] - start[:, 0]).double().mean(dim=-1).cpu())
    value, stderr = mean(torch.cat(changes))
    here, before = (
        drift_at_depth(init, m0, q0, settings.horizon, depth) for depth in (settings.depth, half(settings.depth))
    )
    off = bias_of_depth(here / limit, before / limit, 1.0, settings.depth)
    numbers = {
        "reference_error": off,
        "coordinates": {"scheme": "swish", **PINS_OF_SWISH, "width": WIDTH_OF_SWISH_GRADIENTS},
        "replicas": networks,
    }
    return [Record("jacobian_drift", value / limit, stderr / limit, **numbers)]


def drift_of_tangents(init: IidLaw, m0: float, q0: float, horizon: float) -> float:
    """`ubar_T - ubar_0` of `u_0 = x_0`: the equations of the docstring along those of the moments."""
    from scipy.integrate import solve_ivp

    slope, curvature = activation_named(PINS_OF_SWISH["activation"]).taylor()
    k = init.sigma_w**2

    def velocity(_: float, state: np.ndarray) -> list[float]:
        m, q, ubar, r = state
        v = init.sigma_b**2 + k * q
        along = curvature * k * r
        rates = 0.5 * curvature * v, (curvature * m + slope**2) * v
        return [*rates, along, 0.5 * curvature * v * ubar + along * m + slope**2 * k * r]

    solution = solve_ivp(velocity, (0, horizon), [m0, q0, m0, q0], rtol=1e-10, atol=1e-12)
    return float(solution.y[2, -1]) - m0


def drift_at_depth(init: IidLaw, m0: float, q0: float, horizon: float, depth: int) -> float:
    """The same of infinitely wide networks of a depth, by a central difference of their moments."""

    def mean_at(shift: float) -> float:
        m = torch.tensor([(1 + shift) * m0], dtype=torch.float64)
        q = torch.tensor([[(1 + shift) ** 2 * q0]], dtype=torch.float64)
        for _ in range(depth):
            m, q = moment_step(
                PINS_OF_SWISH["activation"], m, q, horizon / depth * (init.sigma_b**2 + init.sigma_w**2 * q)
            )
        return float(m)

    return (mean_at(STEP_OF_GRADIENT_DIFFERENCE) - mean_at(-STEP_OF_GRADIENT_DIFFERENCE)) / (
        2 * STEP_OF_GRADIENT_DIFFERENCE
    ) - m0
