"""`flow.folding.trained`: trained networks, with each way to keep them from folding space. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import BEHRMANN, ROUSSEAU
from ....settings.training import LOSS_OF_NETWORKS
from ...group import Group
from ...least import bytes_of_number, bytes_of_points, parameters
from ...outside import unlabelled
from ..outside import unbounded
from ..settings import Flow

CONTROLS_SHOWN = ("none", "factor", "spectral", "lipschitz", "inverse", "h1")
"""The controls, in the order of the table; `diffeomorphisms/controls.py` says what they are."""
KINDS_OF_WEIGHTS = ("free", "shared")
COLUMNS_OF_TRAINED = (
    *("accuracy", "accuracy_error", "fold_networks", "fold_fraction", "min_block_det", "block_lipschitz"),
    *("lipschitz_bound", "inverse_error"),
)
"""Rows of the array `trained.table`."""
CONTROLS_PICTURED = ("none", "spectral")
PINS_OF_TRAINED_FLOWS: dict[str, Any] = {"init": "iid"}
NEEDS_FINISHED_TRAINING = (
    "training that reached its last step: networks whose loss or weights exploded are left out (exploded_at)"
)


def untrained(settings: Flow) -> str | None:
    """Why networks are not trained, or None: they start near the identity, with a small outer matrix."""
    return unlabelled(settings) or settings.block.without_outer()


def unnormalised(settings: Flow) -> str | None:
    """Why weights are not normalised to a bound of Lip(h v), or None."""
    return untrained(settings) or unbounded(settings)


def roomy(settings: Flow) -> str | None:
    """Why networks need not fold, or None."""
    if not settings.data.entwined or settings.width > 2:
        return (
            f"data={settings.data.name}, width={settings.width}: what needs folds is spirals and circles in the plane;"
            " with more room, or classes that are easier, a plain network may do without"
        )
    return untrained(settings)


def of_two_matrices(settings: Flow) -> str | None:
    """Why the networks may be too simple to learn the data, or None."""
    if settings.block.name != "two":
        return f"block={settings.block.name}: the claim is about blocks of two matrices, which can learn such data"
    return unlabelled(settings)


LEAST_ACCURACY_OF_NETWORKS = 0.9
UNPENALISED_CONTROL = {"lipschitz": "none", "inverse": "none", "h1": "factor"}
"""Each control that is a penalty, and the same network without it."""
SHARE_LEFT_BY_PENALTY = {"lipschitz": (0.5, 0.1), "inverse": (0.5, 0.1), "h1": (0.5, 0.1)}
"""To which share of itself a penalty lowers what it penalises, and the tolerance: 1 is no penalty."""


def not_learnt(observable: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: plain networks that did not learn to tell the classes need not fold space; `observable` is
    their accuracy."""

    def unmet(records: Any) -> str | None:
        if "control" not in records:
            return None
        plain = records[(records["observable"] == observable) & (records["control"] == "none")]
        accuracy = float(plain[plain["weights"] == "free"]["value"].mean())
        if not accuracy >= LEAST_ACCURACY_OF_NETWORKS:
            return f"plain networks have a test accuracy of {accuracy:.2f}: they did not learn what takes folds"
        return None

    return unmet


