"""`ode.accuracy`: trained networks against a linear classifier of the same points. Free of torch.

Derived: two concentric circles have one mean, so that no line tells more than about two thirds of their points apart,
and a network that trains tells nearly all. Labels that are not those of the points leave both at one half.
"""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Rival
from ....papers import MARION_REGULARISATION
from ....settings.training import LOSS_OF_NETWORKS
from ...group import Depths, Group
from ..settings import Ode

PINS_OF_CIRCLES = {
    "data": "circles",
    "block": "two",
    "init": "tied",
    "width": 8,
    "horizon": 1.0,
    "train.epochs": 20,
    "train.batch_size": 50,
    "train.lr": 1.0,
    "train.replicas": 4,
}
MAX_DEPTH_OF_LINEAR_CONTROL = 32


def _linear(settings: Ode) -> str | None:
    return "activation=identity: the networks are linear" if settings.activation == "identity" else None


GROUP = Group(
    name="linear",
    title="Are trained networks more accurate than a linear classifier?",
    loss=LOSS_OF_NETWORKS,
    seconds=2,
    memory=("depth", "train.memory"),
    depths=Depths(high=MAX_DEPTH_OF_LINEAR_CONTROL),
    claims=(
        Claim(
            id="ode.accuracy",
            source=MARION_REGULARISATION,
            statement="Trained networks tell two concentric circles apart, which no linear classifier does",
            kind="observation",
            observable="accuracy_gain",
            expected=Expected("at_least", 0.4, 0.09, scale="accuracy"),
            pins=PINS_OF_CIRCLES,
            random=True,
            outside=_linear,
            rival=Rival("the labels are not permuted with the training points", "D1-shuffled-labels", 0.104),
        ),
    ),
    conditional=("accuracy_gain",),
    observables={
        "accuracy_gain": "accuracy of trained networks on the test points less that of linear least squares",
    },
)
