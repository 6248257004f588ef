"""`sde.prenorm.*`: blocks that see the state divided by its root mean square. Free of torch.

A branch has mean 0 and mean square c given the state, whatever the direction of the state: norms and the Gaussian law
follow (`measure.py`), and do not see what direction the branch is given. The correlation of two inputs does.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import NEWMAN, XIONG
from ...group import Group
from ...least import BYTES_OF_DOUBLE, bytes_of_samples
from ...outside import still
from ..room import least_of_inputs
from ..settings import Sde

PINS_WITHOUT_BIAS = {"init.sigma_b": 0.0}
MIN_WIDTH_OF_PRENORM = 4
"""The mean of `log|e + W e|^2` is about `sigma_w^2 (1 - 2/D)` for small sigma_w."""
PINS_OF_PRENORM_PAIR = {"init.sigma_w": 1.5, "init.sigma_b": 1.0, "width": 256}
"""Networks whose correlation is held against infinite width: `c T = 3.25`, more than three times the inputs' norm."""


def _still(settings: Sde) -> str | None:
    if settings.init.sizes().sigma_w == 0:
        return "init.sigma_w=0: the branch vanishes, nothing grows"
    return None


def _narrow(settings: Sde) -> str | None:
    if settings.width < MIN_WIDTH_OF_PRENORM:
        return f"width={settings.width}: below {MIN_WIDTH_OF_PRENORM} a typical network need not grow"
    return _still(settings)


def _applies(settings: Sde) -> str | None:
    """Networks with sizes of their own."""
    return None


OUTSIDE_BY_SCHEME = {"linear": still, "two-layers": _still, "without-norm": _narrow, "linear-pair": _applies}


def _claim(name: str, statement: str, observable: str, expected: Expected, scheme: str, **more: Any) -> Claim:
    return Claim(
        id="sde.prenorm" + name,
        statement=statement,
        observable=observable,
        expected=expected,
        where={"scheme": scheme},
        random=True,
        **{"source": XIONG, "kind": "derived", "outside": OUTSIDE_BY_SCHEME[scheme], **more},
    )


def least_of_prenorm(settings: Sde) -> float:
    """What each network moved by, of both blocks."""
    moved = 2 * BYTES_OF_DOUBLE * settings.replicas * settings.sde.inputs * settings.width
    return least_of_inputs(settings) + moved + bytes_of_samples(settings, vectors=settings.sde.inputs)


