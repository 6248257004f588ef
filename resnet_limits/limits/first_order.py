"""`S(L) = sum_{k,l < L} rho_V(k-l) K(rho_W(k-l))`: to first order `E|h_L - h_0|^2` grows like `L^(-2 beta) S(L)`.

`K(r) = E phi(z) phi(z')`, z and z' normal of variance sigma_w^2 and correlation r; blocks `V phi(h)` have K = 1. The
depths L and L' move their inputs equally far at `b = log(S(L')/S(L)) / (2 log(L'/L))`: what a search between these
depths finds, up to terms of higher order.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float

from ..networks.blocks.block import Block
from ..networks.blocks.two import TwoBlock
from ..paths.laws.law import Init
from .pair_products import expansions, pair_products


def first_order_sum(init: Init, block: Block, activation: str, depth: int, horizon: float = 1.0) -> float:
    """`S(L)`, up to a factor that does not depend on the depth; nan where the law declares no correlation."""
    rho = init.autocorrelation(depth, horizon)
    if rho is None:
        return math.nan
    k = _products(activation, rho, init.sizes().sigma_w) if type(block) is TwoBlock else np.ones(depth)
    pairs = np.r_[depth, 2.0 * (depth - np.arange(1, depth))]
    return float((pairs * rho * k).sum())


def first_order_crossing(
    init: Init, block: Block, activation: str, depths: tuple[int, int], horizon: float = 1.0
) -> float:
    """The beta at which two depths move their inputs equally far, to first order."""
    shallow, deep = (first_order_sum(init, block, activation, depth, horizon) for depth in depths)
    return math.log(deep / shallow) / (2 * math.log(depths[1] / depths[0])) if shallow > 0 < deep else math.nan


def _products(activation: str, rho: Float[np.ndarray, " lags"], sigma: float) -> Float[np.ndarray, " lags"]:
    """`K(rho)`"""
    variance = torch.full((1, 1), sigma**2, dtype=torch.float64)
    (expansion,) = expansions(activation, variance)
    values, _ = pair_products(expansion, expansion, sigma**2 * torch.from_numpy(rho.copy())[None])
    return values[0].numpy()
