"""`hamiltonian.sparsity`: points without loss gradient have no momentum. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected, Rival
from ....limits.hamiltonian.losses.loss import PointwiseLoss
from ....papers import OWHADI
from ...group import Group
from ...least import bytes_of_points
from ..outside import kinked_velocity, several_solutions, solution_not_reached
from ..settings import LOSS_OF_HAMILTONIAN, Hamiltonian


def pins(settings: Hamiltonian) -> dict[str, Any]:
    """A fixed read-out; the setting's own loss where it has a smooth margin, else the one that suits the data."""
    loss = settings.hamiltonian.loss
    suited = "squared_hinge" if settings.data.classes() == 2 else "squared_insensitive"
    return {
        "hamiltonian.loss": loss if PointwiseLoss.options[loss].has_margin else suited,
        "hamiltonian.readout": "fixed",
    }


def _one_sort(records: Any) -> str | None:
    """For `Claim.unmet`: why the points do not tell, or None."""
    if (reason := solution_not_reached("margin")(records)) is not None:
        return reason
    rows = records[records["observable"] == "without_gradient"]
    share = rows[rows["depth"] == rows["depth"].max()]["value"].mean() if len(rows) else 0.5
    if share in (0.0, 1.0):
        what = "all" if share else "no"
        return f"{what} points are without loss gradient: there is no pattern; another hamiltonian.nu or .insensitive"
    return None


GROUP = Group(
    name="sparsity",
    title="Do exactly the points that the loss no longer pulls on carry no momentum?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=3.0,
    shared=2.6,
    grows={"depth": 1.0},
    least=bytes_of_points,
    claims=(
        Claim(
            id="hamiltonian.sparsity",
            source=OWHADI,
            statement="Exactly the points without a loss gradient have zero momentum at both ends of the geodesic",
            kind="theorem",
            observable="momentum_support",
            expected=Expected("at_least", 1, 0.06, scale="share of points"),
            where={"of": "margin"},
            outside=kinked_velocity,
            unmet=_one_sort,
            note=several_solutions("margin"),
            needs="a geodesic shooting that converges",
            rival=Rival("loss gradients at the points' start, not their end", "H27-start-states", 0.675),
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    observables={
        "without_gradient": "share of the points without loss gradient at the end of the network; loss with a margin",
        "momentum_support": "share of the points at which P(0) and P(1) of the limit are zero if and only if the"
        " network's"
        " loss has no gradient",
        "momentum_off_support": "largest |P_j(0)| of the limit where the loss has no gradient, divided by the"
        " largest of all",
    },
    arrays={
        "sparsity.momentum": "P_0 of the shooting with a loss that has a margin (points, width)",
        "sparsity.gradient": "|dloss/dq_j| at the end of the network (points)",
    },
)
