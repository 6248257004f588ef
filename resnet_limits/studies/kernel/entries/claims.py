"""`kernel.nngp`, `kernel.ntk`: kernels of infinitely wide networks of depth L against finite ones. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import JACOT, LEE_GAUSSIAN, Paper
from ...group import Group
from ...least import points, sampled
from ..outside import AS_FULL, IN_WIDTH, either, moving, narrow
from ..room import least_of_weights
from ..settings import Kernel

EXACTLY = 64
"""Networks whose tangent kernel is taken from their full weight matrices."""


def _value(claim_id: str, source: Paper, statement: str, scheme: str, tolerance: float) -> Claim:
    return Claim(
        id=claim_id,
        source=source,
        statement=statement,
        kind="theorem",
        observable="entries_ratio",
        expected=Expected("value", 1, tolerance),
        where={"scheme": scheme},
        random=True,
        verdicts=AS_FULL,
    )


def _width(claim_id: str, source: Paper, statement: str, scheme: str) -> Claim:
    return Claim(
        id=claim_id,
        source=source,
        statement=statement,
        kind="theorem",
        observable="entries_distance",
        expected=IN_WIDTH,
        where={"scheme": scheme},
        outside=either(narrow, moving),
        random=True,
        verdicts=AS_FULL,
    )


def least_of_entries(settings: Kernel) -> float:
    return max(least_of_weights(settings), points(settings) + sampled(settings, vectors=settings.kernel.inputs))


GROUP = Group(
    name="entries",
    title="Do the kernels of networks of width D approach those of infinite width?",
    seconds=35,
    least=least_of_entries,
    claims=(
        _value(
            "kernel.nngp",
            LEE_GAUSSIAN,
            "the mean over networks of their overlaps <x_L, x_L'>/D is the kernel of infinite width and depth L",
            "nngp",
            0.03,
        ),
        _width(
            "kernel.nngp.width",
            LEE_GAUSSIAN,
            "overlaps of networks of width D are at a distance of order 1/2 in D of the kernel",
            "nngp",
        ),
        _value(
            "kernel.ntk",
            JACOT,
            "the mean over networks of their tangent kernel is the kernel of infinite width and depth L",
            "ntk",
            0.08,
        ),
        _width(
            "kernel.ntk.width",
            JACOT,
            "tangent kernels of networks of width D are at a distance of order 1/2 in D of the kernel",
            "ntk",
        ),
        _value(
            "kernel.ntk.autograd",
            JACOT,
            "the tangent kernel of full weight matrices, by automatic differentiation, is the same in the mean"
            " (depth min(L, kernel.trained_depth))",
            "ntk-autograd",
            0.09,
        ),
    ),
    memory=("width", "kernel.inputs", "depth", "replicas"),
    observables={
        "entry": "an entry of a kernel, of inputs i and j (coordinate pair): mean over networks of the width of the"
        " settings; schemes nngp, ntk, ntk-autograd; reference: infinite width at this depth",
        "entries_ratio": "mean over networks of the sum of absolute entries, each with the sign of the reference's,"
        " relative to the reference",
        "entries_distance": "root mean square over networks of the distance to infinite width, relative, by width"
        " (Frobenius norms)",
    },
)
