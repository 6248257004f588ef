"""`kernel.expressivity.*`: what a doubly infinite network can tell apart. Free of torch.

With i.i.d. weights and shallow blocks its kernels are affine in `<z, z'>`: it is linear regression. At finite depth
something that is not linear is left, of order 1/L; the kernel of the deep block is not linear at any depth. The order
is derived as that of the moments; that of regression is the order of its kernel.
"""

from __future__ import annotations

from ....claims.claim import VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....papers import PELUCHETTI
from ...group import Group
from ...least import bytes_of_points
from ..outside import (
    DEEP_BLOCK,
    NEEDS_NO_BLOW_UP,
    UNITS_OF_ROUNDING,
    VERDICTS_OF_DEPTH_ORDERS,
    either,
    not_affine,
    without_order,
)

MIN_POINTS_OF_GRAM, POINTS_BEYOND_FEATURES = 300, 100
"""Training points of the Gram matrices: at least 300, and 100 beyond d_in + 1, where there are so many."""
POINTS_FITTED_BY_AFFINE = 100
"""Training points whose kernel is fitted by an affine one."""
PINS_OF_SMALL_SIZES = {"init.sigma_w": 0.35, "init.sigma_b": 0.35, "horizon": 0.7}
"""Sizes at which the part that is not affine is in its asymptotic range from L=8 on, for inputs of any norm."""
PINS_OF_BENT_KERNEL = {**DEEP_BLOCK, "horizon": 1.0}
"""Where its kernel is held against affine ones: at short horizons every kernel is nearly that of the inputs."""


POINTS_OF_REGRESSION = 100
"""Training points of regression with kernels of finite depth, at which it also predicts: new points may be of any size,
and of large ones the order shows late."""
PINS_OF_NOISY_REGRESSION = {**PINS_OF_SMALL_SIZES, "kernel.ridge": 2.0}


def _regression(kernel: str, words: str, rival: float) -> Claim:
    return Claim(
        id=f"kernel.expressivity.regression.{kernel}",
        source=PELUCHETTI,
        statement=f"Regression with the {words} of depth L converges to linear ridge regression at order 1",
        kind="derived",
        observable="regression_distance",
        expected=Expected("order", 1, 0.15),
        where={"scheme": kernel},
        pins=PINS_OF_NOISY_REGRESSION,
        outside=either(not_affine, without_order),
        verdicts=VERDICTS_OF_DEPTH_ORDERS,
        rival=Rival("constants of the limit to first order in T: a distance that stays", "K23-affine", rival),
    )


GROUP = Group(
    name="expressivity",
    title="Can a network of infinite width and depth do more than linear regression?",
    seconds=3,
    least=bytes_of_points,
    claims=(
        Claim(
            id="kernel.expressivity.rank",
            source=PELUCHETTI,
            statement="Gram matrices of both kernels of the doubly infinite network have rank at most d_in + 1",
            kind="identity",
            observable="rank_tail",
            expected=Expected("at_most", 1, 0.5, scale=UNITS_OF_ROUNDING),
            where={"scheme": "largest"},
            outside=not_affine,
            needs=f"more training points than d_in + 1; {NEEDS_NO_BLOW_UP}",
            verdicts=VERDICTS_WITH_LARGE,
            rival=Rival("overlaps in single precision", "K22-single-precision"),
        ),
        Claim(
            id="kernel.expressivity.ridge",
            source=PELUCHETTI,
            statement="Regression with the tangent kernel of the doubly infinite network is linear ridge regression",
            kind="identity",
            observable="ridge_difference",
            expected=Expected("at_most", 1, 0.5, scale=UNITS_OF_ROUNDING),
            outside=not_affine,
            needs=NEEDS_NO_BLOW_UP,
            verdicts=VERDICTS_WITH_LARGE,
            rival=Rival("a tangent kernel without the read-out's constant", "K2-readout-constant"),
        ),
        _regression("nngp", "NNGP kernel", -0.2236),
        _regression("ntk", "tangent kernel", -1.323),
        Claim(
            id="kernel.expressivity.depth",
            source=PELUCHETTI,
            statement="The part of the NNGP kernel of depth L that is not affine in <z, z'> vanishes at order 1",
            kind="derived",
            observable="nonlinear_part",
            expected=Expected("order", 1, 0.15),
            where={"scheme": "finite depth"},
            pins=PINS_OF_SMALL_SIZES,
            outside=either(not_affine, without_order),
            verdicts=VERDICTS_OF_DEPTH_ORDERS,
            rival=Rival(
                "the kernel of one depth at all depths: a part that stays", "K24-depth-of-training", -8.882e-16
            ),
        ),
        Claim(
            id="kernel.expressivity.nonlinear",
            source=PELUCHETTI,
            statement="At infinite depth, at least a hundredth of the deep block's kernel is not affine in <z, z'>",
            kind="derived",
            observable="log_nonlinear_part",
            expected=Expected("at_least", -2, 0.5, scale="log10"),
            where={"scheme": "deep"},
            pins=PINS_OF_BENT_KERNEL,
            verdicts=VERDICTS_WITH_LARGE,
            rival=Rival("a block without inner activation", "K25-deep-linear", -14.76),
        ),
    ),
    memory=("data.train_size",),
    on_cpu=True,
    observables={
        "rank": "numerical rank of the Gram matrix of the limit, eigenvalues beyond n eps times the largest; schemes"
        " nngp, ntk; reference: d_in + 1, or the number of points",
        "rank_tail": "eigenvalue d_in + 2 over n eps times the largest; error of the reference: n^-1/2, the rounding of"
        " an eigenvalue in these units; schemes nngp, ntk, and the largest of both",
        "regression_distance": f"predictions at the first {POINTS_OF_REGRESSION} training points of regression"
        f" on them with a"
        " kernel of infinite width and depth L, less those of linear ridge regression with the constants of the limit;"
        " relative root mean square; schemes nngp, ntk",
        "nonlinear_part": "what the best fit by a + b <z, z'>/d_in leaves of the kernel of 100 training points,"
        " relative to its entries less their mean; schemes finite depth (NNGP of infinite width and depth L),"
        " deep (deep block)",
        "log_nonlinear_part": "log10 of nonlinear_part",
        "ridge_difference": "largest difference of the predictions of kernel and linear ridge regression over the bound"
        " on its rounding",
    },
)
