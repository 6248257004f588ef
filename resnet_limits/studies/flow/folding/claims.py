"""`flow.folding`: blocks of random fields fold space only above the threshold Lip(h v) = 1. Free of torch.

Random fields stay far from the bound, which a wrong one need not show: `flow.folding.sharp` are fields that attain it.
Every eigenvalue of `h Dv` has modulus at most `Lip(h v)`, so that `det(I + h Dv) >= (1 - Lip(h v))^D`, with equality
for `h Dv = -c I`.
"""

from __future__ import annotations

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import BEHRMANN, ROUSSEAU
from ...group import Group
from ...least import BYTES_OF_DOUBLE, bytes_of_points
from ..outside import never_folds, stretches, unbounded
from ..settings import Flow

LIPSCHITZ_BELOW_ONE, LIPSCHITZ_ABOVE_ONE = 0.9, 4.0
SHARP_FIELD = {"block": "two", "activation": "tanh"}
"""Fields with `Dv = -I` at a point, `-W^T tanh(W (x - x_k))` with orthonormal columns: the bound is attained there."""
BLOCKS_A_NETWORK = 32
"""Blocks of each random network: folds are a matter of single blocks, at whatever depth they stand."""
PINS_OF_FOLDING = {"init": "iid", "blocks": BLOCKS_A_NETWORK}
NETWORKS_A_PIECE = 8
"""Networks whose Jacobians are in memory at a time; as many also where fewer are left, so that all round alike."""


def least_of_folding(settings: Flow) -> float:
    """Jacobians of one block at all points."""
    if stretches(settings):
        return 0.0
    replicas = min(settings.replicas, NETWORKS_A_PIECE)
    return bytes_of_points(settings) + BYTES_OF_DOUBLE * replicas * settings.flow.points * settings.width**2


GROUP = Group(
    name="folding",
    title="Do blocks fold space only if the Lipschitz constant of their step exceeds 1?",
    seconds=1.4,
    least=least_of_folding,
    claims=(
        Claim(
            id="flow.folding.below",
            source=BEHRMANN,
            statement="A block whose weights bound Lip(h v) by 0.9 never folds space: det D block >= (1 - 0.9)^D",
            kind="theorem",
            observable="det_ratio",
            expected=Expected("at_least", 1, 1e-6, scale=RELATIVE),
            where={"lipschitz": LIPSCHITZ_BELOW_ONE, "norm": "weights"},
            pins=PINS_OF_FOLDING,
            outside=lambda settings: unbounded(settings) or stretches(settings),
            rival=Rival("the least singular value of a matrix as its norm", "F24-least-singular", -40.98),
        ),
        Claim(
            id="flow.folding.bound",
            source=BEHRMANN,
            statement="Where |h Dv| is at most 0.9, the Jacobian determinant of a block is at least (1 - max |h Dv|)^D",
            kind="theorem",
            observable="det_ratio",
            expected=Expected("at_least", 1, 1e-6, scale=RELATIVE),
            where={"lipschitz": LIPSCHITZ_BELOW_ONE, "norm": "points"},
            pins=PINS_OF_FOLDING,
            outside=stretches,
            rival=Rival("the least singular value of Dv as its norm", "F25-stretch-least", -1500.0),
        ),
        *(
            Claim(
                id=f"flow.folding.sharp.{norm}",
                source=BEHRMANN,
                statement=f"Where Dv = -c I, the Jacobian determinant of a block attains its bound {bound}",
                kind="derived",
                observable="sharp_ratio",
                expected=Expected("value", 1, 1e-6, scale=RELATIVE),
                where={"lipschitz": LIPSCHITZ_BELOW_ONE, "norm": norm},
                pins=SHARP_FIELD,
                rival=Rival("a bound 1 - Lip(h v) without the power D", "F27-power", 0.1),
            )
            for norm, bound in (("weights", "(1 - Lip(h v))^D"), ("points", "(1 - |h Dv|)^D"))
        ),
        Claim(
            id="flow.folding.above",
            source=ROUSSEAU,
            statement="At least half of the blocks whose largest |h Dv| is 4 fold space",
            kind="observation",
            observable="fold_share",
            expected=Expected("at_least", 0.5, 0.05, scale="share of blocks"),
            where={"lipschitz": LIPSCHITZ_ABOVE_ONE, "norm": "points"},
            pins=PINS_OF_FOLDING,
            outside=never_folds,
            random=True,
            rival=Rival("the absolute value of the determinant", "F3-det-abs", 0.0),
        ),
    ),
    memory=("flow.points", "width"),
    conditional=("fold_fraction",),
    observables={
        "sharp_ratio": "det D block / (1 - Lip(h v))^D at a point where Dv = -c I, the one farthest from 1 over blocks",
        "fold_fraction": "fraction of Jacobian determinants of blocks that are not positive, over networks, blocks"
        " and points",
        "fold_share": "share of the blocks that fold space at some point",
        "min_block_det": "least Jacobian determinant of a block, over networks, blocks and points",
        "block_lipschitz": "largest |h Dv| of a block, over networks, blocks and points",
        "det_ratio": "least det D block / (1 - Lip(h v))^D, over networks, blocks and points; Lip(h v) bounded by the"
        " weights (norm=weights) or as the largest |h Dv| (norm=points)",
    },
)
