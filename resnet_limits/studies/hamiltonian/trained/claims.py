"""`hamiltonian.residual`, `.norm`, `.shooting`, `.geodesic`: networks against shooting. Free of torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import AS_STATED, RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import OWHADI
from ... import reached
from ...group import Group
from ...reached import EXPECTED_FIRST_ORDER
from ..outside import (
    EXPECTED_PLATEAU,
    blocks_of_order_2,
    kinked_velocity,
    of_euler_blocks,
    order_1_nearly_cancels,
    several_solutions,
    solution_not_reached,
)
from ..room import least_of_solution
from ..settings import LOSS_OF_HAMILTONIAN

COORDINATE_OF_SETTINGS_PROBLEM = {"of": "own"}
EXPECTED_ORDER_AT_LEAST_1 = Expected("order_at_least", 1, 0.1)
"""O(1/L) is an upper bound: the identity without a bias keeps the norm exactly."""


RIVAL_HALF_NU = "another factor 1/2 on the energy of the limit"
RIVAL_NEW_MOMENTA = "new points that move others, by momenta of their own"
PLATEAU_BY_DISTANCE = {
    "state_distance": "state_plateau",
    "weight_distance": "weight_plateau",
    "momentum_distance": "momentum_plateau",
    "value_gap": "value_plateau",
    "energy_gap": "energy_plateau",
    "map_distance": "map_plateau",
}
"""By distance what is left of it at infinite depth."""
SINGLE_NUMBERS = ("value_gap", "energy_gap")
"""Of the distances those that may be 0 at some depth by chance."""


def _approaches(
    suffix: str,
    observable: str,
    of: str,
    limit: str,
    *,
    left: float,
    order: float,
    fault: tuple[str, str] = (RIVAL_HALF_NU, "H22-half-nu"),
) -> tuple[Claim, Claim]:
    """That the distance tends to 0 is the theorem, at which order the observation. `left` and `order` are what both
    give with this fault in the limit. The order of a single number says nothing where its term of order 1 cancels."""
    wrong, planted = fault
    not_reached, cancels = solution_not_reached("own"), order_1_nearly_cancels(observable, "own")

    def unmet(records: Any) -> str | None:
        return not_reached(records) or (cancels(records) if observable in SINGLE_NUMBERS else None)

    tends = Claim(
        id=f"hamiltonian.{suffix}",
        source=OWHADI,
        statement=f"{of} tend to {limit}",
        kind="theorem",
        observable=PLATEAU_BY_DISTANCE[observable],
        expected=EXPECTED_PLATEAU,
        where=COORDINATE_OF_SETTINGS_PROBLEM,
        outside=kinked_velocity,
        unmet=not_reached,
        note=several_solutions("own"),
        needs="depths L, 2L, 4L, 8L, multiples of 4",
        verdicts=SMOKE_IS_TOO_SMALL if observable == "weight_distance" else AS_STATED,
        rival=Rival(f"the plateau with {wrong}", planted, left),
    )
    return tends, replace(
        tends,
        id=f"{tends.id}.observed",
        statement=f"{of} converge to {limit} at order 1",
        kind="observation",
        observable=observable,
        expected=EXPECTED_FIRST_ORDER,
        outside=of_euler_blocks,
        unmet=unmet,
        needs="",
        verdicts=AS_STATED,
        rival=Rival(f"the order with {wrong}", planted, order),
    )


GROUP = Group(
    name="trained",
    title="Do trained networks whose weight decay grows with depth follow geodesics?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=3.7,
    shared=2.5,
    grows={"depth": 1.0},
    least=least_of_solution,
    claims=(
        Claim(
            id="hamiltonian.residual",
            source=OWHADI,
            statement="The weights of minimisers are those of their momenta: omega_s = sum_j P_{j,s+1} f(q_{j,s})^T",
            kind="identity",
            observable="hamilton_residual",
            expected=Expected("at_most", 0, 1e-8, scale=RELATIVE),
            where=COORDINATE_OF_SETTINGS_PROBLEM,
            outside=blocks_of_order_2,
            unmet=solution_not_reached("own", shooting=False),
            note=several_solutions("own"),
            rival=Rival("an adjoint recursion without the slope of the activation", "H20-slope"),
        ),
        Claim(
            id="hamiltonian.residual.euler",
            source=OWHADI,
            statement="L steps of symplectic Euler from a minimiser's initial momentum give its states and momenta",
            kind="theorem",
            observable="euler_missed",
            expected=Expected("at_most", 0, 1e-8, scale=RELATIVE),
            where=COORDINATE_OF_SETTINGS_PROBLEM,
            outside=blocks_of_order_2,
            unmet=solution_not_reached("own", shooting=False),
            note=several_solutions("own"),
            rival=Rival("steps of explicit Euler", "H3-explicit", 0.03118),
        ),
        Claim(
            id="hamiltonian.norm",
            source=OWHADI,
            statement="The squared norm |W_s|^2 + |b_s|^2 of the weights is the same in every layer up to O(1/L)",
            kind="theorem",
            observable="norm_spread",
            expected=EXPECTED_ORDER_AT_LEAST_1,
            where=COORDINATE_OF_SETTINGS_PROBLEM,
            outside=kinked_velocity,
            unmet=solution_not_reached("own", shooting=False),
            note=several_solutions("own"),
            rival=Rival("the order of sums of absolute values", "H21-absolute", 0.006491),
        ),
        *_approaches(
            "shooting.state",
            "state_distance",
            "States of trained networks",
            "those of the geodesic",
            left=0.194,
            order=0.0006551,
        ),
        *_approaches(
            "shooting.weight",
            "weight_distance",
            "Weights L w_s of trained networks",
            "omega(t) = sum_j P_j f(q_j)^T of the geodesic",
            left=0.4137,
            order=-0.01934,
        ),
        *_approaches(
            "shooting.momentum",
            "momentum_distance",
            "Initial momenta of trained networks",
            "those that geodesic shooting finds",
            left=0.6352,
            order=0.0003874,
        ),
        *_approaches(
            "shooting.value",
            "value_gap",
            "Least values of the training objective",
            "nu H + loss of the geodesic",
            left=0.6429,
            order=0.001501,
        ),
        *_approaches(
            "geodesic",
            "energy_gap",
            "Path energies L sum |w_s|^2 of trained networks",
            "2 H of the geodesic",
            left=0.2721,
            order=0.001864,
        ),
        *_approaches(
            "map",
            "map_distance",
            "New points, moved by trained networks,",
            "where the flow of the geodesic carries them",
            left=1.11,
            order=-1.018e-4,
            fault=("new points that move others, by momenta of their own", "H51-new-momenta"),
        ),
        Claim(
            id="hamiltonian.energy",
            source=OWHADI,
            statement="The energy H(q_s, P_s) is constant along a trained network up to O(1/L)",
            kind="theorem",
            observable="energy_drift",
            expected=EXPECTED_ORDER_AT_LEAST_1,
            where={**COORDINATE_OF_SETTINGS_PROBLEM, "scheme": "network"},
            outside=kinked_velocity,
            unmet=solution_not_reached("own", shooting=False),
            note=several_solutions("own"),
            rival=Rival("the order with momenta without the slope of the activation", "H20-slope", -0.001849),
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    compared=(
        *(f"hamiltonian.shooting.{name}" for name in ("state", "weight", "momentum", "value")),
        "hamiltonian.geodesic",
        "hamiltonian.map",
    ),
    observables={
        **reached.OBSERVABLES_OF_CERTIFICATE,
        "hamilton_residual": "largest |omega_s - sum_j P_{j,s+1} f(q_{j,s})^T| over layers, with Heun blocks the mean"
        " of both stages, divided by the largest |omega_s|; the momenta by an adjoint recursion",
        "euler_missed": "largest deviation over time of states and momenta of the network from L steps of symplectic"
        " Euler from its P_0, relative to how far points move and to the momenta",
        "norm_spread": "(max - min)/mean over layers of |W_s|^2 + |b_s|^2",
        "path_energy": "L sum_s |w_s|^2",
        "accuracy": "fraction of the points classified correctly at the end; none for a regression",
        "shooting_residual": "|P(1) + dloss/dq(q(1))/nu| divided by |P(1)|, of the geodesic shooting",
        "shooting_energy": "energy H of the path that shooting found",
        "shooting_reached": "1 where the geodesic shooting converged",
        "state_distance": "largest root mean square over time of q_s - q(s/L), divided by how far points move",
        "weight_distance": "largest root mean square over time of L w_s - omega(s/L), divided by that of omega;"
        " with Heun blocks omega((s + 1/2)/L)",
        "momentum_distance": "root mean square difference of P_0 of the network and of the shooting, relative to the"
        " latter",
        "value_gap": "|J_L - J|, relative to the value J of the shooting",
        "energy_gap": "|L sum |w_s|^2 - 2 H|, relative to 2 H",
        "map_distance": "largest root mean square over time of x_s - x(s/L) of new points, normal about training points"
        " with standard deviation 0.5, moved by the layers and by the flow, divided by how far they move",
        "energy_drift": "max_s |H_s - H_0|/H_0; scheme network: of the trained network, else of an integrator",
        **{
            name: f"|d_inf|, {of} with its sign being d_inf + a/L^p + b/L^(p+1)"
            for of, name in PLATEAU_BY_DISTANCE.items()
        },
    },
    arrays={
        "network.states": "q_s, s = 0 .. L, of the points followed (L + 1, points, width)",
        "network.momenta": "P_s = -(1/nu) dJ/dq_s, s = 0 .. L (L + 1, points, width)",
        "network.weights": "w_s = [W_s b_s] (L, width, width + 1); with a Gaussian kernel w_s (L, width, points) such"
        " that q_{s+1} = q_s + C w_s^T, C the Cholesky factor of the kernel matrix",
        "network.targets": "y (points, scores)",
        "limit.momentum": "P_0 of the shooting (points, width)",
        **{
            f"off.{name}": f"{name} with its signs, at t = 0, 1/4, .. where it has times (times, entries); L = 4, 8, .."
            for name in PLATEAU_BY_DISTANCE
        },
    },
)
