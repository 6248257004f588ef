"""`hamiltonian.heun.*`: networks of Heun blocks against the same geodesics. Free of torch.

`hamiltonian.heun.value` is derived. Weights that are constant in each layer are controls of the limit too, and Heun's
scheme follows their flow up to O(1/L^2): so `min J_L >= min J - O(1/L^2)`. The means over each layer of the limit's
weights cost no more energy (Jensen), and their flow is off by the second term of Magnus' series, of third order in each
layer: so `min J_L <= min J + O(1/L^2)`. States, weights and norm follow where the minimum is not degenerate, as its
certificate says: the conditions in `heun_network.py` are Heun's scheme for states and costates, with an error of second
order.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Kind, Rival
from ....papers import HAGER, Paper
from ...group import Depths, Group
from ..outside import kinked_velocity, several_solutions, solution_not_reached
from ..room import least_of_solution
from ..settings import LOSS_OF_HAMILTONIAN

PINS_OF_HEUN: dict[str, Any] = {"hamiltonian.scheme": "heun", "hamiltonian.kernel": "features"}
COORDINATE_OF_HEUN = {"of": "heun"}
DEPTHS_OF_HEUN = Depths(16, 256)
EXPECTED_SECOND_ORDER = Expected("order", 2, 0.2)
EULER_BLOCKS = ("Euler blocks", "H52-euler-blocks")


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
) -> Claim:
    return Claim(
        id=f"hamiltonian.heun.{name}",
        source=source,
        statement=statement,
        kind=kind,
        observable=observable,
        expected=expected,
        where=COORDINATE_OF_HEUN,
        pins=PINS_OF_HEUN,
        outside=kinked_velocity,
        unmet=solution_not_reached("heun", shooting=shooting),
        note=several_solutions("heun"),
        rival=rival,
    )


GROUP = Group(
    name="heun",
    title="Do trained networks of Heun blocks approach geodesics at order 2?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=5.0,
    shared=4.5,
    least=least_of_solution,
    depths=DEPTHS_OF_HEUN,
    claims=(
        _claim(
            "residual",
            "With Heun blocks, the weights of minimisers are the means over both stages of P_j f(q_j)^T, summed over j",
            "identity",
            "hamilton_residual",
            Expected("at_most", 0, 1e-8, scale=RELATIVE),
            Rival("momenta at the end of the layer for both stages", "H53-stage-momenta"),
            shooting=False,
        ),
        _claim(
            "value",
            "With Heun blocks, least values converge to nu H + loss of the geodesic at order 2",
            "derived",
            "value_gap",
            EXPECTED_SECOND_ORDER,
            Rival(f"the order of {EULER_BLOCKS[0]}", EULER_BLOCKS[1], 1.001),
        ),
        _claim(
            "state",
            "With Heun blocks, states converge to those of the geodesic at order 2",
            "observation",
            "state_distance",
            EXPECTED_SECOND_ORDER,
            Rival(f"the order of {EULER_BLOCKS[0]}", EULER_BLOCKS[1], 0.9928),
        ),
        _claim(
            "weight",
            "With Heun blocks, weights L w_s converge to omega((s + 1/2)/L), in the middle of the layer, at order 2",
            "observation",
            "weight_distance",
            EXPECTED_SECOND_ORDER,
            Rival("weights held against those where the layer begins", "H54-start-of-layer", 1.009),
        ),
        _claim(
            "norm",
            "With Heun blocks, |W_s|^2 + |b_s|^2 is the same in every layer up to O(1/L^2)",
            "observation",
            "norm_spread",
            EXPECTED_SECOND_ORDER,
            Rival(f"the order of {EULER_BLOCKS[0]}", EULER_BLOCKS[1], 1.009),
            shooting=False,
        ),
    ),
    memory=("hamiltonian.points", "width", "depth"),
    on_cpu=True,
    observables={},
)
