"""Reasons that studies share why a setting lies outside a theorem, in words; None where it does not. Free of torch."""

from __future__ import annotations

from typing import Any

from ..networks.activations import activation_named


def kinked(settings: Any, what: str = "a field") -> str | None:
    """Why the activation leaves what the theorem is about without continuous derivatives, or None."""
    if activation_named(settings.activation).kinks:
        return f"activation={settings.activation}: the theorem needs {what} with continuous derivatives"
    return None


def still(settings: Any) -> str | None:
    """Why the states do not move, or None."""
    if settings.init.sizes() == (0, 0):
        return "all weights are zero: the states do not move, there is no error to measure"
    return None


def unlabelled(settings: Any) -> str | None:
    """Why there are no accuracies, or None."""
    if not settings.data.labelled():
        return f"data={settings.data.name}: targets are no classes"
    return None
