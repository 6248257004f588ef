"""The kernels of the settings' networks, and their moments."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.dataset import Dataset
from ...limits.deep_kernel import DeepKernel, extremes
from ...limits.kernel import Kind, LimitKernel
from ...limits.kernel_recursion import FiniteDepthKernel, moments_recursion
from ...limits.moments import first_explosion, moments_at
from ...limits.pair_kernel import mean_square
from ...networks.activations import activation_named
from .outside import DEEP_BLOCK, limitless, sizes_of_law
from .settings import Kernel


def finite_kernel(settings: Kernel, kind: Kind, depth: int, *, phi: str | None = None) -> FiniteDepthKernel:
    """Of infinite width and this depth."""
    init = sizes_of_law(settings)
    return FiniteDepthKernel(
        phi=phi or settings.activation,
        sigma_w=init.sigma_w,
        sigma_b=init.sigma_b,
        horizon=settings.horizon,
        depth=depth,
        kind=kind,
        readout=settings.kernel.readout,
        read_in=settings.kernel.read_in,
    )


def reached(settings: Kernel, z: Float[Tensor, "n f"], *, phi: str | None = None) -> tuple[bool, float]:
    """Whether no input blows up before the horizon, in the limit of depth, and when the first one does."""
    init = sizes_of_law(settings)
    first, _ = first_explosion(phi or settings.activation, init.sigma_w, init.sigma_b, mean_square(z))
    return settings.horizon < first, first


def limit_exists(settings: Kernel, data: Dataset) -> tuple[bool, float]:
    """Whether the doubly infinite network has moments at all points, up to the horizon, and when the first explode."""
    if limitless(settings) is not None:
        return False, math.inf
    times = [reached(settings, z) for z in (data.x_train, data.x_test)]
    return all(is_finite for is_finite, _ in times), min(first for _, first in times)


def limit_kernel(settings: Kernel, kind: Kind, largest: float, *, phi: str | None = None) -> LimitKernel:
    """Of infinite width and depth, for inputs of at most this `|z|^2/d_in`.

    Raises `SettingError` where it does not exist: no `phi'(0)`, or a horizon beyond the blow-up of such inputs.
    """
    init = sizes_of_law(settings)
    return LimitKernel(
        phi=phi or settings.activation,
        sigma_w=init.sigma_w,
        sigma_b=init.sigma_b,
        horizon=settings.horizon,
        kind=kind,
        readout=settings.kernel.readout,
        read_in=settings.kernel.read_in,
        largest=largest,
    )


def affine_kernel(settings: Kernel, kind: Kind) -> tuple[float, float]:
    """Constant and slope of the kernel of the doubly infinite network as a function of `<z, z'>/d_in`, where
    `phi''(0) = 0`: not by `LimitKernel`, whose regressions are held against them.

        NNGP  lambda_T = (lambda_0 + c) e^{kT} - c
        NTK   T (k lambda_0 + phi'(0)^2 sigma_b^2) e^{kT} [+ lambda_T: read-out] [+ e^{kT} lambda_0: read-in]
    """
    init, T = sizes_of_law(settings), settings.horizon
    squared = activation_named(settings.activation).taylor()[0] ** 2
    k, source = squared * init.sigma_w**2, squared * init.sigma_b**2
    growth = math.exp(k * T)
    constant, slope = (source * (growth - 1) / k if k > 0 else source * T), growth
    if kind == "nngp":
        return constant, slope
    readout, read_in = settings.kernel.readout, settings.kernel.read_in
    return T * source * growth + readout * constant, T * k * growth + readout * slope + read_in * growth


def deep_kernel(settings: Kernel, z: Float[Tensor, "n f"], tolerance: float, dtype: torch.dtype) -> DeepKernel:
    """Of the deep block (its own sizes, `DEEP_BLOCK`) of infinite width and depth."""
    kernel = DeepKernel(
        phi=DEEP_BLOCK["activation"],
        inner=(DEEP_BLOCK["sigma_A"], DEEP_BLOCK["sigma_a"]),
        outer=(DEEP_BLOCK["sigma_B"], sizes_of_law(settings).sigma_b),
        horizon=settings.horizon,
        dtype=dtype,
    )
    return kernel.with_tolerance(extremes(z), tolerance)[0]


def finite_moments(
    settings: Kernel, gram: Float[Tensor, "2 2"], depth: int, *, phi: str | None = None
) -> dict[str, float]:
    """`q` and `m` of the first input, `lambda` and the tangent kernel of both, at infinite width and this depth."""
    init, phi = sizes_of_law(settings), phi or settings.activation
    m, q = moments_recursion(phi, init.sigma_w, init.sigma_b, gram.diagonal(), settings.horizon, depth)
    return {
        "q": float(q[-1, 0]),
        "m": float(m[-1, 0]),
        "lambda": _entry(finite_kernel(settings, "nngp", depth, phi=phi), gram),
        "ntk": _entry(finite_kernel(settings, "ntk", depth, phi=phi), gram),
    }


def limit_moments(settings: Kernel, gram: Float[Tensor, "2 2"], *, phi: str | None = None) -> dict[str, float]:
    """The same of infinite depth. Raises `SettingError` where they do not exist."""
    init, phi, q0 = sizes_of_law(settings), phi or settings.activation, gram.diagonal()
    m, q = moments_at(phi, init.sigma_w, init.sigma_b, q0, torch.tensor([settings.horizon], dtype=torch.float64))
    nngp, ntk = (limit_kernel(settings, kind, float(q0.max()), phi=phi) for kind in ("nngp", "ntk"))
    return {"q": float(q[0, 0]), "m": float(m[0, 0]), "lambda": _entry(nngp, gram), "ntk": _entry(ntk, gram)}


def _entry(kernel: FiniteDepthKernel | LimitKernel, gram: Float[Tensor, "2 2"]) -> float:
    q = gram.diagonal()
    return float(kernel.of_overlaps(gram[:1, 1:], q[:1, None], q[None, 1:])[0, 0])
