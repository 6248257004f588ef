"""`ode.trained.iid*` (controls): trained weights from an i.i.d. start. Free of torch."""

from __future__ import annotations

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import MARION_REGULARISATION
from ...group import Group
from ..outside import not_trained
from ..room import least_of_trained

TRAINED_IID = {"block": "two", "init": "iid"}

GROUP = Group(
    name="trained_iid",
    title="Do weights trained from an i.i.d. start stay without a limit in time?",
    seconds=4.9,
    least=least_of_trained,
    memory=("train.replicas", "width", "depth", "train.memory", "train.batch_size"),
    claims=(
        Claim(
            id="ode.trained.iid",
            source=MARION_REGULARISATION,
            statement="from an i.i.d. start the trained weights do not converge: step functions at L and 2L stay apart",
            kind="control",
            observable="step_difference",
            expected=Expected("order", 0, 0.1),
            where=TRAINED_IID,
            pins=TRAINED_IID,
            unmet=not_trained("iid"),
            needs="pairs of depths L and 2L",
        ),
        Claim(
            id="ode.trained.iid.increments",
            source=MARION_REGULARISATION,
            statement="from an i.i.d. start the largest increment of the trained weights does not fall with depth",
            kind="control",
            observable="largest_increment",
            expected=Expected("order", 0, 0.1),
            where=TRAINED_IID,
            pins=TRAINED_IID,
            unmet=not_trained("iid"),
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
    ),
    observables={
        "step_difference": "distance of the trained weights at depths L and 2L as step functions, relative",
    },
    arrays={
        "trained_iid.V": "the same from an i.i.d. start",
        "trained_iid.W": "the same from an i.i.d. start",
        "trained_iid.b": "the same from an i.i.d. start",
        "trained_iid.logits": "the same from an i.i.d. start",
    },
    compared=("ode.trained.iid",),
)
