"""`sde.weak.*`: expectations at depth L, 2L and in the limit. Free of torch.

Order 1 is that of Euler-Maruyama schemes (Talay & Tubaro 1990; Kloeden & Platen 1992, theorem 14.5.2); a layer of the
network has their conditional moments up to `O(h^2)`, so that it is the network's too. Its constant and the variances
are expanded in `expansion.py`, at any width.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import GILES, TALAY
from ...group import Group
from ...least import BYTES_OF_DOUBLE, bytes_of_samples
from ...outside import still
from ..asymptotic import deep_enough, heavy_tailed
from ..outside import explodes, explodes_with, isotropic, kinked_outer, not_linear, smooth_and_moving
from ..room import least_of_inputs
from ..settings import Sde

PINS_OF_MEAN = {"activation": "swish"}

BEND_OF_WEAK_ERRORS = 0.3
"""What errors and variances are off by at depth 8, relative to their leading term: 0.21 (`weak_constant`)."""
EXPECTED_VARIANCE = Expected("value", 1, 0.3, scale=RELATIVE)
"""1024 networks know a variance to 6 %, and the rivals are .93 away."""
NEEDS_DOUBLED_DEPTHS = "at least two depths L, 2L"


def _outside(settings: Sde) -> str | None:
    return smooth_and_moving(settings) or isotropic(settings) or explodes(settings)


def _mean_outside(settings: Sde) -> str | None:
    return _outside(settings) or heavy_tailed(settings, 2)


def _limit_outside(settings: Sde) -> str | None:
    return not_linear(settings) or heavy_tailed(settings, 2)


def _variance_outside(settings: Sde) -> str | None:
    return _outside(settings) or heavy_tailed(settings, 4)


def _linear_variance_outside(settings: Sde) -> str | None:
    return not_linear(settings) or heavy_tailed(settings, 4)


def _order(scheme: str, of: str, rival: Rival) -> Claim:
    return Claim(
        id=f"sde.weak.{scheme}",
        source=TALAY,
        statement=f"{of} converges at weak order 1",
        kind="derived",
        observable="weak_error",
        expected=Expected("order", 1, 0.1, bend=BEND_OF_WEAK_ERRORS),
        where={"scheme": scheme},
        pins=PINS_OF_MEAN if scheme == "mean" else {},
        outside=_moving_mean if scheme == "mean" else _mean_outside,
        unmet=deep_enough,
        random=True,
        rival=rival,
    )


def _moving_mean(settings: Sde) -> str | None:
    return still(settings) or isotropic(settings) or explodes_with(PINS_OF_MEAN["activation"], settings)


def _limit(scheme: str, of: str, rival: Rival) -> Claim:
    return Claim(
        id=f"sde.weak.{scheme}.limit",
        source=TALAY,
        statement=f"The extrapolated multilevel mean of {of} is (f_0 + c) e^{{kT}} - c, c = sigma_b^2/sigma_w^2",
        kind="derived",
        observable="multilevel_error",
        expected=Expected("value", 0, 1e-4, scale=RELATIVE),
        where={"scheme": scheme},
        outside=_limit_outside,
        unmet=deep_enough,
        random=True,
        needs=NEEDS_DOUBLED_DEPTHS,
        verdicts=SMOKE_IS_TOO_SMALL,
        rival=rival,
    )


def _noise(claim_id: str, scheme: str, of: str, rival: Rival) -> Claim:
    return Claim(
        id=claim_id,
        source=TALAY,
        statement=f"The quadratic {of} has the mean that the law of the weights gives it",
        kind="identity",
        observable="weak_steps",
        expected=Expected("value", 1, 0.01, scale=RELATIVE),
        where={"scheme": scheme},
        outside=_outside,
        random=True,
        rival=rival,
    )


def _expanded(name: str, statement: str, observable: str, scheme: str, expected: Expected, **more: Any) -> Claim:
    return Claim(
        id=f"sde.weak.{name}",
        source=TALAY,
        statement=statement,
        kind="derived",
        observable=observable,
        expected=expected,
        where={"scheme": scheme},
        unmet=deep_enough,
        random=True,
        **{"outside": _limit_outside, **more},
    )


def _multilevel(name: str, statement: str, scheme: str, rival: Rival) -> Claim:
    """1024 networks know a coupled variance to 5 %: a half-width of an order of about 0.1."""
    return Claim(
        id=f"sde.weak.{name}",
        source=GILES,
        statement=statement,
        kind="observation",
        observable="weak_variance",
        expected=Expected("order", 1, 0.3, bend=BEND_OF_WEAK_ERRORS),
        where={"scheme": scheme, "estimator": "coupled"},
        outside=_variance_outside,
        random=True,
        unmet=deep_enough,
        verdicts=SMOKE_IS_TOO_SMALL,
        rival=rival,
    )


def least_of_weak(settings: Sde) -> float:
    """States, and two functionals of each network with their controls, at depths L and 2L."""
    if kinked_outer(settings):  # the mean alone, of a quarter of the networks
        return (
            least_of_inputs(settings)
            + bytes_of_samples(settings, vectors=2)
            + 2 * BYTES_OF_DOUBLE * 2 * (settings.replicas // 4)
        )
    n = min(2, settings.sde.inputs)
    return (
        least_of_inputs(settings)
        + bytes_of_samples(settings, vectors=2 * n)
        + 2 * BYTES_OF_DOUBLE * 2 * n * settings.replicas
    )


GROUP = Group(
    name="weak",
    title="Do expected norms, overlaps and means converge to those of the SDE at order 1?",
    seconds=4.9,
    least=least_of_weak,
    memory=("replicas", "width", "sde.inputs"),
    claims=(
        _order(
            "norm",
            "E|x_L|^2/D",
            rival=Rival("a limit with another growth rate: the error stays", "S23-rate", 0.004902),
        ),
        _limit(
            "norm",
            "|x|^2/D",
            rival=Rival("a limit that grows as sigma_w, not as sigma_w^2", "S23-rate", -0.2054),
        ),
        _order(
            "overlap",
            "E<x_L, y_L>/D of two inputs",
            rival=Rival("a limit with another growth rate: the error stays", "S23-rate", 0.007382),
        ),
        _limit(
            "overlap",
            "<x, y>/D",
            rival=Rival("a limit that grows as sigma_w, not as sigma_w^2", "S23-rate", -0.194),
        ),
        _order(
            "mean",
            "The expected mean coordinate E mean_d x_d",
            rival=Rival(
                "the coarse network gets the last of the increments: the difference stays", "S6-coarse-noise", -0.02781
            ),
        ),
        _expanded(
            "constant",
            "L times the weak error of E|x|^2/D tends to the constant of its expansion in h",
            "weak_constant",
            "norm",
            # the next term of the expansion is of relative size h: 4 % at depth 64, 0.5 % at 512
            Expected("value", 1, 0.05, scale=RELATIVE),
            rival=Rival("the third-order term of one input alone", "S25-third-order", 1.759),
        ),
        _expanded(
            "constant.overlap",
            "L times the weak error of E<x, y>/D tends to the constant of its expansion in h",
            "weak_constant",
            "overlap",
            Expected("value", 1, 0.05, scale=RELATIVE),
            rival=Rival("the third-order term of one input alone", "S25-third-order", 1.764),
        ),
        _expanded(
            "variance",
            "The variance of |x|^2/D is that of the limiting diffusion of the Gram matrix",
            "weak_spread",
            "norm",
            EXPECTED_VARIANCE,
            outside=_linear_variance_outside,
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("a covariance without the factor 1/D", "S26-one-over-D", 0.06478),
        ),
        _expanded(
            "variance.overlap",
            "The variance of <x, y>/D is that of the limiting diffusion of the Gram matrix",
            "weak_spread",
            "overlap",
            EXPECTED_VARIANCE,
            outside=_linear_variance_outside,
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("a covariance without the factor 1/D", "S26-one-over-D", 0.07846),
        ),
        Claim(
            id="sde.weak.control",
            source=GILES,
            statement="The control variate of E|x|^2/D has mean zero over the networks",
            kind="identity",
            observable="weak_control_mean",
            expected=Expected("value", 0, 0.02, scale=RELATIVE),
            where={"scheme": "norm"},
            outside=not_linear,
            random=True,
            needs=NEEDS_DOUBLED_DEPTHS,
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("biases of variance 1 in place of h", "S5-bias-unscaled"),
        ),
        _noise(
            "sde.weak.noise",
            "norm",
            "variation sum |x_{k+1} - x_k|^2",
            rival=Rival("weights 5 % too large", "P1-weights-5%"),
        ),
        _noise(
            "sde.weak.noise.overlap",
            "overlap",
            "covariation of two inputs",
            rival=Rival("weights 5 % too large", "P1-weights-5%"),
        ),
        _multilevel(
            "multilevel",
            "On the same noise, the variance of |x_2L|^2/D - |x_L|^2/D falls at order 1",
            "norm",
            rival=Rival("the coarse network gets the last of the increments: no coupling", "S6-coarse-noise", -0.01409),
        ),
        _multilevel(
            "multilevel.overlap",
            "On the same noise, the variance of <x, y>_2L/D - <x, y>_L/D falls at order 1",
            "overlap",
            rival=Rival("the coarse network gets the last of the increments: no coupling", "S6-coarse-noise", -0.01844),
        ),
        _expanded(
            "saving",
            "Coupling and control variate save as many layers of Monte Carlo as the expansion in h predicts",
            "weak_saving_left",
            "norm",
            # the next term of V_c is of relative size h: a factor of 1/2 at depth 64, 7 % at 512; 0.1 of noise
            Expected("value", 0, 0.3, scale="log10"),
            outside=_linear_variance_outside,
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("weights of the martingale do not grow backwards in time", "S27-gradient-of-the-end", -2.287),
        ),
    ),
    conditional=(
        "multilevel_error",
        "multilevel_mean",
        "weak_difference",
        "weak_error",
        "weak_mean",
    ),
    observables={
        "weak_error": "|E f(x_L) - f_T|, f = |x|^2/D, <x, y>/D (scheme norm, overlap) for phi''(0) = 0 and psi = id;"
        " else, and for mean_d x_d with swish (scheme mean), |E f(x_2L) - E f(x_L)| on one noise",
        "weak_step": "variance of pre-activations in the last layer, h (sigma_b^2 + sigma_w^2 q_T), times k ="
        " phi'(0)^2 sigma_w^2 where k > 1; q_T the limit of E|x|^2/D, else that of networks of depth 2L",
        "weak_mean": "E f(x_2L); reference: the limit, where it is known",
        "weak_difference": "E[f(x_2L) - f(x_L)] on one noise",
        "weak_variance": "variance of one sample (coordinate estimator): of f(x_2L) (one depth), of f(x_2L) - f(x_L)"
        " with noise of their own (plain, per L layers), on one noise (coupled), with the martingale (controlled)",
        "weak_cost": "layers drawn for a relative error of 1e-3 of E[f(x_2L) - f(x_L)], by estimator; coupled networks"
        " count as deep as the deeper",
        "weak_saving": "log10 of the cost of E[f(x_2L) - f(x_L)] by plain Monte Carlo over the controlled one's",
        "weak_constant": "E f(x_L) - f_T over its leading term in h, by the expansion at this width",
        "weak_spread": "variance of f(x_2L) over that of the limit at this width",
        "weak_saving_left": "weak_saving less its leading order in h at this width, log10 of (1 + sqrt 2)^2 L^2 V/(4"
        " V_c)"
        " with V and V_c of the expansion",
        "weak_control": "mean of the martingale subtracted from f(x_2L), over the limit of E f where it is known",
        "weak_control_mean": "weak_control, mean over the depths",
        "weak_steps": "sum over layers of |x_{k+1} - x_k|^2 (scheme norm; overlap: products of two inputs), depth 2L,"
        " over the sum of its conditional expectations given the states",
        "multilevel_mean": "E f(x_2L) summed over the depths up to L",
        "multilevel_error": "relative distance to the limit of the sum with its last difference D_L added once more;"
        " error of the reference: D_L - D_{L/2}/2",
        "multilevel_saving": "log10 of the layers that E f(x_2L) takes by plain Monte Carlo over those of the sum",
    },
    compared=(
        "sde.weak.norm.limit",
        "sde.weak.overlap.limit",
        "sde.weak.control",
    ),
)
