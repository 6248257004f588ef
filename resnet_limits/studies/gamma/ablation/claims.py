"""`gamma.ablation`: other penalties have no limit, or a trivial one. Free of torch."""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Kind, Rival
from ....papers import THORPE
from ....training.penalty import Penalty
from ...group import Group
from ...least import BYTES_OF_DOUBLE
from ..outside import minimiser_not_reached
from ..settings import LOSS_OF_GAMMA, Gamma

PENALTY_SIZES: dict[Penalty, float] = {"h1": 0.01, "none": 1.0, "decay": 1e-3, "unscaled": 0.01}
"""Penalties with the size `a` of theirs; that of `none` is not used. The decay is so small that the equation of a layer
has several roots."""
POINTS_BY_CONTROL: dict[Penalty, int] = {"h1": 4, "none": 4, "decay": 8, "unscaled": 4}
"""Four points in dimension 3 can be met by a linear map: with the H1 norm there is one minimiser, without a penalty the
loss is zero. With eight a layer's equation has several roots in every layer."""
STARTS_BY_CONTROL: dict[Penalty, int] = {"h1": 1, "none": 4, "decay": 1, "unscaled": 1}
"""Starts, in units of `replicas`: without a penalty roughness is that of the start, as random, and the minimum near."""
CONTROLS_OF_SCATTERED_MINIMA: tuple[Penalty, ...] = ("none", "decay")
"""Controls whose starts end apart: means over starts are random. Of the others all end in one minimiser."""
SEED_OF_POINTS = 0
"""Seed of the points, whatever the seed of the starts."""
PINS_OF_ABLATION: dict[str, Any] = {
    "activation": "tanh",
    "gamma.alpha": 0.01,
    "gamma.tau": 1.0,
    "gamma.dimension": 3,
}
RIVAL_TIED_STARTS = "starts that are the same in every layer"
RIVAL_LARGE_DECAY = "a decay so large that the equation of a layer has one root"
BEND_OF_DIFFERENCES = 0.5
"""Corrections to both are O(1/n), one layer in n: at four layers one half at most."""
EXPECTED_ROUGHNESS, EXPECTED_DIFFERENCE = (
    Expected("order", -2, 0.3, bend=BEND_OF_DIFFERENCES),
    Expected("order", 0, 0.3, bend=BEND_OF_DIFFERENCES),
)
MAX_LOSS_WITHOUT_PENALTY = 1e-6
"""Without a penalty the loss has to fall below this."""


def _not_fitted(records: Any) -> str | None:
    """Why networks without a penalty say nothing: they have not met the data."""
    if "control" not in records:
        return None
    rows = records[(records["control"] == "none") & (records["observable"] == "loss")]
    for depth, loss in zip(rows["depth"], rows["value"], strict=True):
        if not loss <= MAX_LOSS_WITHOUT_PENALTY:
            return f"without a penalty the loss at L={depth} is {loss:.1e}: the data are not met"
    return None


def _claim(
    name: str,
    control: Penalty,
    statement: str,
    observable: str,
    expected: Expected,
    rival: Rival,
    kind: Kind = "control",
) -> Claim:
    return Claim(
        id=f"gamma.ablation.{name}",
        source=THORPE,
        statement=statement,
        kind=kind,
        observable=observable,
        expected=expected,
        where={"problem": "ablation", "control": control},
        pins={**PINS_OF_ABLATION, "gamma.points": POINTS_BY_CONTROL[control]},
        unmet=_not_fitted if control == "none" else minimiser_not_reached("ablation", control=control),
        random=control in CONTROLS_OF_SCATTERED_MINIMA,
        rival=rival,
        needs="pairs of depths L and 2L" if observable.endswith("_difference") else "",
    )


def least_of_ablation(settings: Gamma) -> float:
    """The starts of all networks, in one dimension at least."""
    return BYTES_OF_DOUBLE * settings.depth * settings.replicas * 2


GROUP = Group(
    name="ablation",
    title="Do trained weights have a limit in depth under other penalties, or under none?",
    loss=LOSS_OF_GAMMA,
    seconds=80,
    least=least_of_ablation,
    claims=(
        _claim(
            "h1",
            "h1",
            "With the H1 penalty, training from an i.i.d. start reaches the same minimiser as from zero",
            "start_distance",
            Expected("at_most", 0, 1e-6, scale=RELATIVE),
            Rival("no penalty", "G31-controls-none", 13.95),
            "observation",
        ),
        _claim(
            "none.roughness",
            "none",
            "Without a penalty, the relative roughness of what training adds to the weights grows like n^2",
            "relative_roughness",
            EXPECTED_ROUGHNESS,
            Rival(RIVAL_TIED_STARTS, "G19-smooth-start", 0.0002024),
        ),
        _claim(
            "none.path",
            "none",
            "Without a penalty, what training adds to the weights at depths n and 2n stays a constant distance apart",
            "movement_difference",
            EXPECTED_DIFFERENCE,
            Rival(RIVAL_TIED_STARTS, "G19-smooth-start", 1.116),
        ),
        _claim(
            "decay.roughness",
            "decay",
            "With a small decay (a/n) sum |K_k|^2, the relative roughness of the weights grows like n^2",
            "relative_roughness",
            EXPECTED_ROUGHNESS,
            Rival(RIVAL_LARGE_DECAY, "G36-large-decay", -0.0001197),
        ),
        _claim(
            "decay.path",
            "decay",
            "With a small decay (a/n) sum |K_k|^2, weights at depths n and 2n stay a constant distance apart",
            "path_difference",
            EXPECTED_DIFFERENCE,
            Rival(RIVAL_LARGE_DECAY, "G36-large-decay", 0.9984),
        ),
        _claim(
            "unscaled",
            "unscaled",
            "With decay a sum |K_k|^2, not scaled by depth, the weights tend to 0 at order 1",
            "weights_size",
            Expected("order", 1, 0.2),
            Rival("the H1 penalty", "G17-controls-h1", 0.0007624),
        ),
    ),
    observables={
        "roughness": "n sum_k |K_k - K_{k-1}|^2, K and b together; mean over i.i.d. starts; by control; of the data",
        "weights_size": "largest |(K_k, b_k)| over layers; mean over starts; by control",
        "loss": "loss without the penalty; mean over starts; by control",
        "relative_roughness": "n^2 mean_k |M_k - M_{k-1}|^2 / mean_k |M_k|^2, M the movement (the weights less those of"
        " the start) without a penalty, the weights with a small decay; mean over starts",
        "movement_difference": "path_difference of the movement without a penalty, over its root mean square",
        "path_difference": "root mean square distance of the step functions at depths n and 2n; mean over starts",
        "start_distance": "relative distance in scaled variables of the minima from i.i.d. starts and from zero;"
        " mean over"
        " starts",
    },
    memory=("replicas", "depth"),
    on_cpu=True,
    arrays={
        **{
            f"ablation.{c}": f"weights with penalty {c} (starts, depth, d^2 + d): K row by row, then b"
            for c in PENALTY_SIZES
        },
        "ablation.movement": "weights without a penalty less those of the start (starts, depth, d^2 + d)",
    },
    compared=("gamma.ablation.none.path", "gamma.ablation.decay.path"),
)
