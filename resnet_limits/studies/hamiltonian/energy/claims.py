"""`hamiltonian.energy.*`: energy drift of the integrators of the limit. Free of torch."""

from __future__ import annotations

from ....claims.claim import AS_STATED, SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import HAIRER_GEOMETRIC
from ...group import Group
from ...least import points
from ..outside import kinked, not_reached, several

SCHEMES = {"symplectic_euler": 1, "leapfrog": 2, "midpoint": 2}
"""Order by integrator."""

GROUP = Group(
    name="energy",
    title="At which order in the step do integrators of the limit keep its energy?",
    seconds=2.1,
    least=points,
    claims=tuple(
        Claim(
            id=f"hamiltonian.energy.{scheme}",
            source=HAIRER_GEOMETRIC,
            statement=f"by {scheme.replace('_', ' ')} in L steps the energy of the limit drifts by O(L^-{order})",
            kind="theorem",
            observable="energy_drift",
            expected=Expected("order", order, 0.15),
            where={"of": "own", "scheme": scheme},
            outside=kinked,
            unmet=not_reached("own"),
            note=several("own"),
            verdicts=SMOKE_IS_TOO_SMALL if scheme == "symplectic_euler" else AS_STATED,
            needs="a shooting that hits, and steps short enough for the implicit equations",
        )
        for scheme, order in SCHEMES.items()
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    observables={"diverged_energy": "energy where an integrator's path ended that did not reach the end"},
)