def _spectral(weights: str, *, folded: float, least: float, stretched: float, early: float) -> tuple[Claim, ...]:
    shared = weights == "shared"
    ending = ".shared" if shared else ""
    of = f"With spectral normalisation and {weights} weights,"
    common: dict[str, Any] = {
        "where": {"control": "spectral", "weights": weights, "at": "all"},
        "pins": PINS_OF_TRAINED_FLOWS,
        "outside": unnormalised,
        "needs": NEEDS_FINISHED_TRAINING,
    }
    return (
        Claim(
            id=f"flow.folding.trained.spectral{ending}",
            source=BEHRMANN,
            statement=f"{of} trained blocks never fold space: det D block > 0",
            kind="theorem",
            observable="fold_fraction",
            expected=Expected("at_most", 0, 0.003, scale="share of determinants"),
            rival=Rival("det A in place of det(I + A)", "F47-det-identity", folded),
            **common,
        ),
        Claim(
            id=f"flow.folding.trained.determinant{ending}",
            source=BEHRMANN,
            statement=f"{of} det D block >= (1 - c)^D, c the bound on Lip(h v)",
            kind="theorem",
            observable="bound_ratio",
            expected=Expected("at_least", 1, 1e-3, scale=RELATIVE),
            rival=Rival("det A in place of det(I + A)", "F47-det-identity", least),
            **common,
        ),
        Claim(
            id=f"flow.folding.trained.kept{ending}",
            source=BEHRMANN,
            statement=f"{of} trained weights keep Lip(h v) at or below its bound",
            kind="identity",
            observable="lipschitz_bound",
            expected=Expected("at_most", _bound, 1e-9),
            rival=Rival("weights above the bound are not normalised", "F28-clamp"),
            **{**common, "where": {"control": "spectral", "weights": weights}},
        ),
        Claim(
            id=f"flow.folding.trained.stretch{ending}",
            source=BEHRMANN,
            statement=f"{of} |h Dv| exceeds the bound on Lip(h v) at no point",
            kind="theorem",
            observable="block_lipschitz",
            expected=Expected("at_most", _bound, 1e-6),
            rival=Rival("weights above the bound are not normalised", "F28-clamp", stretched),
            **common,
        ),
        Claim(
            id=f"flow.folding.trained.inverse{ending}",
            source=BEHRMANN,
            statement=f"{of} fixed-point iteration inverts the trained network",
            kind="theorem",
            observable="exact_inverse_error",
            expected=Expected("at_most", 0, 1e-9, scale=RELATIVE),
            rival=Rival("an inverse that ends a block too early", "F48-second-state", early),
            **{**common, "where": {"control": "spectral", "weights": weights}},
        ),
    )


def _bound(settings: Flow) -> float:
    return settings.flow.bound


def _penalty(control: str, on: str, it: str) -> Claim:
    return Claim(
        id=f"flow.folding.trained.penalty.{control}",
        source=ROUSSEAU,
        statement=f"A penalty on {on} at least halves {it}",
        kind="observation",
        observable="penalised_ratio",
        expected=Expected("at_most", *SHARE_LEFT_BY_PENALTY[control], scale=RELATIVE),
        where={"control": control, "weights": "free"},
        pins=PINS_OF_TRAINED_FLOWS,
        outside=unnormalised if control == "lipschitz" else untrained,
        random=True,
        needs=NEEDS_FINISHED_TRAINING,
        rival=Rival("training ignores the gradient of the penalty", "F7-penalty-ignored", 1.0),
    )


def least_of_trained_flows(settings: Flow) -> float:
    """Weights and gradients of networks with weights of their own in each layer."""
    if unlabelled(settings):
        return 0.0
    depth = min(settings.depth, settings.flow.trained_depth)
    layer = parameters(settings.block, settings.width)
    return bytes_of_points(settings) + 2 * bytes_of_number(settings) * settings.train.replicas * depth * layer


