"""`hamiltonian.heun.*`: networks of Heun blocks against the same geodesics. Free of torch.

What tends to the geodesic, and that values and norm do so at order 2 at least, is derived. Weights that are constant in
each layer are controls of the limit too, and Heun's scheme follows their flow up to O(1/L^2): so `min J_L >= min J -
O(1/L^2)`. The means over each layer of the limit's weights have no more path energy (Jensen), and their flow is off by
the second term of Magnus' series, of third order in each layer: so `min J_L <= min J + O(1/L^2)`. States, weights and
norm follow where the minimum is not degenerate, as its certificate says: the conditions in `heun_network.py` are Heun's
scheme for states and costates, with an error of second order. That nothing is of higher order is observed.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Kind, Rival
from ....papers import HAGER, Paper
from ...group import Depths, Group
from ..outside import EXPECTED_PLATEAU, kinked_velocity, several_solutions, solution_not_reached
from ..room import least_of_solution
from ..settings import LOSS_OF_HAMILTONIAN
from ..trained.claims import PLATEAU_BY_DISTANCE, RIVAL_HALF_NU

PINS_OF_HEUN: dict[str, Any] = {"hamiltonian.scheme": "heun", "hamiltonian.kernel": "features"}
COORDINATE_OF_HEUN = {"of": "heun"}
DEPTHS_OF_HEUN = Depths(16, 256)
PLATEAU_OF_HEUN = {name: PLATEAU_BY_DISTANCE[name] for name in ("value_gap", "state_distance", "weight_distance")}
PREFIX_OF_HEUN_ARRAYS = "heun.off."
EXPECTED_SECOND_ORDER = Expected("order", 2, 0.2)
EXPECTED_ORDER_AT_LEAST_2 = Expected("order_at_least", 2, 0.2)
EULER_BLOCKS = ("the order of Euler blocks", "H52-euler-blocks")
HALF_NU = (f"the plateau with {RIVAL_HALF_NU}", "H22-half-nu")


def _claim(
    name: str,
    statement: str,
    kind: Kind,
    observable: str,
    expected: Expected,
    rival: Rival,
    *,
    source: Paper = HAGER,
    shooting: bool = True,
    needs: str = "",
) -> Claim:
    return Claim(
        id=f"hamiltonian.heun.{name}",
        source=source,
        statement=f"With Heun blocks, {statement}",
        kind=kind,
        observable=observable,
        expected=expected,
        where=COORDINATE_OF_HEUN,
        pins=PINS_OF_HEUN,
        outside=kinked_velocity,
        unmet=solution_not_reached("heun", shooting=shooting),
        note=several_solutions("heun"),
        needs=needs,
        rival=rival,
    )


def _approaches(name: str, observable: str, of: str, limit: str, *, left: float, order: Rival) -> tuple[Claim, Claim]:
    """That a distance tends to 0, which is derived, and at which order, which is observed."""
    plateau, needs = PLATEAU_OF_HEUN[observable], "depths L, 2L, 4L, 8L"
    tends = f"{of} tend to {limit}"
    observed, at_order_2 = f"{name}.observed", f"{of} converge to {limit} at order 2"
    return (
        _claim(name, tends, "derived", plateau, EXPECTED_PLATEAU, Rival(*HALF_NU, left), needs=needs),
        _claim(observed, at_order_2, "observation", observable, EXPECTED_SECOND_ORDER, order),
    )


GROUP = Group(
    name="heun",
    title="Do trained networks of Heun blocks approach geodesics at order 2?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=3.7,
    shared=3.0,
    grows={"depth": 1.0},
    least=least_of_solution,
    depths=DEPTHS_OF_HEUN,
    claims=(
        _claim(
            "residual",
            "the weights of minimisers are the means over both stages of P_j f(q_j)^T, summed over j",
            "identity",
            "hamilton_residual",
            Expected("at_most", 0, 1e-8, scale=RELATIVE),
            Rival("momenta at the end of the layer for both stages", "H53-stage-momenta"),
            shooting=False,
        ),
        *_approaches(
            "value",
            "value_gap",
            "least values",
            "nu H + loss of the geodesic",
            left=0.6428,
            order=Rival(*EULER_BLOCKS, 1.001),
        ),
        _claim(
            "value.order",
            "least values are those of the geodesic, nu H + loss, up to O(1/L^2)",
            "derived",
            "value_gap",
            EXPECTED_ORDER_AT_LEAST_2,
            Rival(*EULER_BLOCKS, 1.001),
        ),
        *_approaches(
            "state",
            "state_distance",
            "states",
            "those of the geodesic",
            left=0.194,
            order=Rival(*EULER_BLOCKS, 0.9928),
        ),
        *_approaches(
            "weight",
            "weight_distance",
            "weights L w_s",
            "the geodesic's omega((s + 1/2)/L)",
            left=0.4142,
            order=Rival("weights held against those where the layer begins", "H54-start-of-layer", 1.009),
        ),
        _claim(
            "norm",
            "|W_s|^2 + |b_s|^2 is the same in every layer up to O(1/L^2)",
            "derived",
            "norm_spread",
            EXPECTED_ORDER_AT_LEAST_2,
            Rival(*EULER_BLOCKS, 1.009),
            shooting=False,
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    compared=tuple(f"hamiltonian.heun.{name}" for name in ("value", "state", "weight")),
    observables={},
    arrays={
        f"{PREFIX_OF_HEUN_ARRAYS}{name}": f"{name} of Heun blocks with its signs, at t = 0, 1/4, .. where it has times"
        " (times, entries)"
        for name in PLATEAU_OF_HEUN
    },
)
