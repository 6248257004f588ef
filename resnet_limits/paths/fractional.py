"""Fractional Gaussian noise, and weights that are the increments of a fractional Brownian path over the blocks."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError
from ..random import PIECE, replica_blocks, stream_normals
from ..settings import Fractional
from .path import Draw, checked

GRID = 4096
"""Cells of [0, horizon] on which a fractional path is drawn, for every depth."""


@functools.lru_cache(maxsize=64)
def _amplitude(steps: int, hurst: float) -> Float[Tensor, " 2*steps+2"]:
    """Standard deviations of the real and imaginary Fourier coefficients 0..steps of periodic noise of length 2 steps.

    The covariance `r(0), ..., r(steps), r(steps - 1), ..., r(1)` of the noise on a circle has nonnegative
    eigenvalues for every Hurst index (Perrin et al. 2002 and Craigmile 2003); negative ones are rounding.
    """
    k = torch.arange(steps + 1, dtype=torch.float64)
    covariance = ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + (k - 1).abs() ** (2 * hurst)) / 2
    eigenvalues = torch.fft.rfft(torch.cat([covariance, covariance[1:-1].flip(0)])).real.clamp(min=0)
    amplitude = (eigenvalues / 2).sqrt().repeat_interleave(2).view(-1, 2)
    for real_mode in (0, steps):
        amplitude[real_mode, 0] = eigenvalues[real_mode].sqrt()
        amplitude[real_mode, 1] = 0
    return amplitude.view(-1)


def fractional_gaussian_noise(
    steps: int,
    hurst: float,
    shape: tuple[int, ...] = (),
    *,
    replicas: int,
    seed: int,
    purpose: str,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
    first_replica: int = 0,
) -> Float[Tensor, "R steps *shape"]:
    """Gaussian noise of covariance `(|k+1|^2H - 2 |k|^2H + |k-1|^2H) / 2` at distance k, every entry independent.

    Exact in law for every 0 < H < 1, by circulant embedding (Davies & Harte 1987): each path is the first half of
    periodic noise of length 2 steps, whose Fourier coefficients are independent. One real FFT a path, many entries
    at a time; `2 steps + 2` normals a path.
    shape: entries, each with a path of its own. Returns (replicas, steps, *shape), unit variance.
    A function of (seed, purpose, replica), `steps` and the shape; made on the CPU in float64, then rounded and moved.
    Raises `SettingError` unless 0 < hurst < 1, `ValueError` unless steps >= 1.
    """
    if not 0 < hurst < 1:
        raise SettingError(f"init.hurst: expected above 0 and below 1, got {hurst}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    entries = math.prod(shape)
    noise = torch.empty(replicas, steps, entries, dtype=dtype)
    amplitude = _amplitude(steps, hurst)
    length = len(amplitude)
    at_a_time = max(1, PIECE // length)  # paths whose coefficients fit into the cache
    columns = min(at_a_time, entries)
    rows = max(1, at_a_time // max(entries, 1))
    done = 0
    for block, skipped, taken in replica_blocks(first_replica, replicas):
        for r in range(0, taken, rows):
            some = min(rows, taken - r)
            for e in range(0, entries, columns):
                width = min(columns, entries - e)
                first = ((skipped + r) * entries + e) * length
                numbers = stream_normals(seed, purpose, 0, block, first, some * width * length)
                coefficients = numbers.view(some, width, length).mul_(amplitude).view(some, width, steps + 1, 2)
                periodic = torch.fft.irfft(torch.view_as_complex(coefficients), n=2 * steps, norm="ortho")
                noise[done + r : done + r + some, :, e : e + width] = periodic[..., :steps].transpose(1, 2)
        done += taken
    return noise.view(replicas, steps, *shape).to(device)


def brownian_grids(hurst: float, draw: Draw) -> Iterator[tuple[slice, Float[Tensor, " r GRID+1 *shape"]]]:
    """`B^H(k / GRID)`, k = 0..GRID, a few replicas at a time: float64, on the CPU, `B^H(0) = 0`, `Var B^H(1) = 1`.

    A fine grid of all replicas may not fit into memory where the network's depth would.
    """
    at_a_time = max(1, 8 * PIECE // (GRID * math.prod(draw.shape)))
    for start in range(0, draw.replicas, at_a_time):
        some = slice(start, min(start + at_a_time, draw.replicas))
        noise = fractional_gaussian_noise(
            GRID,
            hurst,
            draw.shape,
            replicas=some.stop - start,
            seed=draw.seed,
            purpose=draw.purpose,
            first_replica=draw.first_replica + start,
        )
        values = torch.zeros(some.stop - start, GRID + 1, *draw.shape, dtype=torch.float64)
        torch.cumsum(noise, dim=1, out=values[:, 1:])
        yield some, values.mul_(GRID**-hurst)


def refuse_beyond_grid(name: str, depth: int) -> None:
    """Raises `SettingError` for a depth with blocks smaller than a cell of the grid."""
    if depth > GRID:
        raise SettingError(f"depth={depth}: init={name} is drawn on a grid of {GRID} cells; use depth <= {GRID}")


@dataclass(frozen=True)
class IncrementsPath:
    """`theta(t) = theta_k` for t in block k, `[k, k + 1) horizon / L`; layers: (R, L, *shape)."""

    layers: Float[Tensor, "R L *shape"]
    horizon: float

    def at(self, times: Float[Tensor, " n"]) -> Float[Tensor, "R n *shape"]:
        depth = self.layers.shape[1]
        # The small shift puts t_k into block k although k * (T / L) may be rounded down.
        block = (checked(times, self.horizon).double() * (depth / self.horizon) + 1e-6).long()
        return self.layers[:, block.clamp(0, depth - 1).to(self.layers.device)]


def increments_path(law: Fractional, draw: Draw) -> IncrementsPath:
    """`theta_k = sigma (B^H(t_{k+1}) - B^H(t_k)) / h^H`, times in units of the horizon: variance `sigma^2`.

    Fractional Gaussian noise over the layers (Cohen, Cont, Rossier & Xu 2021, arXiv 2105.12245). The path `B^H` is
    that of `rough`, drawn on a grid of 4096 cells whatever the depth: two layers of a network of depth 2L add up to
    `2^-H` times one of depth L. Where L does not divide 4096, `t_k` is the nearest grid point and `h` its own block's
    length: every layer keeps its unit variance, blocks differ in length by at most a cell.
    Raises `SettingError` for a depth beyond the grid.
    """
    refuse_beyond_grid(law.name, draw.depth)
    ends = (torch.arange(draw.depth + 1, dtype=torch.float64) * GRID / draw.depth).round().long()
    size = draw.sigma * (ends.diff().double() / GRID) ** -law.hurst
    layers = torch.empty(draw.replicas, draw.depth, *draw.shape, dtype=draw.dtype)
    for some, values in brownian_grids(law.hurst, draw):
        layers[some] = values[:, ends].diff(dim=1) * size.view(-1, *(1,) * len(draw.shape))
    return IncrementsPath(layers.to(draw.device), draw.horizon)
