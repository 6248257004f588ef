"""`hamiltonian.residual`, `.norm`, `.shooting`, `.geodesic`: networks against shooting. Free of torch."""

from __future__ import annotations

from dataclasses import replace

from ....claims.claim import Claim, Expected
from ....papers import OWHADI
from ... import reached
from ...group import Group
from ...reached import FALLS, FIRST_ORDER
from ..outside import kinked, not_reached, several
from ..room import least_of_minimiser

OWN = {"of": "own"}


def _approaches(suffix: str, observable: str, statement: str) -> tuple[Claim, Claim]:
    """That it does is the theorem, at which order the observation."""
    falls = Claim(
        id=f"hamiltonian.{suffix}",
        source=OWHADI,
        statement=statement,
        kind="theorem",
        observable=observable,
        expected=FALLS,
        where=OWN,
        outside=kinked,
        unmet=not_reached("own"),
        note=several("own"),
    )
    return falls, replace(
        falls,
        id=f"{falls.id}.observed",
        statement=f"{statement}, order 1",
        kind="observation",
        expected=FIRST_ORDER,
    )


GROUP = Group(
    name="trained",
    title="Are trained networks geodesics, those that shooting finds?",
    seconds=6.9,
    least=least_of_minimiser,
    claims=(
        Claim(
            id="hamiltonian.residual",
            source=OWHADI,
            statement="minimisers satisfy Hamilton's equations exactly: omega_s = sum_j P_{j,s+1} f(q_{j,s})^T, with"
            " the momenta of an adjoint recursion (largest deviation over layers, relative)",
            kind="theorem",
            observable="hamilton_residual",
            expected=Expected("at_most", 0, 1e-8),
            where=OWN,
            unmet=not_reached("own", shooting=False),
            note=several("own"),
        ),
        Claim(
            id="hamiltonian.residual.euler",
            source=OWHADI,
            statement="minimisers are symplectic Euler: L steps of it from the network's own P_0 give its states and"
            " momenta (largest deviation over time, relative)",
            kind="theorem",
            observable="euler_missed",
            expected=Expected("at_most", 0, 1e-8),
            where=OWN,
            unmet=not_reached("own", shooting=False),
            note=several("own"),
        ),
        Claim(
            id="hamiltonian.norm",
            source=OWHADI,
            statement="the norm of the weights is the same in every layer up to O(1/L): spread of |W_s|^2 + |b_s|^2",
            kind="theorem",
            observable="norm_spread",
            expected=Expected("order", 1, 0.1),
            where=OWN,
            outside=kinked,
            unmet=not_reached("own", shooting=False),
            note=several("own"),
        ),
        *_approaches("shooting.state", "state_distance", "states of a trained network approach those of the geodesic"),
        *_approaches("shooting.weight", "weight_distance", "weights L w_s approach omega(t) = sum_j P_j f(q_j)^T"),
        *_approaches("shooting.momentum", "momentum_distance", "initial momenta approach those that shooting finds"),
        *_approaches("shooting.value", "value_gap", "the minimum approaches nu H + loss of the geodesic"),
        *_approaches(
            "geodesic",
            "energy_gap",
            "the path energy L sum |w_s|^2 of a trained network approaches 2 H of the geodesic",
        ),
        Claim(
            id="hamiltonian.energy",
            source=OWHADI,
            statement="along a trained network the energy H(q_s, P_s) is kept up to O(1/L)",
            kind="theorem",
            observable="energy_drift",
            expected=Expected("order", 1, 0.1),
            where={**OWN, "scheme": "network"},
            outside=kinked,
            unmet=not_reached("own", shooting=False),
            note=several("own"),
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    observables={
        **reached.OBSERVABLES,
        "hamilton_residual": "largest |omega_s - sum_j P_{j,s+1} f(q_{j,s})^T| over layers, by the largest |omega_s|",
        "euler_missed": "largest deviation over time of states and momenta of the network from L steps of symplectic"
        " Euler from its P_0, relative to how far points move and to the momenta",
        "norm_spread": "(max - min)/mean over layers of |W_s|^2 + |b_s|^2",
        "path_energy": "L sum_s |w_s|^2",
        "accuracy": "share of the points that are classified rightly at the end; not of a regression",
        "shooting_residual": "|P(1) + dloss/dq(q(1))/nu| by |P(1)|, of the shooting",
        "shooting_energy": "H of the shooting's path",
        "shooting_reached": "1 where the shooting hit",
        "state_distance": "largest root mean square over time of q_s - q(s/L), by how far points move",
        "weight_distance": "largest root mean square over time of L w_s - omega(s/L), by that of omega",
        "momentum_distance": "root mean square of P_0 of the network less that of the shooting, relative",
        "value_gap": "|J_L - J|, relative to the value J of the shooting",
        "energy_gap": "|L sum |w_s|^2 - 2 H|, relative to 2 H",
        "energy_drift": "max_s |H_s - H_0|/H_0; scheme network: of the trained network, else of an integrator",
    },
    arrays={
        "network.states": "q_s, s = 0 .. L, of the points followed (L + 1, points, width)",
        "network.momenta": "P_s = -(1/nu) dJ/dq_s, s = 0 .. L (L + 1, points, width)",
        "network.weights": "w_s = [W_s b_s] (L, width, width + 1); with a Gaussian kernel w_s (L, width, points) such"
        " that q_{s+1} = q_s + C w_s^T, C the Cholesky factor of the kernel matrix",
        "network.targets": "y (points, scores)",
        "limit.momentum": "P_0 of the shooting (points, width)",
    },
)
