"""`hamiltonian.robustness.*`: nugget, decay and dropout under noise of the inputs, a preset of its own. Free of torch.

Owhadi offers the nugget as a robust alternative to dropout. Either difference is looked for, of either sign: the claims
say that there is none beyond two hundredths, and an accuracy proves no robustness.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected, Rival, Verdict
from ....papers import OWHADI
from ...group import Group
from ...outside import unlabelled
from ..room import least_of_solution
from ..settings import LOSS_OF_HAMILTONIAN

PARAMETERS_BY_ARM: dict[str, tuple[float, ...]] = {
    "nugget": (0.1, 0.3, 1.0, 3.0, 10.0),
    "decay": (1.0, 3.0, 10.0, 30.0, 100.0),
    "dropout": (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9),
}
"""By arm what is chosen among: the nugget r, a factor of the key `hamiltonian.nu`, the rate p of dropout."""
NOISE_LEVELS = (0.0, 0.5, 1.0)
"""Standard deviations of the noise that is added to each feature of a point, which are standardised."""
JUDGED_NOISE = 0.5
MOST_POINTS_OF_VALIDATION = 500
MASKS_OF_DROPOUT = 8
"""Fixed masks that each network with dropout is trained on the mean of."""
PINS_OF_ROBUSTNESS: dict[str, Any] = {
    "hamiltonian.kernel": "features",
    "hamiltonian.readout": "fixed",
    "hamiltonian.scheme": "euler",
}
VERDICTS_OF_ROBUSTNESS: dict[str, Verdict] = {"nugget": "supported", "smoke": "inconclusive"}


def few_networks_reached(records: Any) -> str | None:
    """For `Claim.unmet`: that minimisations did not end, or None."""
    reached = records[records["observable"] == "robust_reached"]["value"]
    if len(reached) and reached.min() < 1:
        return f"of the networks {1 - reached.min():.0%} were not minimised to the end; a larger minimiser.iterations"
    return None


def best_at_an_end(records: Any) -> str | None:
    """For `Claim.note`: that the best parameter of an arm lies at an end of those it is chosen among, or None."""
    if "noise" not in records:
        return None
    ends = records[(records["observable"] == "robust_at_end") & (records["noise"] == JUDGED_NOISE)]
    at = [f"{arm} {share:.0%}" for arm, share in zip(ends["arm"], ends["value"], strict=True) if share > 0]
    return f"best at an end of the parameters: {', '.join(at)} of the seeds" if at else None


def _against(arm: str, statement: str, rival: float) -> Claim:
    return Claim(
        id=f"hamiltonian.robustness.{arm}",
        source=OWHADI,
        statement=statement,
        kind="observation",
        observable="robust_difference",
        expected=Expected("value", 0, 0.02, scale="accuracy"),
        where={"of": "robustness", "against": arm, "noise": JUDGED_NOISE},
        pins=PINS_OF_ROBUSTNESS,
        outside=unlabelled,
        unmet=few_networks_reached,
        note=best_at_an_end,
        random=True,
        verdicts=VERDICTS_OF_ROBUSTNESS,
        rival=Rival("a nugget that leaves the fields nothing to do", "H75-nugget-too-large", rival),
    )


GROUP = Group(
    name="robustness",
    title="Is a nugget more robust to noise of the inputs than decay or dropout?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=3100.0,
    shared=3100.0,
    least=least_of_solution,
    by_name=True,
    claims=(
        _against(
            "decay", "Under input noise the best nugget and the best decay differ in accuracy by less than .02", -0.671
        ),
        _against(
            "dropout",
            f"Under input noise the best nugget and the best dropout ({MASKS_OF_DROPOUT} fixed masks) differ in"
            " accuracy by less than .02",
            -0.6773,
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    grows={"replicas": 1.0},
    conditional=("robust_accuracy", "robust_difference"),
    observables={
        "robust_accuracy": "test accuracy under noise of the inputs (coordinate noise: its standard deviation) of"
        " networks with a nugget, with decay, with dropout (coordinate arm; the mean loss of"
        f" {MASKS_OF_DROPOUT} masks that stay), each at its best parameter on a validation split under that noise; mean"
        " over seeds",
        "robust_difference": "that of the nugget less that of another arm (coordinate against), paired: same points,"
        " same start, same noise",
        "robust_parameter": "the parameter chosen, geometric mean over seeds",
        "robust_at_end": "share of the seeds in which it is the first or the last of those it is chosen among",
        "robust_reached": "share of the networks that were minimised to the end",
    },
)
