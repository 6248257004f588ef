"""`sde.matrix_normal.*`: moments of networks whose weights have a mean and correlated entries.

    dm/dt = mu m + mu_b,      dM/dt = mu M + M mu^T + tr(V M) U + S + mu_b m^T + m mu_b^T

for `m = E x_t` and `M = E x_t x_t^T` of the SDE with tanh and psi = id, `dx = (mu x + mu_b) dt + dW x + db` (Ito's
formula; Peluchetti & Favaro 2020): linear, solved by a matrix exponential on `(m, M)`, or by Euler's method at depth L,
whose moments are those of the linear network. Plain means over networks, without control variates.
"""

from __future__ import annotations

import math
from dataclasses import asdict

import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream
from ....sampling.laws import law_of
from ....sampling.matrix_normal import MatrixNormal
from ....sampling.schemes import Network, Walker
from ..problem import finite, inputs
from .claims import TANH, law

MORE, LEAST = 4, 4096
"""Networks for each of the key `replicas`, and at least."""
WIDEST = 64
"""Width up to which moments, of its square many entries, are followed."""


def measure(job: Job) -> Measurement:
    """Distances of the networks' moments to those of the SDE."""
    settings = job.settings
    width = min(settings.width, WIDEST)
    x0, its = inputs(settings, width=width, count=1), law_of(law(settings), width)
    assert isinstance(its, MatrixNormal)
    engine, networks, found = default_engine(), max(MORE * settings.replicas, LEAST), []
    for first, count in engine.pieces(networks, vectors=1, width=width, dtype=x0.dtype):
        job.progress(first / networks, "matrix-normal weights")
        (x,) = engine.final(
            (Walker(Network(TANH["activation"], TANH["activation_inside"]), settings.depth),),
            x0.expand(count, *x0.shape),
            its,
            horizon=settings.horizon,
            stream=Stream(settings.seed, f"sde.matrix_normal {settings.depth}", first_replica=first),
        )
        found.append(x[:, 0].double().cpu())
    x = torch.cat(found)
    start = x0[0].double().cpu()
    exact = functionals(*moments(its, start, settings.horizon))
    coarse, fine = (functionals(*euler(its, start, settings.horizon, times * settings.depth)) for times in (1, 2))
    values = {
        "mean": x.mean(dim=1),
        "norm": x.square().mean(dim=1),
        "neighbours": (x[:, 1:] * x[:, :-1]).sum(1) / width,
    }
    own = {f"init.{key}": value for key, value in asdict(law(settings)).items() if key != "name"}
    pins = {**TANH, "width": width, "init": "matrix_normal", **own}
    records = []
    for scheme, its_values in values.items():
        deviation = float(its_values.std())
        if deviation > 0:
            value, stderr = mean((its_values - exact[scheme]) / deviation)
            error = 2 * abs(coarse[scheme] - fine[scheme]) / deviation
            records.append(
                Record(
                    "matrix_normal_moment",
                    value,
                    stderr,
                    reference_error=error,
                    coordinates={"scheme": scheme, **pins},
                    replicas=networks,
                )
            )
    return Measurement(finite(records))


def functionals(m: Float[Tensor, " d"], M: Float[Tensor, "d d"]) -> dict[str, float]:
    """`E mean_d x_d`, `E|x|^2/D`, `E sum_d x_d x_{d+1}/D`."""
    width = len(m)
    sums = {"mean": m.sum(), "norm": M.trace(), "neighbours": M.diagonal(1).sum()}
    return {name: float(value) / width for name, value in sums.items()}


def rates(law: MatrixNormal, m: Tensor, M: Tensor) -> tuple[Tensor, Tensor]:
    """`dm/dt`, `dM/dt`."""
    cross = law.mu @ M + torch.outer(law.mu_b, m)
    return law.mu @ m + law.mu_b, cross + cross.T + (law.V * M).sum() * law.U + law.S


def euler(law: MatrixNormal, x0: Float[Tensor, " d"], horizon: float, depth: int) -> tuple[Tensor, Tensor]:
    """Moments of `x + W x + b` at this depth: Euler's, and the square of the drift, `h^2 (mu x + mu_b)(...)^T`."""
    m, M, h = x0, torch.outer(x0, x0), horizon / depth
    for _ in range(depth):
        dm, dM = rates(law, m, M)
        along = torch.outer(law.mu @ m, law.mu_b)
        square = law.mu @ M @ law.mu.T + along + along.T + torch.outer(law.mu_b, law.mu_b)
        m, M = m + h * dm, M + h * dM + h**2 * square
    return m, M


def moments(law: MatrixNormal, x0: Float[Tensor, " d"], horizon: float) -> tuple[Tensor, Tensor]:
    """`m_T`, `M_T` of the SDE, by a Taylor series on `n` parts of the horizon: to rounding, since the rates are
    affine."""
    size = float(2 * torch.linalg.matrix_norm(law.mu, 2) + torch.linalg.matrix_norm(law.U) * law.V.norm() + 1)
    parts = max(1, math.ceil(horizon * size))
    m, M, h = x0, torch.outer(x0, x0), horizon / parts
    zero = rates(law, torch.zeros_like(m), torch.zeros_like(M))
    for _ in range(parts):
        term, total = rates(law, m, M), (m, M)
        for k in range(1, 40):
            term = tuple(h / k * its for its in term)
            total = tuple(a + b for a, b in zip(total, term, strict=True))
            term = tuple(a - b for a, b in zip(rates(law, *term), zero, strict=True))
        m, M = total
    return m, M
