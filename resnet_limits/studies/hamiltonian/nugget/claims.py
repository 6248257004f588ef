"""`hamiltonian.nugget.*`: networks that may leave the training points off their field. Free of torch.

The penalty of a minimiser in a layer is the least that moves its points so by algebra: where it is stationary in the
weights and in what single points move, `w = P^T f` and `e = r P / L`.

`.dropout`: with masks m of mean 1 and variance p/(1 - p), of each feature of each point, the mean of `|F m R - y|^2`
is `|F R - y|^2 + p/(1 - p) R^T diag(F^T F) R` (Wager, Wang & Liang). That the least squares of M masks are off by
M^-1/2 is derived: the fluctuation of the mean of M matrices, passed through a smooth function of them.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import OWHADI, WAGER
from ...group import Depths, Group
from ...pinned import pinned
from ..outside import EXPECTED_PLATEAU, kinked_velocity, several_solutions, solution_not_reached
from ..room import least_of_solution
from ..settings import LOSS_OF_HAMILTONIAN, Hamiltonian

NUGGET = 0.2
"""`r`: the diagonal of `Gamma` is 1 to 3."""
MOST_POINTS_OF_NUGGET = 100
"""Training points at most: each has a weight of its own in every layer."""
MAX_DEPTH_OF_NUGGET = 128
DRAWS_OF_MASKS_A_REPLICA = 4
MASK_COUNTS = (16, 64, 256, 1024)
DROPOUT_RATE = 0.3
BEND_IN_MASKS = 0.05
"""The largest correction to M^-1/2 at M = 16, relative: of second order in the distance, which is 0.02 there."""
PINS_OF_NUGGET: dict[str, Any] = {
    "hamiltonian.kernel": "features",
    "hamiltonian.readout": "fixed",
    "hamiltonian.scheme": "euler",
}
COORDINATE_OF_NUGGET = {"of": "nugget"}
NUGGET_COORDINATES: dict[str, Any] = {**COORDINATE_OF_NUGGET, **PINS_OF_NUGGET}
PREFIX_OF_NUGGET_ARRAYS = "nugget.off."
PLATEAU_OF_NEW_POINTS = {"new_distance": "new_plateau"}


def _of_the_network(suffix: str, **facts: Any) -> Claim:
    return Claim(
        id=f"hamiltonian.nugget{suffix}",
        source=OWHADI,
        where=COORDINATE_OF_NUGGET,
        pins=PINS_OF_NUGGET,
        unmet=solution_not_reached("nugget", shooting=suffix == ".new"),
        note=several_solutions("nugget"),
        **facts,
    )


def least_of_nugget(settings: Hamiltonian) -> float:
    """The weights of all layers, and the states of the points that have a nugget."""
    points = min(MOST_POINTS_OF_NUGGET, settings.hamiltonian.points)
    return least_of_solution(pinned(settings, {**PINS_OF_NUGGET, "hamiltonian.points": points}))


GROUP = Group(
    name="nugget",
    title="What does a nugget do to a trained network, and what dropout to a linear layer?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=2.1,
    shared=1.75,
    least=least_of_nugget,
    depths=Depths(high=MAX_DEPTH_OF_NUGGET),
    claims=(
        _of_the_network(
            "",
            statement="Layers with a nugget r pay the least penalty d^T (Gamma + r)^-1 d of the displacements d",
            kind="identity",
            observable="nugget_penalty",
            expected=Expected("at_most", 0, 1e-6, scale=RELATIVE),
            rival=Rival("a nugget r/L", "H70-r-times-h"),
        ),
        _of_the_network(
            ".slack",
            statement="What fields of layers with a nugget r leave of the displacements is r P/L, P the momenta",
            kind="identity",
            observable="nugget_slack",
            expected=Expected("at_most", 0, 1e-8, scale=RELATIVE),
            rival=Rival("layers that move points by r in place of its root", "H71-r-for-its-root"),
        ),
        _of_the_network(
            ".energy",
            statement="The energy P^T (Gamma + r) P/2 is constant along a network with a nugget up to O(1/L)",
            kind="theorem",
            observable="nugget_drift",
            expected=Expected("order_at_least", 1, 0.1),
            outside=kinked_velocity,
            rival=Rival("the order of the energy of Gamma alone", "H72-gamma-alone", 0.4151),
        ),
        _of_the_network(
            ".new",
            statement="New points in networks with a nugget tend to where Gamma alone takes them along the geodesic",
            kind="theorem",
            observable=PLATEAU_OF_NEW_POINTS["new_distance"],
            expected=EXPECTED_PLATEAU,
            outside=kinked_velocity,
            needs="depths L, 2L, 4L, 8L",
            rival=Rival("new points that a nugget moves too", "H73-new-points-too", 0.07191),
        ),
        Claim(
            id="hamiltonian.nugget.dropout",
            source=WAGER,
            statement="Least squares over M dropout masks tend to ridge with p/(1-p) diag(F^T F) at order 1/2 in M",
            kind="derived",
            observable="dropout_distance",
            expected=Expected("order", 0.5, 0.1, along="masks", bend=BEND_IN_MASKS),
            where=COORDINATE_OF_NUGGET,
            pins={"hamiltonian.kernel": "features"},
            random=True,
            rival=Rival("the rate p in place of p/(1-p)", "H74-rate-of-dropout", 0.001633),
        ),
    ),
    memory=("width", "depth"),
    on_cpu=True,
    compared=("hamiltonian.nugget.new",),
    conditional=("dropout_distance",),
    observables={
        "nugget_penalty": "| |w_s|^2 + |e_s|^2/r - d_s^T (Gamma + r)^-1 d_s |, the largest over layers, relative; d_s"
        " the displacements, e_s what the field leaves of them",
        "nugget_slack": "largest |L e_s - r P_{s+1}| over layers, divided by the largest |L e_s|; the momenta by an"
        " adjoint recursion",
        "nugget_drift": "max_s |H_s - H_0|/H_0, H = P^T (Gamma + r) P/2 along the network",
        "new_distance": "map_distance of a network and a geodesic with a nugget, of as many new points as are trained",
        "new_plateau": "what is left of that at infinite depth, |d_inf|",
        "dropout_distance": "root mean square over draws of |R_M - R|/|R|, R_M the least squares of M masks (coordinate"
        " masks) of the features of the training points, R ridge regression with p/(1-p) diag(F^T F), p = 0.3",
    },
    arrays={
        f"{PREFIX_OF_NUGGET_ARRAYS}new_distance": "new points of the network less those of the geodesic, relative, at"
        " t = 0, 1/4, .., 1 (5, points times width)",
    },
)
