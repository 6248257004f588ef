"""`sde.matrix_normal.*`: networks whose weights have a mean and correlated entries, against their SDE.

    dx = phi'(0) (mu x + mu_b) dt + 1/2 phi''(0) diag(U x^T V x + S) dt + phi'(0) (dW x + db)
    d[x_a, y_c] = phi'(0)^2 (U_ac x^T V y + S_ac) dt                                two inputs x, y

moments   of tanh, `m_i = E x^i` and `M_ij = E x^i (x^j)^T` by Ito's formula,

              dm_i/dt = mu m_i + mu_b
              dM_ij/dt = mu M_ij + M_ij mu^T + tr(V M_ij) U + S + mu_b m_j^T + m_i mu_b^T,

          linear: solved by Taylor series to rounding, or by Euler's method at depth L, whose moments are those of the
          linear network. Plain means over networks, without control variates.
noise     of tanh, `sum_k dx_a dy_c` over the layers, against the covariation along the same states. Of a layer
          `E tanh(z) tanh(w) = h C/(1 + h v_z + h v_w) + h^2 m_z m_w + O(h^3)`, C, v and m being covariance, variances
          and means of z, w per unit of time.
drift     of swish: the network, the SDE by Euler and Maruyama, and the same without the drift of second order, on one
          noise; the differences have little of it left.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .... import device
from ....engines import default_engine
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream
from ....sampling.matrix_normal import MatrixNormal
from ....sampling.of_init import law_of
from ....sampling.schemes import EulerMaruyama, ShallowNetwork, Walker
from ..problem import finite_records
from ..settings import Sde
from .claims import PINS_OF_SWISH, PINS_OF_TANH, law_followed

TANH_NETWORKS_A_REPLICA, MIN_TANH_NETWORKS = 4, 4096
"""Networks with tanh for each of the key `replicas`, and at least."""
MAX_WIDTH_OF_MOMENTS = 64
"""Width up to which moments, of its square many entries, are followed."""
NETWORKS_OF_NOISE = 512
"""Networks whose noise is followed: each has as many increments as layers and coordinates."""


def measure(job: Job) -> Measurement:
    """Moments and noise of networks with tanh, and the drift of those with swish."""
    settings = job.settings
    width = min(settings.width, MAX_WIDTH_OF_MOMENTS)
    matrices = law_of(law_followed(settings), width)
    assert isinstance(matrices, MatrixNormal)
    x0 = combs(settings, width)
    keys = {f"init.{key}": value for key, value in asdict(law_followed(settings)).items() if key != "name"}
    coordinates = {"width": width, "init": "matrix_normal", **keys}
    records = [*_of_tanh(job, matrices, x0), *_of_swish(job, matrices, x0[:1])]
    return Measurement(finite_records([replace(r, coordinates={**r.coordinates, **coordinates}) for r in records]))


def combs(settings: Sde, width: int) -> Float[Tensor, "n d"]:
    """`(1, 0, 1, 0, ...)` and `(0, 1, 0, 1, ...)`, each of norm `sde.norm width`; of width 1 the first alone.

    The second has the sign of the correlation of neighbouring columns, so that `x^T V y` is not negative.
    """
    x = (torch.arange(width).remainder(2) == torch.arange(min(2, width))[:, None]).double()
    x[1:] *= math.copysign(1, law_followed(settings).columns)
    x = x / x.norm(dim=-1, keepdim=True) * math.sqrt(settings.sde.norm * width)
    return x.to(device.resolve(settings.device), getattr(torch, settings.dtype))


# -- tanh -----------------------------------------------------------------------------------------


def _of_tanh(job: Job, matrices: MatrixNormal, x0: Float[Tensor, "n d"]) -> list[Record]:
    settings, network = job.settings, ShallowNetwork(**_scheme(PINS_OF_TANH))
    networks, ends, moved = max(TANH_NETWORKS_A_REPLICA * settings.replicas, MIN_TANH_NETWORKS), [], []
    for first, count in default_engine().pieces(networks, vectors=len(x0), width=x0.shape[-1], dtype=x0.dtype):
        job.progress(first / networks, "matrix-normal weights")
        stream = Stream(settings.seed, f"sde.matrix_normal {settings.depth}", first_replica=first)
        x, noise = x0.expand(count, *x0.shape), Noise(matrices, settings.horizon / settings.depth)
        walker = Walker(network, settings.depth)
        followed = max(min(NETWORKS_OF_NOISE - first, count), 0)
        for _, (after,) in default_engine().walk((walker,), x, matrices, horizon=settings.horizon, stream=stream):
            if followed:
                noise.add(x[:followed], after[:followed])
            x = after
        ends.append(x.double().cpu())
        if followed:
            moved.append(noise.sums().cpu())
    return _moments(torch.cat(ends), matrices, x0.double().cpu(), settings) + _noise(torch.cat(moved))


def _scheme(pins: dict[str, str]) -> dict[str, str]:
    return {"phi": pins["activation"], "psi": pins["activation_inside"]}


def _moments(
    x: Float[Tensor, "r n d"], matrices: MatrixNormal, x0: Float[Tensor, "n d"], settings: Sde
) -> list[Record]:
    exact = functionals(*moments_of_sde(matrices, x0, settings.horizon))
    coarse, fine = (functionals(*euler(matrices, x0, settings.horizon, times * settings.depth)) for times in (1, 2))
    values, records = of_states(x), []
    for scheme in exact:
        deviation = float(values[scheme].std())
        if deviation > 0:
            value, stderr = mean((values[scheme] - exact[scheme]) / deviation)
            error = 2 * abs(coarse[scheme] - fine[scheme]) / deviation
            where = {"scheme": scheme, **PINS_OF_TANH}
            more = {"reference_error": error, "coordinates": where, "replicas": len(x)}
            records.append(Record("matrix_normal_moment", value, stderr, **more))
    return records


def of_states(x: Float[Tensor, "r n d"]) -> dict[str, Float[Tensor, " r"]]:
    """`mean_d x_d`, `|x|^2/D`, `sum_d x_d x_{d+1}/D` of the first input, and `<x, y>/D` of both."""
    first, width = x[:, 0], x.shape[-1]
    one = {"mean": first.mean(dim=1), "norm": first.square().mean(dim=1)}
    if width > 1:
        one["neighbours"] = (first[:, 1:] * first[:, :-1]).sum(dim=1) / width
        one["overlap"] = (first * x[:, 1]).mean(dim=1)
    return one


def functionals(m: Float[Tensor, "n d"], M: Float[Tensor, "n n d d"]) -> dict[str, float]:
    """The means of `of_states`."""
    width = m.shape[-1]
    sums = {"mean": m[0].sum(), "norm": M[0, 0].trace()}
    if width > 1:
        sums |= {"neighbours": M[0, 0].diagonal(1).sum(), "overlap": M[0, 1].trace()}
    return {name: float(value) / width for name, value in sums.items()}


def rates(law: MatrixNormal, m: Float[Tensor, "n d"], M: Float[Tensor, "n n d d"]) -> tuple[Tensor, Tensor]:
    """`dm/dt`, `dM/dt`."""
    cross = law.mu @ M + torch.einsum("a,jc->jac", law.mu_b, m)
    noise = (law.V * M).sum(dim=(-2, -1))[..., None, None] * law.U + law.S
    return m @ law.mu.mT + law.mu_b, cross + cross.transpose(0, 1).mT + noise


def euler(law: MatrixNormal, x0: Float[Tensor, "n d"], horizon: float, depth: int) -> tuple[Tensor, Tensor]:
    """Moments of `x + W x + b` at this depth: Euler's, and the square of the drift, `h^2 (mu x + mu_b)(...)^T`."""
    m, M, h = x0, products(x0), horizon / depth
    for _ in range(depth):
        dm, dM = rates(law, m, M)
        along = torch.einsum("ia,c->iac", m @ law.mu.mT, law.mu_b)
        square = law.mu @ M @ law.mu.mT + along[:, None] + along[None].mT + torch.outer(law.mu_b, law.mu_b)
        m, M = m + h * dm, M + h * dM + h**2 * square
    return m, M


