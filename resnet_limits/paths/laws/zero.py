"""All weights and biases zero."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from .law import Init


@dataclass
class Zero(Init):
    """All weights and biases zero."""

    name: str = fixed("zero", "all weights and biases zero")
