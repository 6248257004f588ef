"""Engines: how states and gradients of residual networks are computed. One file each; `engine.py` says what one is."""

from __future__ import annotations

from .engine import Engine


def engine() -> Engine:
    """The engine that networks run on, wherever they are trained."""
    from .eager import Eager

    return Eager()
