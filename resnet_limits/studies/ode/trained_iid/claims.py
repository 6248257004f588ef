"""`ode.trained_iid.*` (controls): trained weights from an i.i.d. start. Free of torch.

What is judged is what training adds: an untrained i.i.d. start does not converge either. `V` starts at zero.
"""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Rival
from ....papers import MARION_REGULARISATION
from ....settings.training import LOSS_OF_NETWORKS
from ...group import Group
from ..outside import not_trained
from ..room import least_of_trained

PINS_OF_TRAINED_IID = {"block": "two", "init": "iid"}

RIVAL_TIED_DRAW = "all layers share one draw, as from a tied start"

GROUP = Group(
    name="trained_iid",
    title="Do trained weights stay without a limit if the layers start independently?",
    loss=LOSS_OF_NETWORKS,
    seconds=4.9,
    least=least_of_trained,
    memory=("train.replicas", "width", "depth", "train.memory", "train.batch_size"),
    claims=(
        Claim(
            id="ode.trained_iid.distance",
            source=MARION_REGULARISATION,
            statement="From an i.i.d. start, what training adds to V at depths L and 2L stays a constant distance"
            " apart",
            kind="control",
            observable="step_difference",
            expected=Expected("order", 0, 0.1),
            where=PINS_OF_TRAINED_IID,
            pins=PINS_OF_TRAINED_IID,
            unmet=not_trained("iid"),
            needs="pairs of depths L and 2L",
            rival=Rival(RIVAL_TIED_DRAW, "O19-layers-share", 1.0),
        ),
        Claim(
            id="ode.trained_iid.increments",
            source=MARION_REGULARISATION,
            statement="From an i.i.d. start, the layer increments of what training adds do not fall with depth",
            kind="control",
            observable="movement_increment",
            expected=Expected("order", 0, 0.1),
            where=PINS_OF_TRAINED_IID,
            pins=PINS_OF_TRAINED_IID,
            unmet=not_trained("iid"),
            random=True,
            rival=Rival(RIVAL_TIED_DRAW, "O19-layers-share", 1.0),
        ),
    ),
    observables={
        "step_difference": "relative distance of V, zero at the start, at depths L and 2L as step functions",
    },
    arrays={
        "trained_iid.V": "trained.V from an i.i.d. start",
        "trained_iid.W": "trained.W from an i.i.d. start",
        "trained_iid.b": "trained.b from an i.i.d. start",
        "trained_iid.logits": "trained.logits from an i.i.d. start",
    },
    compared=("ode.trained_iid.distance",),
)
