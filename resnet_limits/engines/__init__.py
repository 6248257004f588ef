"""Engines: how states and gradients of residual networks are computed, and random networks walked. One file each;
`engine.py` says what one is."""

from __future__ import annotations

from .engine import Engine


def default_engine() -> Engine:
    """The engine that networks run on, wherever they are trained or sampled: the one place that chooses."""
    return Engine.options["eager"]()
