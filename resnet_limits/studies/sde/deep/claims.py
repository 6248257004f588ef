"""`sde.deep.*`: blocks of two layers. Free of torch.

    last     x + B phi(A x + a) + b,  A, a of O(1): only the last layer shrinks     a non-linear kernel
    all      A, a ~ h^alpha, B ~ h^(1/2 - alpha): every layer shrinks               a linear law, order min(1, 2 alpha)

`init.sigma_b` is that of b. Of `last`, `init.sigma_w` is the size of B; of `all`, the product of those of A and B. The
inner sizes are constants, and stand in the records.

The kernel of `last` is the theorem of Peluchetti & Favaro 2020. Of `all`, derived here: `phi(u) = phi'(0) u + phi''(0)
u^2/2 + ...`, `u = A x + a` of size `h^alpha`; the first term alone makes the linear SDE, products of it with the second
are odd in A and vanish in the mean, those with the third are smaller by `h^(2 alpha)`; B has mean 0: there is no drift.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....networks.activations import activation_named
from ....papers import PELUCHETTI
from ...group import Group
from ...least import bytes_of_samples
from ...outside import still
from ..asymptotic import asymptotic
from ..outside import growth, kinked_outer, overflows
from ..room import least_of_inputs
from ..settings import Sde

WIDTH_OF_DEEP_LIMIT = 512
"""Width of the networks that are held against infinite width; their number is `replicas / 16`."""
SIZES_WHERE_LAST_IS_SCALED = {"sigma_A": 1.5, "sigma_a": 0.5}
SIZES_WHERE_ALL_ARE_SCALED = {"sigma_A": 0.25, "sigma_a": 0.125}
"""A small sigma_A: the corrections to the linear law, powers of `sigma_A^2 h^(2 alpha)`, then fall off fast."""
EXPONENTS_OF_STEP = (0.5, 0.25)
PINS_WITHOUT_PSI = {"activation_inside": "identity"}
PINS_OF_WIDE_DEEP = {**PINS_WITHOUT_PSI, "width": WIDTH_OF_DEEP_LIMIT}
WIDTH_OF_DEEP_DRIFT = 64
PINS_OF_DEEP_DRIFT = {**PINS_WITHOUT_PSI, "activation": "swish", "width": WIDTH_OF_DEEP_DRIFT}


def weightless(settings: Sde) -> str | None:
    """Why the weights have no say, or None."""
    if settings.init.sizes().sigma_w == 0:
        return "init.sigma_w=0: the block's weights have no say"
    return None


def _linear(settings: Sde) -> str | None:
    return kinked_outer(settings) or still(settings)


def _order(settings: Sde) -> str | None:
    if activation_named(settings.activation).linear:
        return f"activation={settings.activation}: the block is linear at every depth"
    return kinked_outer(settings) or weightless(settings)


def _claim(name: str, statement: str, observable: str, expected: Expected, scheme: str, **more: Any) -> Claim:
    more = {"kind": "derived", "random": True, "pins": PINS_WITHOUT_PSI, "outside": _linear, **more}
    source, where = PELUCHETTI, {"scheme": scheme}
    return Claim(
        id=name, source=source, statement=statement, observable=observable, expected=expected, where=where, **more
    )


def least_of_deep(settings: Sde) -> float:
    if overflows(growth(settings)):
        return least_of_inputs(settings)
    return least_of_inputs(settings) + bytes_of_samples(settings, vectors=settings.sde.inputs)


GROUP = Group(
    name="deep",
    title="Which limit do blocks of two layers have: a non-linear kernel or a linear SDE?",
    seconds=9.9,
    least=least_of_deep,
    memory=("replicas", "width", "sde.inputs"),
    claims=(
        _claim(
            "sde.deep",
            "If only the last layer of a block shrinks, overlaps of wide networks solve the kernel's ODE",
            "deep_overlap",
            Expected("value", 1, 0.02, scale=RELATIVE),
            "last",
            kind="theorem",
            pins=PINS_OF_WIDE_DEEP,
            outside=still,
            rival=Rival("a kernel of size sigma_B, not sigma_B^2", "S39-size-of-the-last-layer", 0.7586),
        ),
        _claim(
            "sde.deep.depth",
            "If only the last layer shrinks, infinitely wide networks converge to the kernel's ODE at order 1",
            "deep_kernel_error",
            Expected("order", 1, 0.1),
            "last",
            kind="identity",
            random=False,
            outside=weightless,
            unmet=asymptotic("deep_kernel_error", "last"),
            rival=Rival("the kernel's initial rate at all times", "S40-rate-of-the-start"),
        ),
        _claim(
            "sde.deep.all",
            "With inner layers of size h^{1/2}, overlaps of inputs are those of the linear SDE",
            "deep_overlap",
            Expected("value", 1, 0.1, scale=RELATIVE),
            "all, alpha=0.5",
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("a linear SDE whose rate is sigma, not sigma^2", "S38-rate-of-all", 0.6703),
        ),
        _claim(
            "sde.deep.weak",
            "With inner layers of size h^{1/2}, overlaps of inputs converge to the linear SDE's at weak order 1",
            "deep_weak_error",
            Expected("order", 1, 0.1, bend=0.2),
            "all, alpha=0.5",
            outside=_order,
            unmet=asymptotic("deep_weak_error", "all, alpha=0.5"),
            rival=Rival("a linear SDE with another rate: the error stays", "S38-rate-of-all", 0.01435),
        ),
        _claim(
            "sde.deep.weak.quarter",
            "With inner layers of size h^{1/4}, overlaps of inputs converge to the linear SDE's at weak order 1/2",
            "deep_weak_error",
            # of relative size h^(2 alpha) = h^(1/2): of the hidden layer's next power, and of the steps' O(h)
            Expected("order", 0.5, 0.1, correction=0.5),
            "all, alpha=0.25",
            outside=_order,
            unmet=asymptotic("deep_weak_error", "all, alpha=0.25"),
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("hidden layers of size h^(1/2)", "S12-deep-alpha", 0.9774),
        ),
        _claim(
            "sde.deep.no_drift",
            "With shrinking inner layers and the activation inside the block, there is no Ito drift",
            "deep_drift",
            Expected("value", 0, 0.25, scale=RELATIVE),
            "inside",
            pins=PINS_OF_DEEP_DRIFT,
            outside=still,
            rival=Rival("the activation outside the block", "S36-activation-outside", 1.002),
        ),
        _claim(
            "sde.deep.outside",
            "With shrinking inner layers, an activation outside the block brings back the Ito drift",
            "deep_drift",
            Expected("value", 1, 0.15, scale=RELATIVE),  # one half of the drift is more than three away
            "outside",
            kind="control",
            pins=PINS_OF_DEEP_DRIFT,
            outside=still,
            rival=Rival("twice the Ito drift in the limit", "S37-moments-drift", 0.5021),
        ),
    ),
    observables={
        "deep_overlap": "mean over pairs of inputs of <x^i_L - x^i_0, x^j_L - x^j_0>/D, relative to the limit's;"
        " the interval counts the error of that depth, of alpha = 0 by half of it",
        "deep_kernel_error": "largest error of the overlaps of infinitely wide networks against the kernel's ODE,"
        " relative to the largest overlap",
        "deep_weak_error": "mean error of the overlaps, norms included, against those of the linear SDE,"
        " relative to them",
        "deep_drift": "mean over coordinates of x_L - x_0, relative to the Ito drift of the block with swish outside",
    },
)
