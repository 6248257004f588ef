"""`kernel.expressivity.*`: what a doubly infinite network can tell apart. Free of torch.

With i.i.d. weights and shallow blocks its kernels are affine in `<z, z'>`: it is linear regression. At finite depth
something that is not linear is left, of order 1/L; the kernel of the deep block is not linear at any depth.
"""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI
from ...group import Group
from ...least import points
from ..outside import AS_FULL, DEEP, NO_BLOW_UP, OF_DEPTHS, either, not_affine, without_order

POINTS, BEYOND = 300, 100
"""Training points of the Gram matrices: at least 300, and 100 beyond d_in + 1, where there are so many."""
ENTRIES = 100
"""Training points whose kernel is fitted by an affine one."""
SMALL = {"init.sigma_w": 0.35, "init.sigma_b": 0.35}
"""Sizes at which the part that is not affine is in its asymptotic range from L=8 on, for inputs of any norm."""
BENT = {**DEEP, "horizon": 1.0}
"""Where its kernel is held against affine ones: at short horizons every kernel is nearly that of the inputs."""


def _rank(kernel: str, statement: str) -> Claim:
    return Claim(
        id=f"kernel.expressivity.{'rank' if kernel == 'nngp' else 'rank.ntk'}",
        source=PELUCHETTI,
        statement=statement,
        kind="theorem",
        observable="rank_tail",
        expected=Expected("at_most", 1, 0.5),
        where={"scheme": kernel},
        outside=not_affine,
        needs=f"more training points than d_in + 1; {NO_BLOW_UP}",
        verdicts=AS_FULL,
    )


GROUP = Group(
    name="expressivity",
    title="Can a doubly infinite network do more than linear regression?",
    seconds=0.5,
    least=points,
    claims=(
        _rank("nngp", "the Gram matrix of the doubly infinite network has rank at most d_in + 1, to rounding"),
        _rank("ntk", "so has that of its tangent kernel"),
        Claim(
            id="kernel.expressivity.ridge",
            source=PELUCHETTI,
            statement="regression with the tangent kernel of the doubly infinite network is linear ridge regression,"
            " to rounding",
            kind="theorem",
            observable="ridge_difference",
            expected=Expected("at_most", 1, 0.5),
            outside=not_affine,
            needs=NO_BLOW_UP,
            verdicts=AS_FULL,
        ),
        Claim(
            id="kernel.expressivity.depth",
            source=PELUCHETTI,
            statement="at depth L and infinite width a part of the kernel is not affine in <z, z'>; it vanishes at"
            " order 1",
            kind="theorem",
            observable="nonlinear_part",
            expected=Expected("order", 1, 0.15),
            where={"scheme": "finite depth"},
            pins=SMALL,
            outside=either(not_affine, without_order),
            verdicts=OF_DEPTHS,
        ),
        Claim(
            id="kernel.expressivity.nonlinear",
            source=PELUCHETTI,
            statement="the kernel of the deep block is not affine, at infinite depth too: at least a hundredth of it"
            " (log10)",
            kind="theorem",
            observable="log_nonlinear_part",
            expected=Expected("at_least", -2, 0.5),
            where={"scheme": "deep"},
            pins=BENT,
            verdicts=AS_FULL,
        ),
    ),
    memory=("data.train_size",),
    on_cpu=True,
    observables={
        "rank": "numerical rank of the Gram matrix of the limit, eigenvalues beyond n eps times the largest; schemes"
        " nngp, ntk; reference: d_in + 1, or the number of points",
        "rank_tail": "eigenvalue d_in + 2 over n eps times the largest; error of the reference: n^-1/2, the rounding of"
        " an eigenvalue in these units; schemes nngp, ntk",
        "nonlinear_part": "what the best fit by a + b <z, z'>/d_in leaves of the kernel of 100 training points,"
        " relative to its entries less their mean; schemes finite depth (NNGP of infinite width and depth L),"
        " deep (deep block)",
        "log_nonlinear_part": "its log10",
        "ridge_difference": "largest difference of the predictions of kernel and linear ridge regression over the bound"
        " on its rounding",
    },
)