def products(x: Float[Tensor, "n d"]) -> Float[Tensor, "n n d d"]:
    """`x^i (x^j)^T`"""
    return torch.einsum("ia,jc->ijac", x, x)


def moments_of_sde(law: MatrixNormal, x0: Float[Tensor, "n d"], horizon: float) -> tuple[Tensor, Tensor]:
    """`m_T`, `M_T` of the SDE, by a Taylor series on parts of the horizon: to rounding, since the rates are affine."""
    size = float(2 * torch.linalg.matrix_norm(law.mu, 2) + torch.linalg.matrix_norm(law.U) * law.V.norm() + 1)
    parts = max(1, math.ceil(horizon * size))
    m, M, h = x0, products(x0), horizon / parts
    zero = rates(law, torch.zeros_like(m), torch.zeros_like(M))
    for _ in range(parts):
        term, total = rates(law, m, M), (m, M)
        for k in range(1, 40):
            term = tuple(h / k * factor for factor in term)
            total = tuple(a + b for a, b in zip(total, term, strict=True))
            term = tuple(a - b for a, b in zip(rates(law, *term), zero, strict=True))
        m, M = total
    return m, M


# -- noise ----------------------------------------------------------------------------------------


class Noise:
    """Sums over layers of products of increments and of what the SDE and the term `h^2` give for them."""

    def __init__(self, law: MatrixNormal, h: float) -> None:
        self._law, self._h = law, h
        self._sums: Tensor | None = None

    def add(self, before: Float[Tensor, "r n d"], after: Float[Tensor, "r n d"]) -> None:
        """The states around a layer."""
        x, moved = before.double(), (after - before).double()
        pairs = [(moved[:, 0], moved[:, 0], self._expected(x, 0, 0, 0))]
        if x.shape[-1] > 1:
            pairs.append((moved[:, 0, :-1], moved[:, 0, 1:], self._expected(x, 0, 0, 1)))
            pairs.append((moved[:, 0], moved[:, 1], self._expected(x, 0, 1, 0)))
        now = torch.stack(
            [torch.stack([(a * b).sum(dim=-1), inner.sum(dim=-1)], dim=-1) for a, b, inner in pairs], dim=1
        )
        self._sums = now if self._sums is None else self._sums + now

    def sums(self) -> Float[Tensor, "r pairs two"]:
        """Realised and expected, of each network."""
        assert self._sums is not None
        return self._sums

    def _expected(self, x: Tensor, i: int, j: int, apart: int) -> Float[Tensor, "r e"]:
        """Of `dx^i_d dx^j_{d + apart}`, every d."""
        law, h, rest = self._law, self._h, x.shape[-1] - apart
        U, V, S, mu, mu_b = (part.to(x) for part in (law.U, law.V, law.S, law.mu, law.mu_b))

        def along(a: int, b: int) -> Tensor:
            return ((x[:, a] @ V) * x[:, b]).sum(dim=-1, keepdim=True)

        variance = [U.diagonal() * along(a, a) + S.diagonal() for a in (i, j)]
        C = U.diagonal(apart) * along(i, j) + S.diagonal(apart)
        drift = [x[:, a] @ mu.mT + mu_b for a in (i, j)]
        more = variance[0][:, :rest] + variance[1][:, apart:]
        return h * C / (1 + h * more) + h**2 * drift[0][:, :rest] * drift[1][:, apart:]


