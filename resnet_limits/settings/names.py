"""Names of activations."""

from __future__ import annotations

ACTIVATIONS = ("tanh", "swish", "relu", "gelu", "identity")


KINKED = frozenset({"relu"})
"""Activations without continuous derivatives: outside the theorems that need them."""
