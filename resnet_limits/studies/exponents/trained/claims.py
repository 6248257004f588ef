"""`exponents.trained.*`: exponents over depth of the weights of networks with a learnt branch scale. Free of torch.

The protocol is that of Cohen, Cont, Rossier & Xu 2021 (arXiv 2105.12245), who saw smooth weights of trained tanh
networks and rough ones of trained relu networks. What is claimed of each was measured here: observations, at a rule of
stopping that stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....claims.claim import Claim, Expected, Rival
from ....papers import COHEN
from ....settings.training import LOSS_OF_NETWORKS
from ...group import Depths, Group
from ...least import bytes_of_number
from ..settings import Exponents
from .points import width_of_state

DEPTHS_OF_TRAINED = Depths(8, 10_000)
ACTIVATIONS_OF_CLAIMS = ("tanh", "relu")
ARRAY_OF_SIZES = "trained.sizes"
SIZES = (
    ("branch_scale", "delta"),
    *(
        (quantity, of)
        for of in ("A", "delta A")
        for quantity in ("weight_size", "largest_increment", "increment_root_sum")
    ),
)
"""What is measured of the weights of a network, and of which weights."""
ORDER_OF_ODE, ORDER_OF_SDE = 1.0, 0.5
"""Of max_k |delta_k A_k| over the depth."""
REGULARITY_OF_SMOOTH = 0.5
"""The order of the root sum of squared increments less that one; -1/2 where weights are independent over layers."""
LARGEST_LOSS_LEFT = 0.5
"""Fraction of the loss at the start above which networks were hardly trained."""


def trained_activations(settings: Exponents) -> list[str]:
    """Those of the claims, and the setting's own where it is another."""
    return list(dict.fromkeys((*ACTIVATIONS_OF_CLAIMS, settings.activation)))


def outside(settings: Exponents) -> str | None:
    """Why the networks are not those of the observation, or None."""
    if settings.exponents.trained.scale != "shared":
        return "exponents.trained.scale=layers: the observation is one of a scale that all layers share"
    if settings.train.optimizer != "adam":
        return f"train.optimizer={settings.train.optimizer}: the observation is one of networks trained by adam"
    return None


def _rows(records: Any, activation: str, observable: str) -> Any:
    """The records of an observable at this activation; None where there are none."""
    if "activation" not in records:
        return None
    rows = records[(records["activation"] == activation) & (records["observable"] == observable)]
    return rows if len(rows) else None


def hardly_trained(activation: str) -> Callable[[Any], str | None]:
    """Why networks that were hardly trained say nothing."""

    def unmet(records: Any) -> str | None:
        first, last = (_rows(records, activation, name) for name in ("first_loss", "train_loss"))
        if first is None or last is None:
            return None
        left = (last.groupby("depth")["value"].mean() / first.groupby("depth")["value"].mean()).max()
        if left > LARGEST_LOSS_LEFT:
            return f"training left {left:.0%} of the loss at some depth: more train.epochs, or another train.lr"
        return None

    return unmet


def limit_in_words(activation: str) -> Callable[[Any], str | None]:
    """Which limit the exponents tell of, with the evidence and the rule of stopping."""

    def note(records: Any) -> str | None:
        rows = _rows(records, activation, "limit")
        if rows is None:
            return None
        first, limits = rows.iloc[0], sorted(set(rows["limit"]))
        others = "" if len(limits) == 1 else f"; at other seeds {', '.join(limits)}"
        return (
            f"trained {activation} networks: {first['limit']} ({first['evidence']}; stopped at"
            f" {first['stopping']}{others})"
        )

    return note


def least(settings: Exponents) -> float:
    """Weights, gradients and the two moments of Adam."""
    width = width_of_state(settings)
    return 4 * bytes_of_number(settings) * settings.train.replicas * settings.depth * width * (width + 1)


GROUP = Group(
    name="trained",
    title="Are trained weights smooth, diffusive or neither?",
    loss=LOSS_OF_NETWORKS,
    seconds=20,
    depths=DEPTHS_OF_TRAINED,
    memory=("train.replicas", "exponents.trained.width", "depth", "train.memory", "train.batch_size"),
    least=least,
    grows={"depth": 1.0, "train.replicas": 1.0, "train.epochs": 1.0},
    claims=(
        Claim(
            id="exponents.trained.size",
            source=COHEN,
            statement="In trained tanh networks, max_k |delta A_k| falls like 1/L, delta the learnt scale of branches",
            kind="observation",
            observable="exponent",
            expected=Expected("value", ORDER_OF_ODE, 0.1),
            where={"activation": "tanh", "quantity": "weight_size", "of": "delta A"},
            pins={"activation": "tanh"},
            outside=outside,
            unmet=hardly_trained("tanh"),
            note=limit_in_words("tanh"),
            random=True,
            needs="four depths",
            rival=Rival("the weights are taken without the scale of their branch", "T1-scale-left-out", 0.4396),
        ),
        Claim(
            id="exponents.trained.smooth",
            source=COHEN,
            statement="Trained tanh weights are smooth: root sums of squared increments fall L^1/2 faster than weights",
            kind="observation",
            observable="regularity",
            expected=Expected("at_least", REGULARITY_OF_SMOOTH, 0.15),
            where={"activation": "tanh"},
            pins={"activation": "tanh"},
            outside=outside,
            unmet=hardly_trained("tanh"),
            random=True,
            needs="four depths",
            rival=Rival("weights start with entries of size 1", "T2-start-of-size-one", -0.5003),
        ),
        Claim(
            id="exponents.trained.rough",
            source=COHEN,
            statement="Trained relu weights are not: root sums of squared increments fall L^1/2 slower than weights",
            kind="observation",
            observable="regularity",
            expected=Expected("value", -REGULARITY_OF_SMOOTH, 0.2),
            where={"activation": "relu"},
            pins={"activation": "relu"},
            outside=outside,
            unmet=hardly_trained("relu"),
            note=limit_in_words("relu"),
            random=True,
            needs="four depths",
            rival=Rival("all networks are of tanh", "T3-relu-is-tanh", 0.6512),
        ),
    ),
    observables={
        "weight_size": "max_k |A_k|, and of delta_k A_k, in Frobenius norm",
        "branch_scale": "|delta|, of one a layer the largest",
        "largest_increment": "max_k |A_{k+1} - A_k|, and of delta_k A_k",
        "increment_root_sum": "(sum_k |A_{k+1} - A_k|^2)^(1/2), and of delta_k A_k",
        "exponent": "p of q ~ L^-p over the depths run, of each of these, by networks",
        "regularity": "exponent of increment_root_sum less that of weight_size, of delta A: 1/2 smooth, -1/2"
        " independent",
        "limit": "fraction of networks that the verdict rests on; limit and evidence say which it is, and why",
        "ended": "fraction of networks whose training ended so: reached, stalled, exploded, or after the last epoch",
        "steps": "steps after which a network stopped",
        "first_loss": "loss of the first mini-batch",
        "train_loss": "loss of all training points of the weights that each network stopped with",
        "test_loss": "loss of the test points of these",
    },
    conditional=(
        *("exponent", "regularity", "steps", "first_loss", "train_loss", "test_loss"),
        *("weight_size", "branch_scale", "largest_increment", "increment_root_sum"),
    ),
    arrays={ARRAY_OF_SIZES: "sizes of the weights (activations, sizes, train.replicas), nan of networks that exploded"},
    compared=("exponents.trained.size", "exponents.trained.smooth", "exponents.trained.rough"),
)
