"""`hamiltonian.residual`, `.norm`, `.shooting`, `.geodesic`: networks against shooting. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import OWHADI
from ...group import Group
from .settings import kinked, not_reached

OWN = {"of": "own"}


def _order(suffix: str, observable: str, statement: str) -> Claim:
    return Claim(
        id=f"hamiltonian.{suffix}",
        source=OWHADI,
        statement=statement,
        kind="theorem",
        observable=observable,
        expected=Expected("order", 1, 0.1),
        where=OWN,
        outside=kinked,
        unmet=not_reached("own"),
    )


GROUP = Group(
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
        ),
        _order(
            "shooting.state", "state_distance", "states of a trained network approach those of the geodesic, order 1"
        ),
        _order("shooting.weight", "weight_distance", "weights L w_s approach omega(t) = sum_j P_j f(q_j)^T, order 1"),
        _order(
            "shooting.momentum", "momentum_distance", "initial momenta approach the one that shooting finds, order 1"
        ),
        _order("shooting.value", "value_gap", "the minimum approaches nu H + loss of the geodesic, order 1"),
        _order(
            "geodesic",
            "energy_gap",
            "the path energy L sum |w_s|^2 of a trained network approaches 2 H of the geodesic, order 1",
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
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    observables={
        "relative_gradient": "|grad J| |z| / J at the minimiser that was found; coordinate `of`: which problem",
        "smallest_eigenvalue": "a bound from below for the smallest eigenvalue of the Hessian in z = sqrt(L) w",
        "reached": "1 where the minimiser is certified: gradient below minimiser.tolerance and a positive Hessian",
        "branch_distance": "largest relative distance of the minima from minimiser.starts starts to the least of them",
        "newton_iterations": "Newton's iterations, of the last rung and (by step) of each rung of the ladder of depths",
        "hessian_products": "products with the Hessian on the last rung",
        "hamilton_residual": "largest |omega_s - sum_j P_{j,s+1} f(q_{j,s})^T| over layers, by the largest |omega_s|",
        "norm_spread": "(max - min)/mean over layers of |W_s|^2 + |b_s|^2",
        "value": "J at the minimiser",
        "path_energy": "L sum_s |w_s|^2",
        "accuracy": "share of the points that are classified rightly at the end",
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
