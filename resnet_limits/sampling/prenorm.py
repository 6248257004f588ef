"""Pre-norm blocks `x_{k+1} = x_k + s_k f(x_k / rms(x_k))`, `rms(x)^2 = |x|^2/D`, with fresh weights in every block.

    linear       f(y) = W y + b               c = sigma_w^2 + sigma_b^2
    two layers   f(y) = V phi(W y + b)        c = sigma_w^2 E phi(z)^2,  z ~ N(0, sigma_w^2 + sigma_b^2)

`W, V` have variance `sigma_w^2/D`, `b` has `sigma_b^2`. The branch sees vectors of norm `sqrt(D)` only, so that each of
its outputs has the same mean square `c` in every block: `E|x_L|^2/D = |x_0|^2/D + c sum_k s_k^2`, at any width and
depth. `act` says how a layer acts on its vectors: an engine's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..networks.activations import activation_named
from ..networks.blocks.prenorm import rms
from ..random import Stream
from .layer_law import Act, Isotropic


def ends_of_linear_branch(
    x0: Float[Tensor, "r n d"],
    factors: Sequence[float],
    law: Isotropic,
    stream: Stream,
    *,
    act: Act,
) -> Float[Tensor, "r n d"]:
    """`x_L` for the linear branch and the branch factors `s_0, ..., s_{L-1}`."""
    x, biased = x0, torch.ones(x0.shape[1])
    for k, s in enumerate(factors):
        x = x + act(law, x / rms(x), biased, s**2, stream.at(k))
    return x


def two_layers(
    phi: str,
    x0: Float[Tensor, "r n d"],
    factors: Sequence[float],
    law: Isotropic,
    stream: Stream,
    *,
    act: Act,
) -> tuple[Float[Tensor, "r n d"], Float[Tensor, "r n"]]:
    """`x_L` for the branch of two layers, and `V_L = sigma_w^2 sum_k s_k^2 |phi(z_k)|^2/D`.

    Given the sizes `|phi(z_k)|` of the hidden features, `x_L - x_0` is Gaussian, N(0, V_L I): they do not depend on
    the states, whose norm the branch does not see.
    """
    x, biased, read = x0, torch.ones(x0.shape[1]), Isotropic(law.sigma_w, 0.0)
    variance = x0.new_zeros(x0.shape[:2])
    for k, s in enumerate(factors):
        hidden = activation_named(phi)(act(law, x / rms(x), biased, 1.0, stream.part(" inner").at(k)))
        variance += (law.sigma_w * s) ** 2 * hidden.square().mean(dim=-1)
        x = x + act(read, hidden, biased, s**2, stream.part(" outer").at(k))
    return x, variance


def log_growth_without_norm(
    x0: Float[Tensor, "r n d"],
    depth: int,
    law: Isotropic,
    stream: Stream,
    *,
    act: Act,
) -> Float[Tensor, "r n"]:
    """`log(|x_L|^2/|x_0|^2)` of `x + W x`, factor 1, no norm: the direction is followed, and the logarithm of the
    size."""
    x, biased = x0 / rms(x0), torch.ones(x0.shape[1])
    total = x0.new_zeros(x0.shape[:2])
    for k in range(depth):
        x = x + act(law, x, biased, 1.0, stream.at(k))
        size = rms(x)
        total += 2 * size.squeeze(-1).log()
        x = x / size
    return total
