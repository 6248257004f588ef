"""`hamiltonian.optimal.*`: what shooting finds is stationary; whether it is least. Free of torch.

Two landmarks of the plane nearly change places, and may turn either way: two geodesics join the same ends. The claims
on their energies are derived from Owhadi's theorem, with a loss that is 0 at the given end and infinite elsewhere: a
control of least energy with fixed ends has the energy 2 H of a Hamiltonian path. That the Hessian of the path energy is
positive at a geodesic up to its first conjugate point, and has a negative eigenvalue beyond, is the index theorem
(Milnor, section 15).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import MILNOR, OWHADI
from ...group import Group

PINS_OF_OPTIMAL: dict[str, Any] = {"hamiltonian.kernel": "gaussian", "hamiltonian.length": 1.0}
COORDINATE_OF_TURN, COORDINATE_OF_CONJUGATE = {"of": "half a turn"}, {"of": "beyond a conjugate point"}
HIGHER_BRANCH = 0.5437
"""What the energy of the lower of the two geodesics is of that of the higher."""

_LEAST = Claim(
    id="hamiltonian.optimal",
    source=OWHADI,
    statement="The least energy from random starts in all controls between fixed ends is 2H of the lower geodesic",
    kind="derived",
    observable="least_energy",
    expected=Expected("value", 1, 1e-6, scale=RELATIVE),
    where=COORDINATE_OF_TURN,
    pins=PINS_OF_OPTIMAL,
    rival=Rival("the higher of the two geodesics is judged", "HO1-higher", HIGHER_BRANCH),
)

GROUP = Group(
    name="optimal",
    title="Does shooting find the least energy, or only a stationary one?",
    seconds=2.6,
    shared=2.6,
    grows={"replicas": 1.0},
    claims=(
        _LEAST,
        replace(
            _LEAST,
            id="hamiltonian.optimal.above",
            statement="No control between these ends that the searches try has less energy than 2H of that geodesic",
            observable="lowest_control",
            expected=Expected("at_least", 1, 1e-6, scale=RELATIVE),
            rival=Rival("energies by as many nodes of the quadrature as coefficients", "HO5-nodes", 0.5645),
        ),
        replace(
            _LEAST,
            id="hamiltonian.optimal.branch",
            statement="Of controls that turn the points the other way the least energy is 2H of the other geodesic",
            observable="least_energy_of_branch",
            needs="a random start that leads to each of the two branches",
            rival=Rival("angles that are not followed through", "HO2-turn", HIGHER_BRANCH),
        ),
        replace(
            _LEAST,
            id="hamiltonian.optimal.conjugate",
            source=MILNOR,
            statement="The lower geodesic has no conjugate point: dq(t)/dP_0 is invertible for 0 < t <= 1",
            kind="observation",
            observable="conjugate_margin",
            expected=Expected("at_least", 0.5, 0.1),
            rival=Rival("a geodesic beyond its conjugate point is judged", "HO3-beyond", -0.07141),
        ),
        replace(
            _LEAST,
            id="hamiltonian.optimal.beyond",
            source=MILNOR,
            statement="Beyond a conjugate point the Hessian of the path energy at a geodesic has a negative eigenvalue",
            kind="theorem",
            observable="least_curvature",
            expected=Expected("at_most", -0.05, 0.01),
            where=COORDINATE_OF_CONJUGATE,
            rival=Rival("a geodesic that ends before its conjugate point", "HO4-before", 0.167),
        ),
        replace(
            _LEAST,
            id="hamiltonian.optimal.time",
            source=MILNOR,
            statement="Up to the conjugate time of Jacobi fields, and no further, that Hessian is positive",
            kind="theorem",
            observable="conjugate_time",
            expected=Expected("value", 1, 1e-4, scale=RELATIVE),
            where=COORDINATE_OF_CONJUGATE,
            rival=Rival("Jacobi fields taken to begin at time 0", "HO6-times", 1.003),
        ),
    ),
    on_cpu=True,
    observables={
        "least_energy": "least path energy over random starts in all controls with the ends of a geodesic, by its 2H",
        "least_energy_of_branch": "the same over those that turn like the higher of the two geodesics, by its 2H",
        "conjugate_margin": "least singular value of (t Gamma(q_0, q_0))^-1 dq(t)/dP_0 over 0 < t <= 1; negative beyond"
        " a conjugate point",
        "lowest_control": "least path energy of all paths that the searches try, by that 2H",
        "least_curvature": "least eigenvalue of the Hessian of the path energy E at a geodesic, relative to"
        " 2 int tr V'^T Gamma(q, q)^-1 V' dt of variations V",
        "conjugate_time": "t up to which that eigenvalue is positive at the geodesic up to t, by the first t with"
        " det dq(t)/dP_0 = 0",
    },
)
