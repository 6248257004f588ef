"""`hamiltonian.warped.*`: a trained network as regression with a kernel seen through its layers. Free of torch.

The paper shows that the read-out is regression with the warped kernel, and bounds its error by the posterior standard
deviation `sigma`. `.variance`, `.error` and `.sharp` are derived. With K the warped kernel, `c = (K + n ridge)^-1 k(x)`
and `e = K(., x) - K(., X) c`, the error at x of a target `g*` without noise is `g*(x) - c^T g*(X) = <e, g*>`: at most
`P |g*|`, `P^2 = |e|^2 = K(x, x) - 2 k.c + c.K c`, and equal for `g* = e`. Over Gaussian targets with covariance K its
mean square is `P^2`; noise of variance `n ridge` adds `n ridge |c|^2`, and both are `sigma^2 = K(x, x) - k.c`.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Kind, Rival
from ....papers import OWHADI
from ...group import Group
from ..outside import matrix_valued_kernel, solution_not_reached
from ..room import least_of_gram
from ..settings import LOSS_OF_HAMILTONIAN

DEPTH_OF_WARP = 16
NEW_POINTS = 200
"""Points at which the read-outs are compared that have no part in the training."""
TARGETS_A_REPLICA = 50
"""Gaussian targets for each of the key `replicas`."""
PINS_OF_WARPED: dict[str, Any] = {"hamiltonian.readout": "ridge", "hamiltonian.loss": "square"}
OBSERVABLES_OF_WARPED = {
    "warped_missed": "largest difference at new points of the scores of a network of 16 layers, trained with its"
    " read-out by gradients, from ridge regression with the kernel K(phi(x), phi(x')), relative to the largest"
    " score",
    "warped_value": "relative difference of its loss with the read-out's penalty from ridge/2 y^T (K + n ridge)^-1 y",
    "warped_variance": "square error of read-outs trained on Gaussian targets with noise of variance n ridge, by"
    " the posterior variance sigma(x)^2, the mean over new points and targets",
    "warped_error": "|g*(x) - g(x)| / (P(x) |g*|), the largest over new points and targets without noise",
    "warped_sharp": "the same for the target that is worst at x; of all new points the one farthest from 1",
}
EXACTLY = Expected("at_most", 0, 1e-6, scale=RELATIVE)


def _claim(suffix: str, kind: Kind, statement: str, observable: str, expected: Expected, rival: Rival) -> Claim:
    return Claim(
        id=f"hamiltonian.warped{suffix}",
        source=OWHADI,
        statement=statement,
        kind=kind,
        observable=observable,
        expected=expected,
        where={"of": "warped"},
        pins=PINS_OF_WARPED,
        outside=matrix_valued_kernel,
        unmet=solution_not_reached("warped", shooting=False),
        random=observable == "warped_variance",
        rival=rival,
    )


GROUP = Group(
    name="warped",
    title="Is a trained network a kernel regressor?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=0.4,
    shared=0.4,
    least=least_of_gram,
    claims=(
        _claim(
            "",
            "theorem",
            "At new points a trained network is ridge regression with its warped kernel K(phi(x), phi(x'))",
            "warped_missed",
            EXACTLY,
            Rival("the kernel at the points where they start", "H60-unwarped", 0.2267),
        ),
        _claim(
            ".value",
            "theorem",
            "The least loss of a network with ridge read-out is ridge/2 y^T (K + n ridge)^-1 y, K its warped kernel",
            "warped_value",
            EXACTLY,
            Rival("the penalty of a sum of losses for that of their mean", "H61-ridge-of-a-sum", 37.35),
        ),
        _claim(
            ".variance",
            "derived",
            "For Gaussian targets with noise a read-out has the mean square error sigma(x)^2 of the warped kernel",
            "warped_variance",
            Expected("value", 1, 0.12, scale=RELATIVE),
            Rival("the mean square error of targets without noise in its place", "H62-variance-without-noise", 47.93),
        ),
        _claim(
            ".error",
            "derived",
            "For no target g* is a read-out's error |g*(x) - g(x)| larger than P(x) |g*| of the warped kernel",
            "warped_error",
            Expected("at_most", 1, 1e-6, scale=RELATIVE),
            Rival("the kernel at the points where they start", "H60-unwarped", 1.359),
        ),
        _claim(
            ".sharp",
            "derived",
            "For the target K(., x) - K(., X) c(x) of the warped kernel the error at x is P(x) |g*| exactly",
            "warped_sharp",
            Expected("value", 1, 1e-6, scale=RELATIVE),
            Rival("the penalty of a sum of losses for that of their mean", "H61-ridge-of-a-sum", 39.6),
        ),
    ),
    memory=("hamiltonian.points", "width"),
    on_cpu=True,
    grows={"replicas": 1.0},
    observables=OBSERVABLES_OF_WARPED,
)
