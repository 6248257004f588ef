"""`kernel.expressivity.deep`, `kernel.inference.linear`: inference on the whole data set. Free of torch."""

from __future__ import annotations

from ....claims.claim import VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....data.sizes import training_points
from ....papers import PELUCHETTI
from ...group import Group
from ...least import BYTES_OF_DOUBLE, BYTES_OF_SINGLE, bytes_of_points
from ...outside import unlabelled
from ..outside import (
    DEEP_BLOCK,
    NEEDS_NO_BLOW_UP,
    UNITS_OF_ROUNDING,
    either,
    limitless,
    not_affine,
)
from ..settings import Kernel

ACCURACIES_SHOWN = ("linear_ridge", "nngp", "ntk", "deep")
"""Accuracies, in the order of the array."""
DEEP_KERNEL_TOLERANCE = 1e-5
"""Relative error of the deep block's kernel."""
MAX_POINTS_IN_DOUBLE = 4000
"""Points up to which the deep block's kernel is solved in float64."""
POINTS_FACTORED, POINTS_OF_PRECONDITIONER = 20_000, 1000
"""`inference.dense.MOST_POINTS_FACTORED` and `inference.iterative.LANDMARKS_OF_PRECONDITIONER`, which are not free
of torch."""
BYTES_OF_BLOCKS_KEPT = 2**30
"""`inference.iterative.MOST_BYTES_KEPT`"""


def least_of_accuracy(settings: Kernel) -> float:
    """The deep block's kernel matrix, or the preconditioner of its iteration."""
    if unlabelled(settings):
        return bytes_of_points(settings)
    n = min(settings.kernel.deep_points, training_points(settings.data))
    if (
        n > POINTS_FACTORED
    ):  # while it is made the preconditioner is there twice, then once beside the blocks that are kept
        once = BYTES_OF_DOUBLE * n * POINTS_OF_PRECONDITIONER
        return bytes_of_points(settings) + max(2 * once, once + min(BYTES_OF_BLOCKS_KEPT, BYTES_OF_SINGLE * n * n / 2))
    return bytes_of_points(settings) + (BYTES_OF_DOUBLE if n <= MAX_POINTS_IN_DOUBLE else BYTES_OF_SINGLE) * n * n


GROUP = Group(
    name="accuracy",
    title="How accurate is kernel inference with infinite networks on a whole data set?",
    seconds=0.7,
    least=least_of_accuracy,
    claims=(
        Claim(
            id="kernel.expressivity.deep",
            source=PELUCHETTI,
            statement="The deep block's kernel is more accurate on test points than the shallow block's, which is"
            " linear",
            kind="observation",
            observable="accuracy_difference",
            expected=Expected("at_least", 0.01, 0.003, scale="accuracy"),
            where={"scheme": "deep"},
            pins=DEEP_BLOCK,
            outside=either(unlabelled, limitless),
            random=True,
            needs=NEEDS_NO_BLOW_UP,
            verdicts=VERDICTS_WITH_LARGE,
            rival=Rival("a block without inner activation", "K25-deep-linear", -0.001336),
        ),
        Claim(
            id="kernel.inference.linear",
            source=PELUCHETTI,
            statement="The posterior mean of the doubly infinite network is the prediction of linear ridge regression",
            kind="identity",
            observable="linear_difference",
            expected=Expected("at_most", 1, 0.5, scale=UNITS_OF_ROUNDING),
            outside=either(unlabelled, not_affine),
            needs=NEEDS_NO_BLOW_UP,
            verdicts=VERDICTS_WITH_LARGE,
            rival=Rival("the noise variance squared", "K15-ridge"),
        ),
    ),
    memory=("data.train_size", "kernel.deep_points"),
    on_cpu=True,
    arrays={
        "accuracy": f"accuracies of {', '.join(ACCURACIES_SHOWN)} on all training points (deep:"
        f" kernel.deep_points), with standard"
        " errors and numbers of training points, (3, 4)"
    },
    conditional=(
        "accuracy.deep",
        "accuracy.linear_ridge",
        "accuracy.nngp",
        "accuracy.ntk",
        "accuracy.ntk.infinity",
        "accuracy.ntk.time",
    ),
    observables={
        "accuracy.nngp": "test accuracy of the posterior mean of the doubly infinite network (weakly trained: the"
        " read-out alone), with the standard error of a fraction of the test points; column points: training points",
        "accuracy.ntk": "test accuracy of regression with the tangent kernel of the doubly infinite network, with"
        " kernel.ridge",
        "accuracy.ntk.time": "test accuracy of the doubly infinite network fully trained, without ridge: gradient"
        " flow at time kernel.steps kernel.rate over the"
        " largest eigenvalue of the Gram matrix of all training points",
        "accuracy.ntk.infinity": "test accuracy of that gradient flow at infinite time: least squares",
        "accuracy.deep": "test accuracy of the posterior mean of the deep block's kernel, on kernel.deep_points"
        " training points",
        "accuracy.linear_ridge": "test accuracy of linear ridge regression on the inputs",
        "accuracy_difference": "accuracy.deep less accuracy.nngp on the same test points and training points (scheme"
        " deep)",
        "linear_difference": "largest difference of the posterior mean of the doubly infinite network and linear ridge"
        " regression at test points, over a bound on its rounding: n eps, the condition number of K + ridge and the"
        " largest prediction",
        "posterior_deviation": "mean over test points of the standard deviation of the posterior, nngp",
    },
)
