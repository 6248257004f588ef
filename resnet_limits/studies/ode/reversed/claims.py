"""`ode.reversed.*`: gradients from activations that the network rebuilds backwards. Free of torch.

Source: order 1 of Euler blocks, and at least 2 of Heun blocks. Derived: a step of even order p has the local error
`C h^(p+1)`, the step back `C (-h)^(p+1) = -C h^(p+1)` at a state that is O(h) away: they cancel, and Heun has order 3.
"""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Kind, Rival
from ....papers import SANDER
from ...group import Group
from ...least import bytes_of_points
from ..outside import smooth_field
from ..room import least_of_gradients, least_of_states, least_of_weights
from ..settings import Ode


def _reversed(scheme: str, order: float, tolerance: float, kind: Kind, statement: str, rival: Rival) -> Claim:
    return Claim(
        id=f"ode.reversed.{scheme}",
        source=SANDER,
        statement=statement,
        kind=kind,
        observable="reversed_gradient_error",
        expected=Expected("order", order, tolerance),
        where={"scheme": scheme},
        outside=smooth_field,
        rival=rival,
    )


def least_of_reversed(settings: Ode) -> float:
    if smooth_field(settings):
        return 0.0
    return (
        bytes_of_points(settings)
        + least_of_weights(settings)
        + 2 * least_of_gradients(settings)
        + settings.depth * least_of_states(settings)
    )


RIVAL_FORWARD_STEPS = Rival("the blocks step forwards again: nothing is rebuilt", "O16-reverse-sign", 0.0009477)

GROUP = Group(
    name="reversed",
    title="Can backpropagation rebuild its states backwards, without storing them?",
    loss="J = |x_L|^2 / 2, mean over the inputs: what gradients are taken of; nothing is trained",
    seconds=0.4,
    least=least_of_reversed,
    memory=("ode.paths", "width", "ode.inputs", "depth"),
    uncompiled="steps of Heun",
    claims=(
        _reversed(
            "euler",
            1,
            0.1,
            "theorem",
            "Gradients from states that Euler blocks rebuild backwards approach backpropagation's at order 1",
            RIVAL_FORWARD_STEPS,
        ),
        _reversed(
            "heun",
            3,
            0.15,
            "derived",
            "Gradients from states that Heun blocks rebuild backwards approach backpropagation's at order 3",
            Rival("the step back reads its weights in the order of the step", "O15-reverse-sets", 2.001),
        ),
    ),
    observables={
        "reversed_gradient_error": "relative distance of gradients from rebuilt states to those of backpropagation",
        "reversed_state_error": "largest |x_k - rebuilt x_k| over layers, inputs and coordinates",
    },
)
