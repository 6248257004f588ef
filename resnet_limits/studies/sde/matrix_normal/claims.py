"""`sde.matrix_normal.*`: weights with a mean and correlated entries. Free of torch.

The law is that of the settings where it is `init=matrix_normal`, else the one below; the records say which. Networks
start from the combs (1, 0, 1, 0, ...) and (0, 1, 0, 1, ...), of norm `sde.norm width`, whatever the data: from random
directions `x^T V x` hardly depends on the correlation of the columns; here the second comb is seen by the first through
it alone. The forward theorem is Peluchetti & Favaro's (2019); moments follow from its SDE by Ito's formula
(`measure.py`).
"""

from __future__ import annotations

import math
from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....limits.explosion import Moments
from ....networks.activations import activation_named
from ....papers import PELUCHETTI_DIFFUSIONS
from ....paths.laws.matrix_normal import MatrixNormalLaw
from ...group import Group
from ...least import little
from ..settings import Sde

PINS_OF_TANH = {"activation": "tanh", "activation_inside": "identity"}
PINS_OF_SWISH = {"activation": "swish", "activation_inside": "identity"}
LAW_WHERE_IID = MatrixNormalLaw(sigma_w=0.4, sigma_b=0.4, mean_w=0.3, mean_b=0.2, rows=0.5, columns=0.7)
WORDS_OF_LAW_WHERE_IID = "with init=iid: sigma_w = sigma_b = 0.4, mean_w = 0.3, mean_b = 0.2, rows = 0.5, columns = 0.7"
MAX_SHARE_OF_EXPLOSION_TIME = 0.5
"""Part of the explosion time up to which networks with swish are compared with their SDE."""


def law_followed(settings: Sde) -> MatrixNormalLaw:
    """The law of the weights that is followed."""
    return settings.init if isinstance(settings.init, MatrixNormalLaw) else LAW_WHERE_IID


def _still(settings: Sde) -> str | None:
    init = law_followed(settings)
    if init.sigma_w == init.sigma_b == 0:
        return "all weights are deterministic: nothing is random"
    return None


def _neighbours(settings: Sde) -> str | None:
    if settings.width == 1:
        return "width=1: there are no neighbours"
    return _still(settings)


def _correlated_rows(settings: Sde) -> str | None:
    if law_followed(settings).rows == 0:
        return "init.rows=0: rows are not correlated"
    return _neighbours(settings)


def _explosive(settings: Sde) -> str | None:
    """Why networks with swish may explode, or None; by the largest size that correlated columns can give a weight."""
    init, (slope, curvature) = law_followed(settings), activation_named("swish").taylor()
    largest = init.sigma_w * math.sqrt((1 + abs(init.columns)) / (1 - abs(init.columns)))
    mean = abs(slope * init.mean_w) * settings.horizon
    if mean > 2:
        return f"init.mean_w={init.mean_w:g}: the mean of the weights alone moves the states by a factor e^{mean:.3g}"
    q0 = math.exp(2 * mean) * (settings.sde.norm + init.mean_b**2 * settings.horizon)
    at = Moments(slope, curvature, largest, init.sigma_b, 0.0, q0).explosion_time()
    if settings.horizon > MAX_SHARE_OF_EXPLOSION_TIME * at:
        return f"horizon={settings.horizon:g} is near the explosion time, {at:.3g} at least, of activation=swish"
    return _still(settings)


def _claim(name: str, statement: str, expected: Expected, observable: str, outside: Any, **more: Any) -> Claim:
    return Claim(
        id=f"sde.matrix_normal.{name}",
        source=PELUCHETTI_DIFFUSIONS,
        statement=statement,
        observable=observable,
        expected=expected,
        where={"scheme": name},
        outside=outside,
        random=True,
        **{"kind": "theorem", "pins": PINS_OF_TANH, **more},
    )


def _uncorrelated(value: float) -> Rival:
    return Rival("columns that are not correlated", "SM1-columns-ignored", value)


