"""TODO"""

from __future__ import annotations

from ....paths.laws.fractional import Fractional
from ....paths.laws.rough import Rough
from ..settings import Ode

ROUGH = {"init": "rough", "width": 8}
"""A narrow network: a rough path costs far more to draw than to read, and replicas narrow the interval."""


def rough_order(settings: Ode) -> float:
    """`min(1, H + 1/2)`."""
    return min(1.0, rough_hurst(settings) + 0.5)


def rough_hurst(settings: Ode) -> float:
    """The Hurst index of the settings' own law where it has one."""
    own = settings.init
    return own.hurst if isinstance(own, Rough | Fractional) else Rough().hurst
