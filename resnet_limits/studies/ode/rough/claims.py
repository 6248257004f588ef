"""`ode.rough`: weights that are values of a fractional Brownian path. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import MARION_SCALING
from ....paths.laws.fractional import Fractional
from ....paths.laws.rough import Rough
from ...group import Depths, Group
from ...least import points
from ..settings import Ode

ROUGH = {"init": "rough", "width": 8}
"""A narrow network: a rough path costs far more to draw than to read, and replicas narrow the interval."""
DEEPEST = 2048
"""Depth 2L reads the path at every cell of its grid, `paths.fractional.GRID`."""


def rough_order(settings: Ode) -> float:
    """`min(1, H + 1/2)`."""
    return min(1.0, rough_hurst(settings) + 0.5)


def rough_hurst(settings: Ode) -> float:
    """The Hurst index of the settings' own law where it has one."""
    own = settings.init
    return own.hurst if isinstance(own, Rough | Fractional) else Rough().hurst


GROUP = Group(
    name="rough",
    title="Do weights that are values of a rough path have an ODE limit, and at which order?",
    seconds=6,
    least=points,
    depths=Depths(high=DEEPEST),
    memory=("ode.inputs", "depth", "replicas"),
    claims=(
        Claim(
            id="ode.rough",
            source=MARION_SCALING,
            statement="weights that are values of a fractional Brownian path have an ODE limit, order min(1, H + 1/2)",
            kind="observation",
            random=True,
            observable="rough_difference",
            expected=Expected("order", rough_order, 0.2),
            pins=ROUGH,
        ),
    ),
    observables={
        "rough_difference": "root mean square of x_L - x_2L on one rough path",
    },
)
