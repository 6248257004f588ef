"""The critical exponent of a random network: the beta at which the factor L^-beta has a limit that is not trivial.

    weights independent in depth H = 1/2, increments of a fractional path H, continuous in depth H = 1:

    V phi(W h), E phi(z) != 0    max(1/2, H)            relu, swish: a block is as regular in depth as V is
    V phi(W h), E phi(z) = 0     max(1/2, 2 H - 1)      tanh: products of two noises of correlation L^(2H - 2)
    V phi(h)                     H, where H >= 1/2

To first order `h_L - h_0` has variance `L^(-2 beta) sum_{k,l} rho_V(k-l) K(rho_W(k-l))`, `K(r) = E phi(z) phi(z')` at
correlation r (`limits/first_order.py`): the sum grows like L to twice these exponents. With H < 1/2 blocks `V phi(h)`
have a second-order drift `-L^(1 - 2 beta)/(2D) relu(h)`, seen when `L^(1 - 2H) >> 2D` alone: no search tells. Free of
torch.
"""

from __future__ import annotations

from ...networks.activations import activation_named
from ...networks.blocks.block import Block
from ...networks.blocks.outside import OutsideBlock
from ...networks.blocks.two import TwoBlock
from ...paths.laws.law import Init
from .outside import biased
from .settings import Exponents


def index_of(init: Init) -> float:
    """H: the sum of L layers' weights grows like L^H; nan where that is not declared."""
    known = init.regularity
    if known is None:
        return float("nan")
    if known.increments and known.index is not None:
        return known.index
    return 0.5 if known.independent_layers else 1.0 if known.continuous else float("nan")


def without_exponent(init: Init, block: Block, activation: str) -> str | None:
    """Why no critical exponent is known, or no search would find it, or None."""
    index = index_of(init)
    if index != index:
        return f"init={init.name} declares neither independent layers, nor increments, nor continuity in depth"
    if type(block) is OutsideBlock:
        if index < 0.5:
            return (
                f"V phi(h) with H = {index:g} < 1/2: a drift of second order, of size 1/(2D), sets its limit at depths"
                " L^(1 - 2H) >> 2D, which no search reaches"
            )
        return None
    if type(block) is not TwoBlock:
        return f"block={block.name}: critical exponents are known of V phi(W h), block=two, and V phi(h), block=outside"
    if activation_named(activation).centred is None:
        return f"activation={activation} does not declare whether E phi(z) = 0"
    return None


def exponent(init: Init, block: Block, activation: str) -> float:
    """The critical exponent; nan where none is known."""
    if without_exponent(init, block, activation) is not None:
        return float("nan")
    index = index_of(init)
    if type(block) is OutsideBlock:
        return index
    return max(0.5, 2 * index - 1 if activation_named(activation).centred else index)


def outside_of_search(settings: Exponents) -> str | None:
    """Why the setting's own critical exponent is not known, or None."""
    return biased(settings) or without_exponent(settings.init, settings.block, settings.activation)


def exponent_of(settings: Exponents) -> float:
    """That of the setting's own networks."""
    return exponent(settings.init, settings.block, settings.activation)


def formula_of(block: Block, activation: str) -> str:
    """`V relu(W h)`; of other blocks their names."""
    inside = {TwoBlock: f"V {activation}(W h)", OutsideBlock: f"V {activation}(h)"}
    return inside.get(type(block), f"block={block.name}, activation={activation}")