def _noise(sums: Float[Tensor, "r pairs two"]) -> list[Record]:
    """Ratios of means, with errors by the delta method."""
    records = []
    for scheme, realised_and_expected in zip(("noise", "noise.rows", "noise.inputs"), sums.unbind(dim=1), strict=False):
        realised, expected = realised_and_expected.unbind(dim=1)
        size = float(expected.mean())
        if size != 0:
            value = float(realised.mean()) / size
            _, stderr = mean((realised - value * expected) / abs(size))
            where = {"scheme": scheme, **PINS_OF_TANH}
            records.append(Record("matrix_normal_noise", value, stderr, coordinates=where, replicas=len(sums)))
    return records


# -- swish ----------------------------------------------------------------------------------------


def _of_swish(job: Job, matrices: MatrixNormal, x0: Float[Tensor, "1 d"]) -> list[Record]:
    """The share of the drift of second order that networks have."""
    settings, scheme = job.settings, _scheme(PINS_OF_SWISH)
    h, movements, networks = settings.horizon / settings.depth, [], max(settings.replicas, MIN_TANH_NETWORKS // 4)
    schemes = (
        ShallowNetwork(**scheme),
        *(EulerMaruyama(**scheme, law=matrices, ito_drift=drift) for drift in (True, False)),
    )
    walkers = [Walker(one, settings.depth) for one in schemes]
    for first, count in default_engine().pieces(networks, vectors=len(walkers), width=x0.shape[-1], dtype=x0.dtype):
        job.progress(first / networks, "matrix-normal weights, swish")
        stream = Stream(settings.seed, f"sde.matrix_normal.swish {settings.depth}", first_replica=first)
        states = [x0.expand(count, *x0.shape)] * len(walkers)
        for _, now in default_engine().walk(walkers, states[0], matrices, horizon=settings.horizon, stream=stream):
            states = now
        ends = [x[:, 0].double() for x in states]
        moved = [(x - ends[2]).mean(dim=-1) for x in ends[:2]]
        movements.append(torch.stack([*moved, h * matrices.variance(states[0])[:, 0].double().mean(dim=-1)]).cpu())
    network, limit, variance = torch.cat(movements, dim=1)
    size = float(limit.mean())
    if not size > 0:
        return []
    value = float(network.mean()) / size
    _, stderr = mean((network - value * limit) / size)
    numbers = {"reference_error": float(variance.mean()) / 2, "coordinates": {"scheme": "swish", **PINS_OF_SWISH}}
    return [Record("matrix_normal_drift", value, stderr, replicas=networks, **numbers)]
