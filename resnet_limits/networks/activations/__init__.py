"""Activations `phi`: one file each, with its value, its derivatives and all that is known of it. Free of torch."""

from __future__ import annotations

import functools

from ...errors import SettingError
from .activation import Activation


@functools.cache
def activation_named(name: str) -> Activation:
    """The activation that a user gives by this name. Raises `SettingError` with the valid names."""
    if name not in Activation.options:
        raise SettingError(f"activation: unknown value {Activation.options.unknown(name)}")
    return Activation.options[name]()
