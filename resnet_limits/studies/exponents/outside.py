"""Settings that lie outside the theorems of the study, in words. Free of torch."""

from __future__ import annotations

from ...networks.activations import activation_named
from ...networks.blocks.outside import OutsideBlock
from ...networks.blocks.two import TwoBlock
from ..outside import still
from .settings import Exponents


def unless_two_matrices(settings: Exponents) -> str | None:
    """Why the blocks are not `V phi(W h)`, or None."""
    if type(settings.block) is TwoBlock:
        return None
    return f"block={settings.block.name}: the law is that of V phi(W h), block=two"


def of_one_matrix(settings: Exponents) -> str | None:
    """Why the blocks are not `V phi(h)`, or None."""
    if type(settings.block) is OutsideBlock:
        return None
    return f"block={settings.block.name}: the law is that of V phi(h), block=outside"


def biased(settings: Exponents) -> str | None:
    """Why blocks have biases, or weights are zero, or None."""
    if (reason := still(settings)) is not None:
        return reason
    sigma_b = settings.init.sizes().sigma_b
    if sigma_b:
        return f"init.sigma_b={sigma_b:g}: blocks have no biases in the theorem; take init.sigma_b=0"
    return None


def without_exact_growth(settings: Exponents) -> str | None:
    """Why `E|h_L|^2` is not known in closed form, or None."""
    if (reason := unless_two_matrices(settings) or biased(settings)) is not None:
        return reason
    phi = activation_named(settings.activation)
    if not (phi.arc_cosine or (phi.linear and phi.slope_at_0)):
        return f"activation={settings.activation}: the exact law needs relu, or a linear activation"
    return settings.init.unless("isotropic", "the exact law is that of independent layers, init=iid")


def rate_of_growth(settings: Exponents) -> float:
    """`c = E|V phi(W h)|^2/|h|^2`: a block with factor f multiplies `E|h|^2` by `1 + c f^2`."""
    phi = activation_named(settings.activation)
    share = 0.5 if phi.arc_cosine else (phi.slope_at_0 or 0.0) ** 2
    return share * settings.init.sizes().sigma_w ** 4


def log_growth(settings: Exponents, f: float) -> float:
    """`E log |h + f V phi(W h)|^2/|h|^2` to the order `f^4`, phi relu or linear: `2 c (1/2 - 1/D) f^2` to that of f^2.

    `log(1 + X)` with `X = 2 f q u + f^2 |u|^2`, `u = s g/sqrt(D)`, g standard normal, `E s^2 = c`: of m inner units
    `E s^4 = c^2 (1 + v/m)`, v = 5 (relu) or 2 (linear).
    """
    width, c = settings.width, rate_of_growth(settings)
    inner = settings.block.hidden if isinstance(settings.block, TwoBlock) else width
    fourth = c**2 * (1 + (5 if activation_named(settings.activation).arc_cosine else 2) / inner)
    second_order = (1 + 2 / width) * (4 / width - 1 / 2) - 12 / width**2
    return 2 * c * (1 / 2 - 1 / width) * f**2 + fourth * second_order * f**4
