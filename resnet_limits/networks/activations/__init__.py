"""Activations `phi`: one file each, with its value, its derivatives and all that is known of it. Free of torch."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from ...errors import SettingError, one_of
from .activation import Activation


@functools.cache
def activation_named(name: str) -> Activation:
    """The activation that a user gives by this name. Raises `SettingError` with the valid names."""
    names = [found.name for found in pkgutil.iter_modules(__path__) if found.name != "activation"]
    if name not in names:
        raise SettingError(f"activation: unknown value {one_of(name, names)}")
    return getattr(importlib.import_module(f".{name}", __name__), name.title().replace("_", ""))()


activation = activation_named  # TEMPORARY until studies are edited


def with_slope(name, z):
    return activation_named(name).with_slope(z)
