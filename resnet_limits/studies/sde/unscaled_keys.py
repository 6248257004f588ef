"""The keys of the networks without the factor sqrt(h) that the scaled ones are held against. Free of torch."""

from __future__ import annotations

from typing import Any

from .settings import Sde


def _pins(activation: str, sigma_w: float, sigma_b: float) -> dict[str, Any]:
    sizes = {"init.sigma_w": sigma_w, "init.sigma_b": sigma_b}
    return {"activation": activation, "activation_inside": "identity", **sizes, "sde.norm": 1.0}


UNSCALED_TANH = _pins("tanh", 4.0, 0.5)
"""Large weights: norms and correlations are near their asymptotic laws from the first layers on."""
UNSCALED_TANH_UNIT = _pins("tanh", 1.0, 0.5)
"""Weights of unit size, where this is so for gradients."""
UNSCALED_SWISH = _pins("swish", 0.5, 0.5)
PLAIN_CRITICAL = _pins("tanh", 1.3, 0.196)
"""Near the edge of chaos: two inputs become one as slowly as they can."""
PLAIN_ORDERED = _pins("tanh", 1.0, 0.5)
"""In the ordered phase: mean square gradients shrink by `sigma_w^2 E phi'(z)^2 = 0.58` a layer at infinite width."""


def too_narrow_unscaled(settings: Sde) -> str | None:
    """Why the asymptotic laws of unscaled networks, those of wide ones, say nothing; None where they do."""
    return f"width={settings.width}: its law is that of wide networks, width=4 or more" if settings.width < 4 else None
