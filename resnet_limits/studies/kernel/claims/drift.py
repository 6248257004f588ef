"""`kernel.diagram.relu.*`: the growth of ReLU networks of finite width. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import PELUCHETTI_DIFFUSIONS
from ...group import Group
from .settings import AS_FULL

WIDTH = 16
PINS = {"activation": "identity", "activation_inside": "relu", "width": WIDTH, "init.sigma_w": 1.0, "init.sigma_b": 0.0}
OF = {"relu": 1 / 4 - 1 / WIDTH, "norm": 1 / 4 - 1 / (2 * WIDTH)}
WORDS = {"relu": "|relu(x)|", "norm": "|x|"}


GROUP = Group(
    claims=tuple(
        Claim(
            id=f"kernel.diagram.{name}",
            source=PELUCHETTI_DIFFUSIONS,
            statement=f"x + W relu(x)/sqrt(L) at width n = {WIDTH}: log {WORDS[of]} grows on average by about"
            f" 1/4 - 1/{'n' if of == 'relu' else '(2n)'}",
            kind="observation",
            observable="log_growth",
            expected=Expected("value", OF[of], 0.02),
            where={"of": of},
            pins=PINS,
            random=True,
            verdicts=AS_FULL,
        )
        for name, of in (("relu", "relu"), ("relu.norm", "norm"))
    ),
    memory=("replicas",),
    observables={
        "log_growth": "mean over networks of log |relu(x_L)|/|relu(x_0)| (coordinate of: relu) and of"
        f" log |x_L|/|x_0| (norm), x + W relu(x)/sqrt(L) at width {WIDTH} from Gaussian inputs;"
        " networks whose relu(x) vanishes are left out"
    },
)
