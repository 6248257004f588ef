"""`kernel.diagram.relu.*`: the growth of ReLU networks of finite width. Free of torch."""

from __future__ import annotations

from ....claims.claim import VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....papers import HAYOU
from ...group import Group
from ...least import bytes_of_points

WIDTHS_OF_DRIFT = (8, 16, 32)
PINS_OF_DRIFT = {
    "activation": "identity",
    "activation_inside": "relu",
    "horizon": 1.0,
    "init.sigma_w": 1.0,
    "init.sigma_b": 0.0,
}


def _growth(of: str, width: int, linear: float) -> Claim:
    """`linear`: the growth of the network without relu."""
    name, words, less, value = {
        "relu": (f"relu.{width}", "|relu(x)|", width, 1 / 4 - 1 / width),
        "norm": (f"relu.norm.{width}", "|x|", 2 * width, 1 / 4 - 1 / (2 * width)),
    }[of]
    return Claim(
        id=f"kernel.diagram.{name}",
        source=HAYOU,
        statement=f"At width {width}, log {words} of x + W relu(x)/sqrt(L) grows by about 1/4 - 1/{less} on average",
        kind="observation",
        observable="log_growth",
        expected=Expected("value", value, 0.02),
        where={"of": of, "width": width},
        pins={**PINS_OF_DRIFT, "width": width},
        random=True,
        verdicts=VERDICTS_WITH_LARGE,
        rival=Rival("x + W x/sqrt(L), without the relu", "K19-relu", linear),
    )


GROUP = Group(
    name="drift",
    title="How fast do ReLU networks of finite width grow?",
    seconds=3.3,
    least=bytes_of_points,
    claims=(
        _growth("relu", 8, 0.3716),
        _growth("relu", 16, 0.4346),
        _growth("relu", 32, 0.4647),
        _growth("norm", 8, 0.3704),
        _growth("norm", 16, 0.4357),
        _growth("norm", 32, 0.4634),
    ),
    memory=("replicas",),
    observables={
        "log_growth": "mean over networks of log |relu(x_L)|/|relu(x_0)| (coordinate of: relu) and of"
        " log |x_L|/|x_0| (norm), x + W relu(x)/sqrt(L) at widths 8, 16 and 32 from Gaussian inputs, 8 networks"
        " (width 8: 32) for each of the key replicas; networks whose relu(x) vanishes are left out"
    },
)
