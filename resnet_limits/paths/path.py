"""What a weight path is: a random function of time, read at any time.

A law of the weights over depth (`laws/`) makes a `Path` of a `Draw`, which says what to draw. The path is drawn once
a seed, on a grid or in a basis that does not know the depth, so that networks of every depth, and their limit, read the
same path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..random import Stream, normals


@runtime_checkable
class Path(Protocol):
    """One parameter as a function of time, `theta: [0, horizon] -> R^shape`, for R replicas."""

    def at(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        """`theta(t_1), ..., theta(t_n)`; a scalar tensor reads as one time.

        The result may be a view of the path: clone it before writing into it.
        Raises `ValueError` for a time that is not a number in [0, horizon].
        """
        ...


@runtime_checkable
class DifferentiablePath(Path, Protocol):
    """A path that has its derivative in time in closed form."""

    def rate(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        """`theta'(t_1), ..., theta'(t_n)`; raises as `at`."""
        ...


@dataclass(frozen=True)
class WeightPath:
    """`theta(t) = {"W": W(t), "b": b(t), ...}`: the named parameters of a block as functions of time.

    `weights["W"]` is the path of one parameter, `weights.at(times)["W"]` its values (R, n, out, in).
    """

    parameters: Mapping[str, Path]
    horizon: float

    def at(self, times: Float[Tensor, " *times"]) -> dict[str, Float[Tensor, "R n *shape"]]:
        """Every parameter at the given times; as `Path.at`."""
        return {name: path.at(times) for name, path in self.parameters.items()}

    def rate(self, times: Float[Tensor, " *times"]) -> dict[str, Float[Tensor, "R n *shape"]]:
        """The derivative in time of every parameter: as its path has it, else by autograd."""
        return {name: _rate(path, times) for name, path in self.parameters.items()}

    def __getitem__(self, name: str) -> Path:
        return self.parameters[name]


def _rate(path: Path, times: Tensor) -> Tensor:
    if isinstance(path, DifferentiablePath):
        return path.rate(times)
    return torch.func.jvp(path.at, (times,), (torch.ones_like(times),))[1]


@dataclass(frozen=True)
class Draw:
    """What a law is asked to draw: one named parameter.

    sigma: standard deviation of the entries.
    depth: number of blocks of the network that will read the path. It never changes the path: it is the length
        of a block where a law is about blocks (increments), and is refused where it is finer than a law's grid.
    stream: the random numbers; every parameter has its own.
    replicas: the replicas `stream.first_replica, ..., stream.first_replica + replicas - 1`.
    """

    shape: tuple[int, ...]
    sigma: float
    depth: int
    horizon: float
    stream: Stream
    replicas: int
    dtype: torch.dtype = torch.float64
    device: torch.device | str = "cpu"

    def normals(self, shape: tuple[int, ...], layer: int = 0) -> Float[Tensor, " R *shape"]:
        """Standard normals of this parameter's own stream; see `random.normals`."""
        return normals(shape, self.stream.at(layer), replicas=self.replicas, dtype=self.dtype, device=self.device)


def standard_deviation(shape: tuple[int, ...], sigma_w: float, sigma_b: float) -> float:
    """`sigma_w / sqrt(fan-in)` for a weight (out, in, ...), `sigma_b` for a bias (out,)."""
    if len(shape) == 0:
        raise ValueError("a parameter has shape (out, in, ...) or (out,), got a scalar ()")
    return sigma_b if len(shape) == 1 else sigma_w / math.sqrt(math.prod(shape[1:]))


def checked(times: Tensor, horizon: float) -> Float[Tensor, " n"]:
    """The times as a vector. Raises `ValueError` unless all are numbers in [0, horizon].

    A rounding of 1e-9 of the horizon is let through: `k * (T / L)` may end an ulp beyond `T`.
    """
    if times.ndim > 1:
        raise ValueError(f"times must be a vector (n,) or a scalar, got shape {tuple(times.shape)}")
    if times.ndim == 0:
        times = times[None]
    if times.numel() > 0:
        # One time is what an ODE solver asks for, thousands of times: no reduction, one number read.
        first, last = (times.item(),) * 2 if times.numel() == 1 else torch.stack(torch.aminmax(times)).tolist()
        slack = 1e-9 * horizon
        if not (first >= -slack and last <= horizon + slack):  # also refuses NaN
            raise ValueError(f"times must lie in [0, {horizon:g}], got values from {first:g} to {last:g}")
    return times
