"""Fractional Gaussian noise, and weights that are the increments of a fractional Brownian path over the blocks."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ..errors import SettingError
from ..fixed_shape import in_batches
from ..random import NORMALS_A_PIECE, Stream, replica_blocks, stream_normals
from .path import Draw, checked

CELLS_OF_GRID = 4096
"""Cells of [0, horizon] on which a fractional path is drawn, for every depth."""

NUMBERS_TRANSFORMED = 2**17
"""Numbers that are transformed at a time, of as many paths: transforms are rounded with their number."""


@functools.lru_cache(maxsize=64)
def amplitudes(steps: int, hurst: float) -> Float[Tensor, " numbers"]:
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


def noise_pieces(
    steps: int, hurst: float, entries: int, replicas: int, stream: Stream
) -> Iterator[tuple[slice, slice, Float[Tensor, "r e steps"]]]:
    """Fractional Gaussian noise a few paths at a time: which replicas, which entries, and their noise, of covariance
    `(|k+1|^2H - 2 |k|^2H + |k-1|^2H) / 2` at distance k.

    Exact in law for every 0 < H < 1, by circulant embedding (Davies & Harte 1987): each path is the first half of
    periodic noise of length 2 steps, whose Fourier coefficients are independent; one real FFT and `2 steps + 2` normals
    a path. A piece fits into the cache, and a law that keeps less than the noise never holds all of it.
    """
    amplitude = amplitudes(steps, hurst)
    length = len(amplitude)
    at_once = 1 << (max(NUMBERS_TRANSFORMED // length, 1).bit_length() - 1)
    paths = max(1, NORMALS_A_PIECE // length)
    paths -= paths % at_once if paths > at_once else 0
    width, height = min(paths, entries), max(1, paths // max(entries, 1))
    done = 0
    for block, skipped, taken in replica_blocks(stream.first_replica, replicas):
        for r in range(0, taken, height):
            for e in range(0, entries, width):
                rows = slice(done + r, done + min(r + height, taken))
                columns = slice(e, min(e + width, entries))
                size = (rows.stop - rows.start, columns.stop - columns.start)
                first = ((skipped + r) * entries + e) * length
                numbers = stream_normals(stream, block, first, math.prod(size) * length)
                coefficients = torch.view_as_complex(numbers.view(-1, length).mul_(amplitude).unflatten(1, (-1, 2)))
                noise = in_batches(_noise, at_once, coefficients, first=(skipped + r) * entries + e)
                yield rows, columns, noise.unflatten(0, size)
        done += taken


def _noise(coefficients: Complex[Tensor, "paths modes"]) -> Float[Tensor, "paths steps"]:
    """The first half of periodic noise."""
    steps = coefficients.shape[1] - 1
    return torch.fft.irfft(coefficients, n=2 * steps, norm="ortho")[:, :steps]


def brownian_pieces(hurst: float, draw: Draw) -> Iterator[tuple[slice, slice, Float[Tensor, "r e grid"]]]:
    """`B^H(k / GRID)`, k = 0..GRID, a few paths at a time, as `noise_pieces`: `B^H(0) = 0` and `Var B^H(1) = 1`."""
    entries = math.prod(draw.shape)
    pieces = noise_pieces(CELLS_OF_GRID, hurst, entries, draw.replicas, draw.stream)
    for rows, columns, noise in pieces:
        values = torch.zeros(*noise.shape[:2], CELLS_OF_GRID + 1, dtype=torch.float64)
        torch.cumsum(noise, dim=2, out=values[..., 1:])
        yield rows, columns, values.mul_(CELLS_OF_GRID**-hurst)


def refuse_beyond_grid(name: str, depth: int) -> None:
    """Raises `SettingError` for a depth with blocks smaller than a cell of the grid."""
    if depth > CELLS_OF_GRID:
        raise SettingError(
            f"depth={depth}: init={name} is drawn on a grid of {CELLS_OF_GRID} cells; use depth <= {CELLS_OF_GRID}"
        )


@dataclass(frozen=True)
class IncrementsPath:
    """`theta(t) = theta_k` for t in block k, `[k, k + 1) horizon / L`; layers: (R, L, *shape)."""

    layers: Float[Tensor, "R L *shape"]
    horizon: float

    def at(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        depth = self.layers.shape[1]
        # The small shift puts t_k into block k although k * (T / L) may be rounded down.
        block = (checked(times, self.horizon).double() * (depth / self.horizon) + 1e-6).long()
        return self.layers[:, block.clamp(0, depth - 1).to(self.layers.device)]


def increments_path(hurst: float, draw: Draw) -> IncrementsPath:
    """`theta_k = sigma (B^H(t_{k+1}) - B^H(t_k)) / h^H`, times in units of the horizon: variance `sigma^2`.

    Fractional Gaussian noise over the layers (Cohen, Cont, Rossier & Xu 2021, arXiv 2105.12245). The path `B^H` is
    that of `rough`, drawn on a grid of 4096 cells whatever the depth: two layers of a network of depth 2L add up to
    `2^H` times one of depth L. Where L does not divide 4096, `t_k` is the nearest grid point and `h` its own block's
    length: every layer keeps its unit variance, blocks differ in length by at most a cell.
    Raises `SettingError` for a depth beyond the grid.
    """
    refuse_beyond_grid("fractional", draw.depth)
    ends = (torch.arange(draw.depth + 1, dtype=torch.float64) * CELLS_OF_GRID / draw.depth).round().long()
    size = draw.sigma * (ends.diff().double() / CELLS_OF_GRID) ** -hurst
    layers = torch.empty(draw.replicas, draw.depth, math.prod(draw.shape), dtype=draw.dtype)
    for rows, columns, values in brownian_pieces(hurst, draw):
        layers[rows, :, columns] = (values[..., ends].diff(dim=2) * size).transpose(1, 2)
    return IncrementsPath(layers.unflatten(2, draw.shape).to(draw.device), draw.horizon)
