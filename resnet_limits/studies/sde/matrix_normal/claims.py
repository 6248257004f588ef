"""`sde.matrix_normal.*`: weights with a mean and correlated entries. Free of torch.

The law is that of the settings where it is `init=matrix_normal`, else the one below; the records say which.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI
from ....paths.laws.matrix_normal import MatrixNormal
from ...group import Group
from ...least import little
from ..settings import Sde

TANH = {"activation": "tanh", "activation_inside": "identity"}
OTHERWISE = MatrixNormal(sigma_w=0.5, sigma_b=0.5, mean_w=0.3, mean_b=0.2, rows=0.5, columns=0.5)


def law(settings: Sde) -> MatrixNormal:
    """The law of the weights that is followed."""
    return settings.init if isinstance(settings.init, MatrixNormal) else OTHERWISE


def _still(settings: Sde) -> str | None:
    its = law(settings)
    if its.sigma_w == its.sigma_b == 0:
        return "all weights are deterministic: nothing is random"
    return None


def _neighbours(settings: Sde) -> str | None:
    if settings.width == 1:
        return "width=1: there are no neighbours"
    return _still(settings)


def _claim(name: str, statement: str, scheme: str, outside: Any) -> Claim:
    return Claim(
        id=f"sde.matrix_normal.{name}",
        source=PELUCHETTI,
        statement=f"{statement} (tanh, width at most 64; with init=iid: sigma_w = sigma_b = 0.5, mean_w = 0.3, mean_b ="
        " 0.2, rows = columns = 0.5; distance in standard deviations of one network)",
        kind="theorem",
        observable="matrix_normal_moment",
        expected=Expected("value", 0.0, 0.1),
        where={"scheme": scheme},
        pins=TANH,
        outside=outside,
        random=True,
    )


GROUP = Group(
    name="matrix_normal",
    title="Do networks whose weights have a mean and correlated entries have the moments of their SDE?",
    seconds=1.5,
    least=little,
    claims=(
        _claim("mean", "with a mean of weights and biases, E mean_d x_d is that of the SDE", "mean", _still),
        _claim("norm", "with correlated rows and columns, E|x|^2/D is that of the SDE", "norm", _still),
        _claim(
            "neighbours",
            "with correlated rows, neighbouring coordinates have the products E sum_d x_d x_{d+1}/D of the SDE",
            "neighbours",
            _neighbours,
        ),
    ),
    memory=("replicas", "width"),
    observables={
        "matrix_normal_moment": "mean over networks of f(x_L), less that of the SDE, in standard deviations of f(x_L):"
        " f = mean_d x_d (scheme mean), |x|^2/D (norm), sum_d x_d x_{d+1}/D (neighbours); its interval counts the error"
        " of that depth, twice the difference of Euler's moments at L and 2L",
    },
)