GROUP = Group(
    name="trained",
    title="Do trained networks fold space, and what keeps them from doing so?",
    loss=LOSS_OF_NETWORKS,
    seconds=38,
    shared=38,
    least=least_of_trained_flows,
    claims=(
        Claim(
            id="flow.folding.trained.accuracy",
            source=ROUSSEAU,
            statement="Networks trained without a control are accurate on test points, whether they fold space or not",
            kind="observation",
            observable="accuracy",
            # down to LEAST_ACCURACY_OF_NETWORKS, from where on they count as having learnt what takes folds
            expected=Expected("at_least", 0.95, 0.05, scale="accuracy"),
            where={"control": "none", "weights": "free"},
            pins=PINS_OF_TRAINED_FLOWS,
            outside=of_two_matrices,
            random=True,
            needs=NEEDS_FINISHED_TRAINING,
            rival=Rival("labels of a mini-batch in another order than its points", "F36-labels", 0.472),
        ),
        Claim(
            id="flow.folding.trained.folds",
            source=ROUSSEAU,
            statement="Three in ten or more networks trained without a control on spirals or circles fold the plane",
            kind="control",
            observable="fold_networks",
            # some do, where none would: the half-width of a share of a dozen networks is up to 0.28
            expected=Expected("at_least", 0.3, 0.09, scale="share of networks"),
            where={"control": "none", "weights": "free", "at": "all"},
            pins=PINS_OF_TRAINED_FLOWS,
            outside=roomy,
            unmet=not_learnt("accuracy"),
            random=True,
            needs=NEEDS_FINISHED_TRAINING,
            rival=Rival("the absolute value of the determinant", "F3-det-abs", 0.0),
        ),
        Claim(
            id="flow.folding.trained.gain",
            source=ROUSSEAU,
            statement="Networks trained without a control are more accurate on test points than a linear classifier",
            kind="observation",
            observable="accuracy_gain",
            expected=Expected("at_least", 0.2, 0.05, scale="accuracy"),
            where={"control": "none", "weights": "free"},
            pins=PINS_OF_TRAINED_FLOWS,
            outside=roomy,
            random=True,
            needs=NEEDS_FINISHED_TRAINING,
            rival=Rival("labels of a mini-batch in another order than its points", "F36-labels", -0.184),
        ),
        _penalty("lipschitz", "the excess of Lip(h v) over its bound", "that excess"),
        _penalty("inverse", "the inverse error", "the mean square of phi_{-v}(phi_v(x)) - x"),
        _penalty("h1", "the H1 norm of the weights in depth", "that norm"),
        *_spectral("free", folded=0.2587, least=-61.68, stretched=3.027, early=0.4852),
        *_spectral("shared", folded=0.2447, least=-4.863, stretched=2.049, early=0.4697),
    ),
    memory=("train.replicas", "train.batch_size", "flow.points", "width"),
    conditional=(
        "accuracy",
        "accuracy_gain",
        "h1_norm",
        "inverse_error",
        "lipschitz_excess",
        "penalised_ratio",
    ),
    observables={
        "accuracy": "test accuracy, over trained networks; columns control (none: plain, factor: T/L on a block,"
        " spectral: normalised weights, lipschitz, inverse, h1: a penalty) and weights (free, shared); blocks: their"
        " depth",
        "accuracy_gain": "test accuracy of trained networks less that of linear least squares on the points themselves",
        "penalised_ratio": "what the control penalises, mean over networks trained with the penalty, over the same of"
        " networks trained without it",
        "lipschitz_excess": "mean over blocks of max(0, Lip(h v) - flow.bound)^2, Lip by the weights, over networks",
        "h1_norm": "L sum_k |theta_k - theta_(k-1)|^2 + |theta_0|^2 of the blocks' weights, over networks",
        "exact_inverse_error": "root mean square of the fixed-point inverse of phi(x) less x, relative to x, largest"
        " over networks trained with spectral normalisation",
        "fold_networks": "share of the trained networks that fold space at some point of some block",
        "lipschitz_bound": "largest bound of Lip(h v) by the weights, over trained networks and blocks",
        "bound_ratio": "least det D block / (1 - flow.bound)^D, over networks trained with spectral normalisation",
        "exploded_at": "number of steps after which a loss or weight of the training was not finite",
    },
    arrays={
        "trained.table": f"controls {', '.join(CONTROLS_SHOWN)}, each with free and shared weights: rows"
        f" {', '.join(COLUMNS_OF_TRAINED)}, folds and the like at all points, nan where training exploded,"
        f" ({len(COLUMNS_OF_TRAINED)},"
        f" {2 * len(CONTROLS_SHOWN)})",
        "trained.layers": "layers at which the plane is drawn (width=2)",
        "trained.labels": "classes of the points that are drawn",
        "trained.PLANE.nodes": "PLANE is CONTROL.map or CONTROL.inverse, of the first network with free weights and"
        f" control {' or '.join(CONTROLS_PICTURED)}: nodes of a grid at the layers, (layers, side, side, 2); of"
        f" an inverse"
        " a grid of outputs carried back, exactly (spectral) or by the steps with -h (none)",
        "trained.PLANE.points": "test points, or their outputs carried back, at the layers",
        "trained.PLANE.folded": "1 where a block has folded space up to the layer, else 0",
        "trained.PLANE.determinant": "determinant of the map, or of the inverse, at the nodes, (side, side)",
    },
)
