"""Settings that lie outside the theorems of the study, in words. Free of torch."""

from __future__ import annotations

from ...networks.activations import activation_named
from ...networks.blocks.outside import OutsideBlock
from ...networks.blocks.two import TwoBlock
from ..outside import still
from .settings import Exponents


def of_two_matrices(settings: Exponents) -> str | None:
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
    if (reason := of_two_matrices(settings) or biased(settings)) is not None:
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
