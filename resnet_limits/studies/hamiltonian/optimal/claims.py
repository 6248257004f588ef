"""`hamiltonian.optimal.*`: what shooting finds is stationary; whether it is least. Free of torch.

Two landmarks of the plane nearly change places, and may turn either way: two geodesics join the same ends. The claims
on their energies are derived from Owhadi's theorem, with a loss that is 0 at the given end and infinite elsewhere: a
control of least energy with fixed ends has the energy 2 H of a Hamiltonian path. That a geodesic without a conjugate
point is a strict local minimum, and one beyond its first is none, is Jacobi's theorem (Milnor, section 15).
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
    seconds=2.9,
    shared=2.9,
    grows={},
    claims=(
        _LEAST,
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
            statement="Beyond a conjugate point a geodesic is no minimum: random starts find less energy than 2H",
            kind="control",
            observable="least_energy",
            expected=Expected("at_most", 0.98, 0.005, scale=RELATIVE),
            where=COORDINATE_OF_CONJUGATE,
            rival=Rival("a geodesic that ends before its conjugate point", "HO4-before", 1.0),
        ),
    ),
    on_cpu=True,
    observables={
        "least_energy": "least path energy over random starts in all controls with the ends of a geodesic, by its 2H",
        "least_energy_of_branch": "the same over those that turn like the higher of the two geodesics, by its 2H",
        "conjugate_margin": "least singular value of (t Gamma(q_0, q_0))^-1 dq(t)/dP_0 over 0 < t <= 1; negative beyond"
        " a conjugate point",
    },
)
