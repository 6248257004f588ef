"""`hamiltonian.energy.*`, `.form.*`: energy and symplectic form along the integrators of the limit. Free of torch.

Explicit Euler keeps the energy at order 1 just as symplectic Euler does. What tells them apart is the form, which the
one keeps to rounding and the other misses by O(1/L), and the energy that symplectic Euler keeps to order 2:
`H + h/2 H_P . (-H_q)`, the first two terms of its modified Hamiltonian.
"""

from __future__ import annotations

from dataclasses import replace

from ....claims.claim import AS_STATED, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import HAIRER_GEOMETRIC
from ...group import Group
from ...least import bytes_of_points
from ..outside import kinked_velocity, several_solutions, solution_not_reached
from ..settings import LOSS_OF_HAMILTONIAN

ENERGY_INTEGRATORS = ("symplectic_euler", "leapfrog", "midpoint")
EXPLICIT = "explicit_euler"
"""The control."""
MAX_DEPTH_OF_FORM = 128
"""Depth up to which the derivative of the whole flow is taken: rounding is seen at any."""
INTEGRATOR_WORDS = {
    "symplectic_euler": "symplectic Euler",
    "leapfrog": "the leapfrog scheme",
    "midpoint": "the midpoint rule",
    EXPLICIT: "explicit Euler",
}
DRIFT_BY_INTEGRATOR = {
    "symplectic_euler": "modified_energy_drift",
    "leapfrog": "energy_drift",
    "midpoint": "energy_drift",
    EXPLICIT: "energy_drift",
}
"""By integrator what it keeps, to order 2 if it is symplectic."""


EXPECTED_ROUNDING_OF_FORM = Expected("at_most", 0, 1e-10)
RIVAL_EXPLICIT_EULER = Rival("explicit Euler", "H3-explicit", 1.041)
RIVAL_HALF_STEPS = Rival("two half steps of symplectic Euler", "H8-leapfrog", 1.037)
RIVAL_OLD_STATES = Rival("velocities taken at the states before the step", "H23-old-states", 0.9861)
RIVAL_BY_CLAIM = {
    "energy.symplectic_euler": RIVAL_EXPLICIT_EULER,
    "energy.leapfrog": RIVAL_HALF_STEPS,
    "energy.midpoint": RIVAL_OLD_STATES,
    "form.symplectic_euler": replace(RIVAL_EXPLICIT_EULER, value=1.04e-3),
    "form.leapfrog": replace(RIVAL_EXPLICIT_EULER, value=2.602e-4),
    "form.midpoint": replace(RIVAL_OLD_STATES, value=1.015e-3),
    f"form.{EXPLICIT}": Rival("slopes half a step ahead", "H50-explicit-midpoint", 2.0),
}


def _claim(suffix: str, scheme: str, statement: str, observable: str, expected: Expected) -> Claim:
    return Claim(
        id=f"hamiltonian.{suffix}.{scheme}",
        source=HAIRER_GEOMETRIC,
        statement=statement,
        kind="theorem",
        observable=observable,
        expected=expected,
        where={"of": "own", "scheme": scheme},
        outside=kinked_velocity,
        unmet=solution_not_reached("own"),
        note=several_solutions("own"),
        verdicts=SMOKE_IS_TOO_SMALL if observable == "modified_energy_drift" else AS_STATED,
        needs="a geodesic shooting that converges, and steps short enough to solve the implicit equations",
        rival=RIVAL_BY_CLAIM[f"{suffix}.{scheme}"],
    )


def _energy(scheme: str) -> Claim:
    energy = "the modified energy H - h/2 H_q.H_P" if scheme == "symplectic_euler" else "the energy H"
    statement = f"L steps of {INTEGRATOR_WORDS[scheme]} conserve {energy} up to O(1/L^2)"
    return _claim("energy", scheme, statement, DRIFT_BY_INTEGRATOR[scheme], Expected("order", 2, 0.15))


def _form(scheme: str) -> Claim:
    statement = f"L steps of {INTEGRATOR_WORDS[scheme]} conserve the symplectic form: D^T J D = J, D their Jacobian"
    claim = _claim("form", scheme, statement, "form_defect", EXPECTED_ROUNDING_OF_FORM)
    return replace(claim, needs=f"{claim.needs}, depths up to {MAX_DEPTH_OF_FORM}")


def _form_of_the_control() -> Claim:
    return replace(
        _form(EXPLICIT),
        statement="L steps of explicit Euler miss the symplectic form by an amount of order 1",
        kind="control",
        expected=Expected("order", 1, 0.15),
    )


GROUP = Group(
    name="energy",
    title="Do integrators of the limiting Hamiltonian flow conserve energy and symplectic form?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=2.3,
    shared=0.7,
    grows={"depth": 1.0},
    least=bytes_of_points,
    claims=(*map(_energy, ENERGY_INTEGRATORS), *map(_form, ENERGY_INTEGRATORS), _form_of_the_control()),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    observables={
        "diverged_energy": "energy at the last step of an integrator that diverged before the end",
        "modified_energy_drift": "max_s |H'_s - H'_0|/H_0, H' = H - h/2 H_q.H_P",
        "form_defect": "largest entry of |D^T J D - J|, D the derivative of all L steps, positions and momenta in units"
        f" of their sizes; four points, L up to {MAX_DEPTH_OF_FORM}",
    },
)
