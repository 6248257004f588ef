"""`phi(z) = phi'(0) z + 1/2 phi''(0) z^2 + ...`: what the SDE limit keeps of an outer activation. Free of torch."""

from __future__ import annotations

import math

SLOPE = {"tanh": 1.0, "swish": 0.5, "gelu": 0.5, "identity": 1.0}
"""`phi'(0)` of the activations that are smooth at 0."""

CURVATURE = {"tanh": 0.0, "swish": 0.5, "gelu": math.sqrt(2 / math.pi), "identity": 0.0}
"""`phi''(0)`; gelu `z Phi(z)`: twice the Gaussian density at 0."""
