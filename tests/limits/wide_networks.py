"""Wide networks with all their weights, in the NTK parametrisation: what the kernels are held against.

shallow   x + phi(sigma_w sqrt(h/D) W x + sigma_b sqrt(h) b)
deep      x + sigma_B sqrt(h/D) B phi(sigma_A/sqrt(D) A x + sigma_a a) + sigma_b sqrt(h) b
x_0 = R z/sqrt(d),    y = V x_L/sqrt(D),    all of R, V, W, b, A, a, B independent N(0, 1)
"""

from __future__ import annotations

import math

import scipy.stats
import torch
from torch import Tensor

from resnet_limits.networks.activations import activation_named

ERROR = 1e-6
"""Probability that a right kernel fails `far`, entries taken as Gaussian."""


def kernels(
    phi: str,
    z: Tensor,
    *,
    width: int,
    depth: int,
    horizon: float,
    outer: tuple[float, float],
    inner: tuple[float, float] | None = None,
    seed: int,
) -> Tensor:
    """Of one network, by autograd: gradients' inner products by read-in, read-out and layers, and `<x_L, x_L>/D`."""
    stream = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=stream, dtype=torch.float64).requires_grad_()

    d, h, f = z.shape[1], horizon / depth, activation_named(phi)
    R, V, layers = drawn(width, d), drawn(width), []
    x = z @ R.T / math.sqrt(d)
    for _ in range(depth):
        W, b = drawn(width, width), drawn(width)
        layers += [W, b]
        if inner is None:
            x = x + f(math.sqrt(h / width) * outer[0] * x @ W.T + math.sqrt(h) * outer[1] * b)
        else:
            A, a = drawn(width, width), drawn(width)
            layers += [A, a]
            hidden = f(inner[0] / math.sqrt(width) * x @ A.T + inner[1] * a)
            x = x + math.sqrt(h / width) * outer[0] * hidden @ W.T + math.sqrt(h) * outer[1] * b
    y = x @ V / math.sqrt(width)
    gradients = [torch.autograd.grad(output, [R, V, *layers], retain_graph=True) for output in y]

    def products(part: slice) -> Tensor:
        flat = torch.stack([torch.cat([g.flatten() for g in gradient[part]]) for gradient in gradients])
        return flat @ flat.T

    overlaps = (x @ x.T / width).detach()
    return torch.stack([products(slice(0, 1)), products(slice(1, 2)), products(slice(2, None)), overlaps])


def far(samples: Tensor, expected: Tensor, width: int, bias: float = 4.0) -> float:
    """Largest deviation of the mean over samples (s, ...) as a multiple of its bound: at most 1 if all is right.

    Student's quantile at `ERROR` over all entries, and `bias`/width of the largest entry, the width being finite.
    """
    s = len(samples)
    quantile = float(scipy.stats.t.isf(ERROR / expected.numel() / 2, s - 1))
    bound = quantile * samples.std(dim=0) / math.sqrt(s) + bias / width * expected.abs().amax(
        dim=(-2, -1), keepdim=True
    )
    return float(((samples.mean(dim=0) - expected).abs() / bound).max())
