"""How far networks `h_{k+1} = h_k + L^-beta f(h_k, theta_k)` move their input, to first order in the factor.

    E|h_L - h_0|^2/|h_0|^2 = L^(-2 beta) S(L),      S(L) = sum_{k,l < L} rho_V(k-l) K(rho_W(k-l))

    V phi(W h)    K(r) = sigma^2 E phi(z) phi(z')                    backwards sigma^4 r E phi'(z) phi'(z')
    V phi(h)      K = sigma^2 E phi(x)^2                             backwards sigma^2 E phi'(x)^2

z and z' are normals of variance sigma^2 and correlation r, x is a standard normal: inputs are of size 1 an entry. The
depths L and L' move their inputs equally far at `b = log(S(L')/S(L)) / (2 log(L'/L))`: what a search between these
depths finds, up to terms of higher order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from ..networks.blocks.block import Block
from ..networks.blocks.outside import OutsideBlock
from ..networks.blocks.two import TwoBlock
from ..paths.laws.law import Init
from .pair_products import expansions, pair_products


def first_order_sum(
    init: Init, block: Block, activation: str, depth: int, horizon: float = 1.0, *, backwards: bool = False
) -> float:
    """`S(L)`, of states, or of gradients; nan where the law declares no correlation over depth, or for other blocks."""
    rho = init.autocorrelation(depth, horizon)
    if rho is None or type(block) not in (TwoBlock, OutsideBlock):
        return math.nan
    k = _products(activation, rho, init.sizes().sigma_w, two=type(block) is TwoBlock, backwards=backwards)
    pairs = np.r_[depth, 2.0 * (depth - np.arange(1, depth))]
    return float((pairs * rho * k).sum())


def first_order_crossing(
    init: Init, block: Block, activation: str, depths: Sequence[int], horizon: float = 1.0
) -> float:
    """The beta at which two depths move their inputs equally far, to first order."""
    shallow, deep = (first_order_sum(init, block, activation, depth, horizon) for depth in depths)
    return math.log(deep / shallow) / (2 * math.log(depths[1] / depths[0])) if shallow > 0 < deep else math.nan


def _products(
    activation: str, rho: Float[np.ndarray, " lags"], sigma: float, *, two: bool, backwards: bool
) -> Float[np.ndarray, " lags"]:
    """`K(rho)`"""
    variance, correlation = (sigma**2, torch.from_numpy(rho.copy())) if two else (1.0, torch.ones(len(rho)).double())
    (expansion,) = expansions(activation, torch.full((1, 1), variance, dtype=torch.float64))
    values, slopes = pair_products(expansion, expansion, variance * correlation[None], slopes=backwards)
    if slopes is None:
        return sigma**2 * values[0].numpy()
    return sigma**2 * (variance * rho if two else 1.0) * slopes[0].numpy()
