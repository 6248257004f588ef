"""`x' = E_theta f(x, theta)`: the limit of networks with factor `h` and independent weights of size O(1).

A law of large numbers in depth: the fluctuations of the layers average out, of order `L^-1/2` for one draw and
`1/L` in the mean. What a block has for a mean it declares (`Block.mean_field`). For the block `phi(W x + b)` with
`W_ij ~ N(0, sigma_w^2/d)` and `b_i ~ N(0, sigma_b^2)` it is `E phi(z)`, `z ~ N(0, sigma_b^2 + sigma_w^2 |x|^2/d)`, in
each coordinate, which is zero for odd `phi`; blocks that are linear in weights of mean zero average to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError
from ..networks.blocks.block import Block, MeanField
from ..networks.blocks.one import OneMean
from ..networks.residual import unstacked
from ..networks.steps.step import Field
from .ode import solve_with_error


def averaged_field(block: Block, activation: str, *, sigma_w: float, sigma_b: float) -> MeanField:
    """The averaged field of a block, called as `average(x)`. Raises `SettingError` where it is not known."""
    if block.mean_field is None:
        raise SettingError(
            f"block={block.name}: the mean of its field over Gaussian weights is not known, and so no averaged limit"
        )
    return block.mean_field(block, activation, sigma_w, sigma_b)


def martingale_response(
    field: Field, average: MeanField, x0: Float[Tensor, "n d"], weights: Mapping[str, Tensor], h: float
) -> tuple[Tensor, Tensor, Tensor]:
    """`(x_L, y_L, z_L)`: the Euler network, the averaged network, and the response to the network's fluctuations.

        x_{k+1} = x_k + h f(x_k, theta_k)
        y_{k+1} = y_k + h E f(y_k)
        z_{k+1} = z_k + h (E f'(y_k) z_k + f(x_k, theta_k) - E f(x_k)),    z_0 = 0

    The weights of a layer are independent of its state, so `f(x_k, theta_k) - E f(x_k)` is a martingale difference and
    `z_L` has mean zero exactly, at any depth. It is `x_L - y_L` but for the curvature of `E f`: a control variate that
    takes nearly all noise out of the mean of `x_L`. Independent weights, (r, L, *shape), read by `steps.Euler`;
    returns (r, n, d), (1, n, d), (r, n, d).
    """
    layers = unstacked(weights)
    replicas = next(iter(layers[0].values())).shape[0]
    y = x0[None]
    x = y.expand(replicas, *x0.shape)
    z = torch.zeros_like(x)
    for theta in layers:
        f = field(x, theta)
        z = z + h * (average.derivative(y, z) + f - average(x))
        x = x + h * f
        y = y + h * average(y)
    return x, y, z


def fluctuations(
    average: OneMean, x0: Float[Tensor, "1 n d"], horizon: float
) -> tuple[Float[Tensor, "1 n d"], Float[Tensor, "n d d"], float]:
    """`x(T)` of the averaged flow, `Sigma(T)` and the larger error of the two: `x_L - x(T) ~ N(0, h Sigma(T))`.

        Sigma' = A Sigma + Sigma A^T + s(x) 1,   Sigma(0) = 0,   A = E f'(x),   s = Var f(x)_i

    one covariance an input: the layers' fluctuations are independent, and carried along by the linearised flow.
    """
    n, d = x0.shape[1:]
    one = torch.eye(d, dtype=x0.dtype, device=x0.device)

    def velocity(t: Tensor, state: Tensor) -> Tensor:
        x, sigma = state[..., 0][None], state[..., 1:]
        along = average.derivative(x, sigma.permute(2, 0, 1)).permute(1, 2, 0)
        return torch.cat([average(x)[0][..., None], along + along.mT + average.scatter(x)[0][:, None, None] * one], 2)

    start = torch.cat([x0[0][..., None], x0.new_zeros(n, d, d)], dim=2)
    solution, error = solve_with_error(velocity, start, horizon)
    return solution[None, ..., 0], solution[..., 1:], error
