"""`hamiltonian.rem.*`: kernels that a finite group leaves as they are, and trained networks with one filter a layer.
Free of torch.

The kernels are Owhadi's (arXiv 2008.03920), reduced, equivariant, multichannel. That their fields are convolutions,
that norms agree and that they are equivariant follows from their definition: identities. The networks are minimisers
with the features of windows in place of those of points, of the same theorem.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import OWHADI
from ...group import Depths, Group
from ...least import little
from ...pinned import pinned
from ...reached import EXPECTED_FIRST_ORDER
from ..outside import EXPECTED_PLATEAU, kinked_velocity, several_solutions, solution_not_reached
from ..settings import LOSS_OF_HAMILTONIAN, Hamiltonian
from ..trained.claims import PLATEAU_BY_DISTANCE, RIVAL_HALF_NU, RIVAL_NEW_MOMENTA

MAX_DEPTH_OF_REM = 128
GRID_OF_DIGITS = (8, 8)
DIGITS_OF_REM = (3, 8)
"""The two digits that are told apart."""
PINS_OF_REM: dict[str, Any] = {
    "data": "digits",
    "width": 64,
    "hamiltonian.kernel": "equivariant",
    "hamiltonian.window": 3,
    "hamiltonian.bias": True,
    "hamiltonian.scheme": "euler",
    "hamiltonian.loss": "square",
    "hamiltonian.readout": "linear",
    "hamiltonian.ridge": 1.0,
    "hamiltonian.nu": 0.1,
    "hamiltonian.integrator": "rk4",
    "hamiltonian.steps": 32,
}
"""Images of 8 x 8 sites, one channel, and windows of 3 x 3 of them."""
POINTS_AN_IMAGE = 4
"""`hamiltonian.points` for each image that networks are trained on."""
COORDINATE_OF_REM = {"of": "rem"}
PERIODIC, ZEROS = {**COORDINATE_OF_REM, "boundary": "periodic"}, {**COORDINATE_OF_REM, "boundary": "zeros"}
PREFIX_OF_REM_ARRAYS = "rem.off."
EXPECTED_ROUNDING = Expected("at_most", 0, 1e-10, scale=RELATIVE)


def _kinked(settings: Hamiltonian) -> str | None:
    return kinked_velocity(pinned(settings, PINS_OF_REM))


def _identity(name: str, statement: str, observable: str, rival: Rival) -> Claim:
    return Claim(
        id=f"hamiltonian.rem.{name}",
        source=OWHADI,
        statement=statement,
        kind="identity",
        observable=observable,
        expected=EXPECTED_ROUNDING,
        where=COORDINATE_OF_REM,
        rival=rival,
    )


_RESIDUAL = Claim(
    id="hamiltonian.rem.residual",
    source=OWHADI,
    statement="Filters of trained networks are sums over points and shifts of momenta times the windows that they see",
    kind="identity",
    observable="hamilton_residual",
    expected=Expected("at_most", 0, 1e-8, scale=RELATIVE),
    where=COORDINATE_OF_REM,
    pins=PINS_OF_REM,
    unmet=solution_not_reached("rem", shooting=False),
    note=several_solutions("rem"),
    rival=Rival("an adjoint recursion without the slope of the activation", "H20-slope"),
)


def _approaches(
    name: str,
    observable: str,
    of: str,
    limit: str = "those of the geodesic",
    *,
    left: float,
    order: float,
    fault: tuple[str, str] = (RIVAL_HALF_NU, "H22-half-nu"),
) -> tuple[Claim, Claim]:
    """That the distance tends to 0 is the theorem, at which order the observation. `left` and `order` are what both
    give with this fault in the limit."""
    wrong, planted = fault
    tends = replace(
        _RESIDUAL,
        id=f"hamiltonian.rem.{name}",
        statement=f"With one filter a layer, {of} tend to {limit}",
        kind="theorem",
        observable=PLATEAU_BY_DISTANCE[observable],
        expected=EXPECTED_PLATEAU,
        outside=_kinked,
        unmet=solution_not_reached("rem"),
        needs="depths L, 2L, 4L, 8L, multiples of 4",
        rival=Rival(f"the plateau with {wrong}", planted, left),
    )
    return tends, replace(
        tends,
        id=f"{tends.id}.observed",
        statement=f"With one filter a layer, {of} converge to {limit} at order 1",
        kind="observation",
        observable=observable,
        expected=EXPECTED_FIRST_ORDER,
        needs="",
        rival=Rival(f"the order with {wrong}", planted, order),
    )


GROUP = Group(
    name="rem",
    title="Are equivariant kernels convolutional networks, and are these geodesics when trained?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=6.7,
    shared=5.7,
    least=little,
    depths=Depths(high=MAX_DEPTH_OF_REM),
    claims=(
        _identity(
            "convolution",
            "The field sum_j K(., x_j) P_j is the circular convolution of a(x) with the filter it implies, plus a bias",
            "convolution_missed",
            Rival("the sum over g = g' alone in place of the double sum", "HR1-diagonal"),
        ),
        _identity(
            "norm",
            "The norm of that field in the kernel's space is that of the filter, with its bias counted once",
            "filter_norm_missed",
            Rival("the bias counted at every site", "HR2-bias-everywhere"),
        ),
        _identity(
            "equivariance",
            "K(gx, g'x') = g K(x, x') g'^T for all g, g' of a permutation group",
            "equivariance_missed",
            Rival("shifts the wrong way in the patches", "HR3-wrong-way"),
        ),
        _identity(
            "positive",
            "Gram matrices of the double sum are symmetric without negative eigenvalues",
            "gram_negative",
            Rival("shifts the wrong way in one of the two arguments", "HR4-one-argument"),
        ),
        replace(
            _RESIDUAL,
            id="hamiltonian.rem.commutes",
            statement="Trained networks with circular filters commute with shifts of the image",
            observable="shift_missed",
            expected=EXPECTED_ROUNDING,
            where=PERIODIC,
            rival=Rival("windows that see zero beyond the image", "HR5-zero-padding"),
        ),
        replace(
            _RESIDUAL,
            id="hamiltonian.rem.padded",
            statement="Trained networks that see zero beyond the image do not commute with its shifts",
            kind="control",
            observable="shift_missed",
            expected=Expected("at_least", 0.1, 0.03, scale=RELATIVE),
            where=ZEROS,
            outside=_kinked,
            unmet=solution_not_reached("rem padded", shooting=False),
            note=several_solutions("rem padded"),
            rival=Rival("filters that are circular after all", "HR6-periodic-control", 0.0),
        ),
        _RESIDUAL,
        replace(
            _RESIDUAL,
            id="hamiltonian.rem.residual.euler",
            statement="With one filter a layer, L steps of symplectic Euler from its P_0 are a trained network",
            kind="theorem",
            observable="euler_missed",
            rival=Rival("steps of explicit Euler", "H3-explicit", 0.002848),
        ),
        replace(
            _RESIDUAL,
            id="hamiltonian.rem.layers",
            statement="The squared norm |w|^2 + |b|^2 of the filter is the same in every layer up to O(1/L)",
            kind="theorem",
            observable="norm_spread",
            expected=Expected("order_at_least", 1, 0.1),
            outside=_kinked,
            rival=Rival("the order of sums of absolute values", "H21-absolute", 0.003893),
        ),
        *_approaches("value", "value_gap", "least values", left=0.262, order=6.388e-4),
        *_approaches("state", "state_distance", "states", left=0.4018, order=0.002155),
        *_approaches("momentum", "momentum_distance", "initial momenta", left=0.5232, order=7.372e-4),
        *_approaches("weight", "weight_distance", "the filters L w_s", left=0.3274, order=2.922e-4),
        *_approaches(
            "energy", "energy_gap", "path energies L sum |w_s|^2", "2 H of the geodesic", left=0.5036, order=4.314e-4
        ),
        *_approaches(
            "map",
            "map_distance",
            "new images, moved by the layers,",
            "where the flow carries them",
            left=0.9789,
            order=2.155e-5,
            fault=(RIVAL_NEW_MOMENTA, "H51-new-momenta"),
        ),
    ),
    memory=("depth",),
    on_cpu=True,
    compared=tuple(f"hamiltonian.rem.{name}" for name in ("value", "state", "momentum", "weight", "energy", "map")),
    observables={
        "convolution_missed": "largest |sum_j K(., x_j) P_j - conv(a(x), w) - b| over the largest of the field, K by"
        " the double sum, w = sum_j sum_g p_j[g 0] f(R_in pi(g) x_j); grids of 7 and of 4 x 5 sites",
        "filter_norm_missed": "|1 - (|w|^2 + |b|^2) / sum_ij P_i^T K(x_i, x_j) P_j|, the largest of these groups, the"
        " turns and reflections of 3 x 3 sites, and the group of hamiltonian.generators",
        "equivariance_missed": "largest |K(gx, g'x') - g K g'^T| over the largest of K, all g, g' of these groups, K by"
        " the double sum and by windows",
        "gram_negative": "the larger of |K - K^T| and minus the smallest eigenvalue, over the largest; of these groups",
        "shift_missed": "root mean square of phi(gx) - g phi(x) over that of phi(x) - x, phi the trained layers, g a"
        " shift by a row or a column; boundary: periodic, or zeros at depth 8",
    },
    arrays={
        f"{PREFIX_OF_REM_ARRAYS}{name}": f"{name} with its signs, at t = 0, 1/4, .. where it has times (times, entries)"
        for name in PLATEAU_BY_DISTANCE
    }
    | {"rem.filters": "w_s = [W_s b_s] (L, 1, 10) of 3 x 3 windows, row by row"},
)
