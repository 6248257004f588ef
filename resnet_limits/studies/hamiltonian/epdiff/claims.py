"""`hamiltonian.epdiff.*`: particles of the flow and the EPDiff equation on the circle. Free of torch.

That momenta at finitely many particles are weak solutions is Holm & Marsden's. Two of the claims are derived from it.
On an even grid `sum_j P_j Gamma(., q_j)` is the trapezoidal rule for `Gamma * m`, of spectral accuracy for analytic
periodic functions, at time 0, and hence later: the solution depends smoothly on the first momentum. Of independent
particles the first momentum is off by a sum of N independent terms of mean 0, and the velocity at time 1, to first
order a linear function of it, by its N^-1/2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import HOLM, MILLER
from ...group import Group

LENGTH_OF_KERNEL = 0.8
PINS_OF_EPDIFF: dict[str, Any] = {"hamiltonian.kernel": "periodic", "hamiltonian.length": LENGTH_OF_KERNEL}
"""Another length than 1, of which powers would hide."""
COUNTS_ON_GRID = (8, 12, 16, 20, 24)
PARTICLES_ON_GRID = 32
"""Where particles and equation are compared: they differ by 1e-9 there."""
COUNTS_DRAWN = (16, 32, 64, 128, 256)
BEND_IN_PARTICLES = 0.1
"""The largest correction to N^-1/2 at N = 16, relative; 3000 draws show -0.05 +- 0.03 beside those of 256."""
COORDINATE_OF_GRID, COORDINATE_OF_DRAWS = {"of": "even grid"}, {"of": "independent particles"}
FALSE_EQUATION = Rival("the equation without the term v_x m", "HE1-no-v_x-m", 0.3869)

_AGREEMENT = Claim(
    id="hamiltonian.epdiff",
    source=HOLM,
    statement="The velocity of 32 particles on an even grid is that of the EPDiff equation, solved without particles",
    kind="derived",
    observable="epdiff_error",
    expected=Expected("at_most", 0, 1e-7, scale=RELATIVE),
    where=COORDINATE_OF_GRID,
    pins=PINS_OF_EPDIFF,
    rival=FALSE_EQUATION,
)

GROUP = Group(
    name="epdiff",
    title="Do many particles of the Hamiltonian flow solve the EPDiff equation?",
    seconds=1.7,
    shared=1.7,
    grows={"replicas": 1.0},
    claims=(
        _AGREEMENT,
        replace(
            _AGREEMENT,
            id="hamiltonian.epdiff.grid",
            statement="Velocities of N particles on an even grid converge to the EPDiff equation's faster than N^-4",
            observable="epdiff_distance",
            expected=Expected("order_at_least", 4, 1, along="N"),
            rival=replace(FALSE_EQUATION, value=7.214e-4),
        ),
        replace(
            _AGREEMENT,
            id="hamiltonian.epdiff.sampled",
            statement="Velocities of N independent particles converge to the EPDiff equation's at order 1/2 in N",
            observable="epdiff_distance",
            expected=Expected("order", 0.5, 0.15, along="N", bend=BEND_IN_PARTICLES),
            where=COORDINATE_OF_DRAWS,
            random=True,
            rival=Rival("draws of 16 particles, whatever N", "HE2-16-particles", -0.05475),
        ),
        replace(
            _AGREEMENT,
            id="hamiltonian.epdiff.conserved",
            statement="Solutions of the EPDiff equation conserve the energy 1/2 int m v dx and the momentum int m dx",
            kind="theorem",
            observable="epdiff_drift",
            expected=Expected("at_most", 0, 1e-8, scale=RELATIVE),
            rival=replace(FALSE_EQUATION, value=0.1966),
        ),
        replace(
            _AGREEMENT,
            id="hamiltonian.epdiff.momentum",
            source=MILLER,
            statement="The particles' flow phi carries the equation's momentum density along: m(phi) phi_x^2 = m_0",
            kind="theorem",
            observable="carried_momentum",
            expected=Expected("at_most", 0, 1e-6, scale=RELATIVE),
            rival=replace(FALSE_EQUATION, value=0.6543),
        ),
    ),
    memory=("replicas",),
    on_cpu=True,
    observables={
        "epdiff_error": "largest difference of the velocities of 32 particles on an even grid and of the EPDiff"
        " equation at t = 1, by the largest velocity",
        "epdiff_distance": "the same of N particles (coordinate N) on an even grid; of independent ones the root mean"
        " square over draws of the distance in L2, relative",
        "epdiff_drift": "largest relative change over time of energy and total momentum of the equation's solution",
        "carried_momentum": "max_j |m(q_j) (P_j(0)/P_j)^2 - m_0(q_j(0))| / max |m_0| at t = 1, m of the equation",
    },
)