GROUP = Group(
    name="prenorm",
    title="How do pre-norm networks grow, and is the law of their output Gaussian?",
    seconds=6,
    least=least_of_prenorm,
    memory=("replicas", "width", "sde.inputs"),
    claims=(
        _claim(
            "",
            "With a linear pre-norm branch, E|x_L - x_0|^2/D is c times the sum of squared branch factors",
            "prenorm_movement",
            Expected("value", 1, 0.03, scale=RELATIVE),
            "linear",
            rival=Rival("branch factors 5 % too large", "P8-prenorm5%", 1.105),
        ),
        _claim(
            ".drift",
            "With a linear pre-norm branch, states do not drift along the input: E<x_0, x_L - x_0> = 0",
            "prenorm_drift",
            Expected("value", 0, 0.1, scale="standard deviations"),
            "linear",
            rival=Rival("post-norm: the skip connection carries the normalised state", "SP2-post-norm", -2.134),
        ),
        _claim(
            ".two",
            "With a two-layer pre-norm branch, E|x_L - x_0|^2/D is c times the sum of squared branch factors",
            "prenorm_movement",
            Expected("value", 1, 0.03, scale=RELATIVE),
            "two-layers",
            rival=Rival("branch factors 5 % too large", "SP1-two-layers-5%", 1.1),
        ),
        _claim(
            ".two.drift",
            "With a two-layer pre-norm branch, states do not drift along the input: E<x_0, x_L - x_0> = 0",
            "prenorm_drift",
            Expected("value", 0, 0.1, scale="standard deviations"),
            "two-layers",
            rival=Rival("post-norm: the skip connection carries the normalised state", "SP3-post-norm-two", -1.602),
        ),
        _claim(
            ".correlation",
            "Pre-norm networks keep inputs apart: 1 - rho_T = (1 - rho_0) (q_0/(q_0 + c T))^{sigma_b^2/c}",
            "prenorm_correlation",
            Expected("value", 1, 0.03, scale=RELATIVE),
            "linear-pair",
            pins=PINS_OF_PRENORM_PAIR,
            rival=Rival("branches that see the input, not the state", "SP4-branch-sees-the-input", 1.194),
        ),
        _claim(
            ".gaussian",
            "With a linear pre-norm branch, x_L - x_0 is Gaussian at any depth: its excess kurtosis is 0",
            "prenorm_kurtosis",
            Expected("value", 0, 0.1),
            "linear",
            rival=Rival("blocks that share their weights", "SP6-tied", -71.89),
        ),
        _claim(
            ".gaussian.radius",
            "With a linear pre-norm branch, |x_T - x_0|^2/(c T) has the variance 2 D of chi^2_D at any depth",
            "prenorm_radius_var",
            Expected("value", 1, 0.15, scale=RELATIVE),
            "linear",
            rival=Rival("blocks that share their weights", "SP6-tied", 18970),
        ),
        _claim(
            ".gaussian.two",
            "With a two-layer pre-norm branch, x_L is a Gaussian mixture whose excess kurtosis falls at order 1",
            "prenorm_mixture",
            Expected("order", 1, 0.2),
            "two-layers",
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("blocks that share their hidden weights", "SP5-hidden-weights-repeat", -0.002883),
        ),
        _claim(
            ".gaussian.two.radius",
            "With a two-layer pre-norm branch, |x_T - x_0|^2/(c T) has the variance 2 D of chi^2_D in the limit",
            "prenorm_radius_var",
            Expected("value", 1, 0.15, scale=RELATIVE),
            "two-layers",
            rival=Rival("blocks that share their hidden weights", "SP5-hidden-weights-repeat", 1.631),
        ),
        _claim(
            ".without",
            "Without the norm, growth is exponential: log(|x_L|^2/|x_0|^2) is L E log |e + W e|^2",
            "prenorm_log_growth",
            Expected("value", 1, 0.02, scale=RELATIVE),
            "without-norm",
            source=NEWMAN,
            kind="control",
            pins=PINS_WITHOUT_BIAS,
            rival=Rival("weights 5 % too large", "SR4-weights-5%", 1.098),
        ),
    ),
    observables={
        "prenorm_movement": "mean of |x_L - x_0|^2/D relative to c times the sum of squared branch factors, which rise"
        " linearly from block to block; c = sigma_w^2 + sigma_b^2 of the linear branch, sigma_w^2 E phi(z)^2 of two"
        " layers",
        "prenorm_correlation": "1 - E<x, y>/(E|x|^2 E|y|^2)^1/2 of two inputs of equal norms at a cosine of -0.5,"
        " linear branch, relative to the limit's; the interval counts the error of that depth at infinite width",
        "prenorm_drift": "mean of <x_0, x_L - x_0>/D in units of its standard deviation over replicas",
        "prenorm_kurtosis": "excess kurtosis of the coordinates of x_L - x_0",
        "prenorm_mixture": "excess kurtosis of x_L - x_0 of two layers, as 3 Var V/(E V)^2, V = sigma_w^2 sum_k"
        " s_k^2 |phi(z_k)|^2/D, the"
        " variance of x_L - x_0 given the sizes of the hidden features",
        "prenorm_radius_var": "variance of |x_L - x_0|^2/(c T), relative to the 2 D of chi^2_D; of two layers the"
        " interval counts what the mixture of that depth adds",
        "prenorm_log_growth": "log(|x_L|^2/|x_0|^2)/L of x + W x, relative to E log|e + W e|^2 of one block, |e| = 1",
    },
)
