"""`ode.rough`: weights that are values of a fractional Brownian path. Free of torch.

Derived (`ode.rough_sums`): `h sum_k b(t_k)` at L and 2L, the network of biases alone, differ by
`(h/2) sum_k (b(t_k) - b(t_k + h/2))`, Gaussian; its variance, at any L, is a sum over the covariance of
fractional noise.
"""

from __future__ import annotations

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import MARION_SCALING
from ....paths.laws.rough import RoughLaw
from ...group import Depths, Group
from ...least import bytes_of_points
from ..settings import Ode

PINS_OF_ROUGH = {"init": "rough", "width": 8}
"""A narrow network: a rough path costs far more to draw than to read, and replicas narrow the interval."""
MAX_DEPTH_OF_ROUGH = 2048
"""Depth 2L reads the path at every cell of its grid, `paths.fractional.CELLS_OF_GRID`."""


FRACTIONAL_PATHS_A_REPLICA = 16
"""Fractional paths a replica whose sums are held against their covariance."""


def _no_bias(settings: Ode) -> str | None:
    return None if settings.init.sizes()[1] else "init.sigma_b is 0: the biases stay 0, and so do their sums"


def rough_order(settings: Ode) -> float:
    """`min(1, H + 1/2)`."""
    return min(1.0, rough_hurst(settings) + 0.5)


def rough_hurst(settings: Ode) -> float:
    """The index of the settings' own law, of its path or of that behind its increments, where it has one below 1."""
    known = settings.init.regularity
    index = known.index if known is not None else None
    return index if index is not None and index < 1 else RoughLaw().hurst


GROUP = Group(
    name="rough",
    title="Do networks whose weights follow a rough path converge, and at which order?",
    seconds=6,
    least=bytes_of_points,
    depths=Depths(high=MAX_DEPTH_OF_ROUGH),
    memory=("ode.inputs", "depth", "replicas"),
    uncompiled="fields that are no block",
    claims=(
        Claim(
            id="ode.rough",
            source=MARION_SCALING,
            statement="Networks with the values of a fractional Brownian path as weights converge at order"
            " min(1, H + 1/2)",
            kind="observation",
            random=True,
            observable="rough_difference",
            expected=Expected("order", rough_order, 1 / 12),
            pins=PINS_OF_ROUGH,
            rival=Rival("the path has the Hurst index 1 - H: order 1", "O21-hurst-mirrored", 1.009),
        ),
        Claim(
            id="ode.rough_sums",
            source=MARION_SCALING,
            statement="Riemann sums of a fractional Brownian path at L and 2L differ by the size its covariance"
            " predicts",
            kind="derived",
            random=True,
            observable="rough_ratio",
            expected=Expected("value", 1, 0.08, scale=RELATIVE),
            pins={"init": "rough"},
            outside=_no_bias,
            rival=Rival("the Hurst index is H + 0.1", "O6-hurst+0.1", 1.276),
        ),
    ),
    conditional=("rough_difference",),
    observables={
        "rough_difference": "root mean square of x_L - x_2L on one rough path",
        "rough_ratio": "root mean square difference of the sums h sum_k b(t_k) of a rough path b at L and 2L, over"
        " its exact"
        " value",
    },
)
