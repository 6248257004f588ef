"""`kernel.nngp`, `kernel.ntk`: kernels of infinitely wide networks of depth L against finite ones. Free of torch.

Derived are the order 1/2 in D, that of means over D coordinates, and the mean tangent kernel of the layers at any
width: of the SDE, `E v_12` and the overlaps of costates both grow like e^{kt}, whatever D is.
"""

from __future__ import annotations

from dataclasses import replace

from ....claims.claim import RELATIVE, VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....papers import JACOT, LEE_GAUSSIAN, PELUCHETTI, Paper
from ...group import Group
from ...least import bytes_of_points, bytes_of_samples
from ..outside import EXPECTED_IN_WIDTH, either, moving, narrow
from ..room import least_of_full_matrices
from ..settings import Kernel

NETWORKS_WITH_FULL_MATRICES = 64
"""Networks whose tangent kernel is taken from their full weight matrices."""


DEPTH_OF_ENTRIES = 2
"""Layers of the networks whose kernels are held against infinite width: the limit in depth is far off there."""
SHALLOW_NETWORKS_A_REPLICA = 8
"""There are as many times more of them: they are cheap, and few layers see less of the sizes of the weights."""
NARROW_WIDTH, NARROW_LAYERS, NARROW_NETWORKS = 8, 4, 16
"""Width and layers of the linear networks of which the mean tangent kernel of the layers is known at any width; and
their number, for each of the key replicas."""
PINS_OF_LINEAR_ENTRIES = {"activation": "identity", "init.sigma_w": 0.6, "init.sigma_b": 0.4, "horizon": 0.7}
"""Of small sizes, for the scatter over networks; none is 1, where powers hide."""


EXPECTED_TANGENTS_IN_WIDTH = replace(EXPECTED_IN_WIDTH, tolerance=0.2)
"""There are fewer tangent kernels than overlaps: the interval of their order is wider."""
RIVAL_ROOT_OF_WIDTH = "overlaps divided by sqrt(D) in place of D"
RIVAL_BIAS_SIZE = "biases of size h in place of sqrt(h)"


def _value(claim_id: str, source: Paper, statement: str, scheme: str, tolerance: float, rival: Rival) -> Claim:
    return Claim(
        id=claim_id,
        source=source,
        statement=statement,
        kind="theorem",
        observable="entries_ratio",
        expected=Expected("value", 1, tolerance, scale=RELATIVE),
        where={"scheme": scheme},
        random=True,
        verdicts=VERDICTS_WITH_LARGE,
        rival=rival,
    )


def _width(claim_id: str, source: Paper, statement: str, scheme: str, expected: Expected, rival: Rival) -> Claim:
    return Claim(
        id=claim_id,
        source=source,
        statement=statement,
        kind="derived",
        observable="entries_distance",
        expected=expected,
        where={"scheme": scheme},
        outside=either(narrow, moving),
        random=True,
        verdicts=VERDICTS_WITH_LARGE,
        rival=rival,
    )


def _narrow(claim_id: str, words: str, scheme: str, rival: Rival) -> Claim:
    return Claim(
        id=claim_id,
        source=PELUCHETTI,
        statement=f"At width {NARROW_WIDTH}, linear layers have the mean tangent kernel T v_12 (1 + k"
        f" h)^{{L-1}}, {words}",
        kind="derived",
        observable="narrow_ratio",
        expected=Expected("value", 1, 0.04, scale=RELATIVE),
        where={"scheme": scheme},
        pins=PINS_OF_LINEAR_ENTRIES,
        random=True,
        verdicts=VERDICTS_WITH_LARGE,
        rival=rival,
    )


def least_of_entries(settings: Kernel) -> float:
    return max(
        least_of_full_matrices(settings),
        bytes_of_points(settings) + bytes_of_samples(settings, vectors=settings.kernel.inputs),
    )


GROUP = Group(
    name="entries",
    title="Do the kernels of finite networks converge to those of infinite width?",
    seconds=35,
    least=least_of_entries,
    claims=(
        _value(
            "kernel.nngp.mean",
            LEE_GAUSSIAN,
            f"The mean Gram matrix <x_L, x_L'>/D of networks of {DEPTH_OF_ENTRIES} layers is the kernel of"
            f" infinite width",
            "nngp shallow",
            0.012,
            Rival("the kernel of deep networks in place of shallow ones", "K20-deep-kernel", 0.8836),
        ),
        _width(
            "kernel.nngp.width",
            LEE_GAUSSIAN,
            "Gram matrices of networks of width D converge to the kernel of infinite width at order 1/2 in D",
            "nngp",
            EXPECTED_IN_WIDTH,
            Rival(RIVAL_ROOT_OF_WIDTH, "K18-overlap-root", -0.5365),
        ),
        _value(
            "kernel.ntk.mean",
            JACOT,
            f"The mean tangent kernel of networks of {DEPTH_OF_ENTRIES} layers is that of infinite width",
            "ntk shallow",
            0.03,
            Rival("the kernel of deep networks in place of shallow ones", "K20-deep-kernel", 0.8636),
        ),
        _width(
            "kernel.ntk.width",
            JACOT,
            "Tangent kernels of networks of width D converge to that of infinite width at order 1/2 in D",
            "ntk",
            EXPECTED_TANGENTS_IN_WIDTH,
            Rival(RIVAL_ROOT_OF_WIDTH, "K18-overlap-root", -0.7354),
        ),
        _value(
            "kernel.ntk.autograd",
            JACOT,
            "The mean tangent kernel of full weight matrices, by autograd, is that of infinite width",
            "ntk-autograd",
            0.09,
            Rival("a recursion of the tangent kernel without the factor h", "K3-h-missing", 0.7192),
        ),
        _narrow(
            "kernel.ntk.narrow.spans", "by sampling", "spans", Rival(RIVAL_ROOT_OF_WIDTH, "K18-overlap-root", 5.335)
        ),
        _narrow("kernel.ntk.narrow.autograd", "by autograd", "autograd", Rival(RIVAL_BIAS_SIZE, "K8-bias-h", 0.5418)),
    ),
    memory=("width", "kernel.inputs", "depth", "replicas"),
    conditional=(
        "entry",
        "entries_distance",
    ),
    observables={
        "entry": "an entry of a kernel, of inputs i and j (coordinate pair): mean over networks of the width of the"
        f" settings; schemes nngp, ntk, those of {DEPTH_OF_ENTRIES} layers (nngp shallow, ntk shallow),"
        f" ntk-autograd (full"
        " weight matrices, depth min(L, kernel.trained_depth)); reference: infinite width at this depth",
        "entries_ratio": "mean over networks of the sum of absolute entries, each with the sign of the reference's,"
        " relative to the reference",
        "narrow_ratio": f"mean over linear networks of width {NARROW_WIDTH} and {NARROW_LAYERS} layers (Euler's"
        f" scheme of"
        " the SDE) of the tangent kernel of the layers, over T v_12 (1 + k h)^(L-1), its exact mean at any width;"
        " v_12 = sigma_b^2 + k lambda_0; schemes spans, autograd (full weight matrices)",
        "entries_distance": "root mean square over networks of the distance to infinite width, relative, by width"
        " (Frobenius norms)",
    },
)
