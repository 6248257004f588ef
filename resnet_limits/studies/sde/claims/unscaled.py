"""The keys of the networks without the factor sqrt(h) that the scaled ones are held against. Free of torch."""

from __future__ import annotations

from typing import Any


def _pins(activation: str, sigma_w: float, sigma_b: float) -> dict[str, Any]:
    sizes = {"init.sigma_w": sigma_w, "init.sigma_b": sigma_b}
    return {"activation": activation, "activation_inside": "identity", **sizes}


UNSCALED_TANH = _pins("tanh", 2.0, 0.5)
UNSCALED_SWISH = _pins("swish", 0.5, 0.5)
PLAIN_CRITICAL = _pins("tanh", 1.3, 0.196)
"""Near the edge of chaos: two inputs become one slowly (Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017)."""
PLAIN_ORDERED = _pins("tanh", 1.0, 0.5)
"""In the ordered phase: `sigma_w^2 E phi'(z)^2 = 0.58` at infinite width, gradients vanish."""
