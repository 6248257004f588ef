"""`ode.random_start.*`: outputs of trained networks over draws of their start. Free of torch."""

from __future__ import annotations

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import CHIZAT
from ....settings.training import LOSS_OF_NETWORKS
from ...group import Group
from ...least import bytes_of_number, bytes_of_points, parameters
from ..settings import Ode, two_matrices

PINS_OF_RANDOM_START = {"block": "two", "init": "iid", "width": 8}


PINS_OF_TIED_START = {"block": "two", "init": "tied", "width": 8}


def least_of_random_start(settings: Ode) -> float:
    """The weights of depth 2L of all draws, from which those of depth L are taken."""
    width = PINS_OF_RANDOM_START["width"]
    layer = parameters(two_matrices(settings, width), width)
    return bytes_of_points(settings) + bytes_of_number(settings) * settings.ode.draws * 2 * settings.depth * layer


GROUP = Group(
    name="random_start",
    title="Does the output of a deep trained network depend on its random start?",
    loss=LOSS_OF_NETWORKS,
    seconds=34,
    grows={"depth": 1.0, "ode.draws": 1.0, "train.epochs": 1.0},
    least=least_of_random_start,
    memory=("ode.draws", "depth", "train.memory", "train.batch_size"),
    claims=(
        Claim(
            id="ode.random_start.spread",
            source=CHIZAT,
            statement="From an i.i.d. start, the output of trained networks fluctuates over draws at order 1/2",
            kind="theorem",
            observable="random_start_fluctuation",
            expected=Expected("order", 0.5, 0.15),
            pins=PINS_OF_RANDOM_START,
            random=True,
            rival=Rival("all layers share one draw, as from a tied start", "O19-layers-share", -1.736e-5),
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="ode.random_start.mean",
            source=CHIZAT,
            statement="From an i.i.d. start, mean outputs over draws at depths L and 2L approach each other at order 1",
            kind="theorem",
            observable="random_start_mean",
            expected=Expected("order", 1, 0.3),
            pins=PINS_OF_RANDOM_START,
            random=True,
            rival=Rival("blocks of the deeper network keep the factor of the shallower", "O23-factor-of-L", 0.001262),
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="ode.random_start.tied",
            source=CHIZAT,
            statement="From a tied start, the output of trained networks depends on the draw at any depth",
            kind="control",
            observable="tied_start_fluctuation",
            expected=Expected("order", 0, 0.1),
            pins=PINS_OF_TIED_START,
            rival=Rival("the layers of the control start independently, too", "O22-tied-independent", 0.4256),
        ),
    ),
    conditional=(
        "random_start_fluctuation",
        "random_start_mean",
    ),
    observables={
        "random_start_fluctuation": "standard deviation over draws of the i.i.d. start of the trained network's logits",
        "random_start_mean": "size of the difference of the mean logits over draws at depths L and 2L",
        "tied_start_fluctuation": "standard deviation over draws of a tied start of the trained network's logits",
    },
)