def _moment(name: str, statement: str, outside: Any, rival: Rival) -> Claim:
    """By a ninth of a standard deviation of a network: three times the half-width of 4096 of them, and what tanh takes
    at L=64."""
    return _claim(
        name,
        statement,
        Expected("value", 0.0, 0.115, scale="standard deviations"),
        "matrix_normal_moment",
        outside,
        kind="derived",
        rival=rival,
    )


def _noise(name: str, statement: str, outside: Any, rival: Rival) -> Claim:
    """A weight that is 5 % too large gives 1.10."""
    return _claim(
        name, statement, Expected("value", 1.0, 0.03, scale=RELATIVE), "matrix_normal_noise", outside, rival=rival
    )


GROUP = Group(
    name="matrix_normal",
    title="Do networks whose weights are correlated and have a mean follow their SDE?",
    any_law=True,
    seconds=7,
    least=little,
    uncompiled="walks of correlated weights",
    claims=(
        _moment(
            "mean",
            "With weights and biases of non-zero mean, E mean_d x_d is that of the SDE",
            _still,
            Rival("weights without their mean", "SM3-mean-lost", -0.6096),
        ),
        _moment(
            "norm",
            "With correlated rows and columns, E|x|^2/D is that of the SDE",
            _still,
            _uncorrelated(-0.5638),
        ),
        _moment(
            "neighbours",
            "With correlated rows, E sum_d x_d x_{d+1}/D is that of the SDE",
            _neighbours,
            Rival("rows that are not correlated", "SM2-rows-ignored", -0.356),
        ),
        _moment(
            "overlap",
            "With correlated columns, E<x, y>/D of two inputs is that of the SDE",
            _neighbours,
            _uncorrelated(-0.807),
        ),
        _noise(
            "noise",
            "The quadratic variation of the states is that of the SDE, int tr(U) x^T V x + tr(S) dt",
            _still,
            _uncorrelated(0.4833),
        ),
        _noise(
            "noise.rows",
            "The quadratic covariation of neighbouring coordinates is the SDE's, int (U x^T V x + S)_{d,d+1} dt",
            _correlated_rows,
            Rival("rows that are not correlated", "SM2-rows-ignored", 0.2068),
        ),
        _noise(
            "noise.inputs",
            "The quadratic covariation of two inputs is that of the SDE, int U_dd x^T V y + S_dd dt",
            _neighbours,
            _uncorrelated(0.2864),
        ),
        _claim(
            "swish",
            "Swish networks have the Ito drift of the SDE, 1/2 phi''(0) diag(U x^T V x + S)",
            # The next term of E swish(z) is a quarter of the variance of z, below 0.01 from L=64 on.
            Expected("value", 1.0, 0.03, scale=RELATIVE),
            "matrix_normal_drift",
            _explosive,
            pins=PINS_OF_SWISH,
            rival=Rival("a drift without the variance of the biases", "SM4-bias-lost-from-drift", 1.367),
        ),
    ),
    memory=("replicas", "width"),
    observables={
        "matrix_normal_moment": "mean over networks of f(x_L), less that of the SDE, in standard deviations of f(x_L):"
        " f = mean_d x_d (scheme mean), |x|^2/D (norm), sum_d x_d x_{d+1}/D (neighbours), of two inputs <x, y>/D"
        " (overlap); its interval counts the error of that depth, twice the difference of Euler's moments at L and 2L;"
        f" {WORDS_OF_LAW_WHERE_IID}",
        "matrix_normal_noise": "sum over layers of the products of two increments, over the SDE's d[x, y] at the same"
        " states, with the term h^2 of that depth: of one input (scheme noise), of neighbouring coordinates"
        " (noise.rows), of two inputs (noise.inputs)",
        "matrix_normal_drift": "mean over networks and coordinates of x_L less the SDE's without its drift"
        " 1/2 phi''(0) diag(U x^T V x + S), over that of the SDE with it, on one noise; its interval counts h v/2,"
        " twice the next term of E phi(z)",
    },
)
