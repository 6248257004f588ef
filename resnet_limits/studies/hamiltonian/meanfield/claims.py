"""`hamiltonian.meanfield`: minimisers on N points of a population. Free of torch.

`hamiltonian.meanfield.constant` is derived: the minimiser on a draw is off by `-H^-1 g` to first order in the gradient
g of the draw's loss at the population's minimiser, H its Hessian, and g is the mean of N independent gradients of
single points with covariance S (delta method). So `N E|z_N - z|^2 -> tr H^-1 S H^-1`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import OWHADI
from ...group import Group
from ...least import bytes_of_points
from ..outside import kinked_velocity, several_solutions, solution_not_reached
from ..settings import LOSS_OF_HAMILTONIAN

POINT_COUNTS = (64, 256, 1024, 4096)
DEPTH_OF_MEANFIELD = 16
BEND_IN_POINTS = 0.1
"""The largest correction to N^-1/2 at N = 64, relative. It is of second order in the distance, which is 0.13 there; 400
draws show 0.02 +- 0.02."""
PINS_OF_MEANFIELD: dict[str, Any] = {
    "hamiltonian.kernel": "features",
    "hamiltonian.readout": "fixed",
    "hamiltonian.nu": 0.2,
}


def _not_reached(records: Any) -> str | None:
    """For `Claim.unmet`: the minimiser of the population, or that of a draw."""
    if (reason := solution_not_reached("mean field", shooting=False)(records)) is not None:
        return reason
    draws = records[records["observable"] == "draws_gradient_norm"]
    for worst, tolerance in zip(draws["value"], draws["reference"], strict=True):
        if not worst <= tolerance:
            return (
                f"the minimiser of a draw was not reached: its relative gradient norm is {worst:.1e}, above"
                f" {tolerance:.0e}; a larger minimiser.iterations may do"
            )
    return None


_RATE = Claim(
    id="hamiltonian.meanfield",
    source=OWHADI,
    statement="Weights trained on N points converge to those of the whole population at order 1/2 in N",
    kind="observation",
    observable="meanfield_distance",
    expected=Expected("order", 0.5, 0.15, along="N", bend=BEND_IN_POINTS),
    where={"of": "mean field"},
    pins=PINS_OF_MEANFIELD,
    outside=kinked_velocity,
    unmet=_not_reached,
    note=several_solutions("mean field"),
    random=True,
    rival=Rival("draws of 64 points, whatever N", "H28-64-points", -0.001698),
)

GROUP = Group(
    name="meanfield",
    title="Do weights trained on a sample converge to those of the whole population?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=7.0,
    shared=6.5,
    least=bytes_of_points,
    claims=(
        _RATE,
        replace(
            _RATE,
            id="hamiltonian.meanfield.constant",
            statement="The distance of weights trained on N points to the population's has the delta method's constant",
            kind="derived",
            observable="meanfield_constant",
            expected=Expected("value", 1, 0.15, scale=RELATIVE),
            rival=Rival("the Hessian of the penalty alone", "HM1-penalty-alone", 0.3929),
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    conditional=("meanfield_distance",),
    observables={
        "meanfield_distance": "root mean square over draws of the distance of the weights of N points (coordinate N) to"
        " those of the population, relative; at depth 16",
        "meanfield_constant": "root mean square over the draws of all N of sqrt(N) |z_N - z|, divided by its limit"
        " sqrt(tr H^-1 S H^-1)",
        "draws_gradient_norm": "largest relative gradient norm at the minima of draws; its reference is the tolerance",
    },
)
