"""`kernel.expressivity.*`: what a doubly infinite network can tell apart. Free of torch.

With i.i.d. weights and shallow blocks its kernels are affine in `<z, z'>`: it is linear regression. At finite depth
something that is not linear is left, of order 1/L; the kernel of the deep block is not linear at any depth.
"""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI
from ...group import Group
from .settings import AS_FULL, either, moving, not_affine, without_order

POINTS = 300
"""Training points of the Gram matrices, at most."""
DEEP = {"activation": "relu", "sigma_A": 1.4142135623730951, "sigma_a": 0.5, "sigma_B": 1.0}
"""The deep block `x + B phi(A x + a)`: its inner activation, sizes of its inner layer, and of its last."""


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
        verdicts=AS_FULL,
    )


GROUP = Group(
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
            verdicts=AS_FULL,
        ),
        Claim(
            id="kernel.expressivity.depth",
            source=PELUCHETTI,
            statement="at depth L the Gram matrix is at a distance of order 1 from rank d_in + 1",
            kind="theorem",
            observable="nonlinear_part",
            expected=Expected("order", 1, 0.15),
            where={"scheme": "finite depth"},
            outside=either(not_affine, without_order),
            verdicts=AS_FULL,
        ),
        Claim(
            id="kernel.expressivity.nonlinear",
            source=PELUCHETTI,
            statement="the kernel of the deep block is not affine: a part of its Gram matrix is beyond rank d_in + 1"
            " (at least 1e-4 of it)",
            kind="theorem",
            observable="log_nonlinear_part",
            expected=Expected("at_least", -4, 0.5),
            where={"scheme": "deep"},
            pins=DEEP,
            outside=moving,
            verdicts=AS_FULL,
        ),
    ),
    memory=("data.train_size",),
    observables={
        "rank": "numerical rank of the Gram matrix of at most 300 training points, eigenvalues beyond rounding;"
        " schemes nngp, ntk, deep; reference: d_in + 1",
        "rank_tail": "eigenvalue d_in + 2 over the bound on its rounding, n eps times the largest; schemes nngp, ntk;"
        " 0 where there are fewer points",
        "nonlinear_part": "norm of the eigenvalues beyond the first d_in + 1, relative to all but the first; schemes"
        " finite depth (the kernel of infinite width and depth L), deep",
        "log_nonlinear_part": "its log10",
        "ridge_difference": "largest difference of the predictions of kernel and linear ridge regression over the bound"
        " on its rounding",
    },
)
