"""`ode.reversed.*`: gradients from activations that the network rebuilds backwards. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected
from ....papers import SANDER
from ...group import Group
from ...least import points
from ..outside import smooth_field
from ..room import least_of_gradients, least_of_states, least_of_weights
from ..settings import Ode


def _reversed(suffix: str, scheme: str, expected: Expected, kind: str, statement: str) -> Claim:
    return Claim(
        id=f"ode.reversed.{suffix}",
        source=SANDER,
        statement=statement,
        kind="observation" if kind == "observation" else "theorem",
        observable="reversed_gradient_error",
        expected=expected,
        where={"scheme": scheme},
        outside=smooth_field,
    )


def least_of_reversed(settings: Ode) -> float:
    if smooth_field(settings):
        return 0.0
    return (
        points(settings)
        + least_of_weights(settings)
        + 2 * least_of_gradients(settings)
        + settings.depth * least_of_states(settings)
    )


GROUP = Group(
    name="reversed",
    title="Do gradients from activations that are rebuilt backwards approach those of backpropagation?",
    seconds=0.4,
    least=least_of_reversed,
    memory=("ode.paths", "width", "ode.inputs", "depth"),
    claims=(
        _reversed(
            "euler",
            "euler",
            Expected("order", 1, 0.1),
            "theorem",
            "gradients from activations that Euler blocks rebuild backwards approach backpropagation, order 1",
        ),
        _reversed(
            "heun",
            "heun",
            Expected("order_at_least", 2, 0.1),
            "theorem",
            "gradients from activations that Heun blocks rebuild backwards approach backpropagation, order at least 2",
        ),
        _reversed(
            "heun.observed",
            "heun",
            Expected("order", 3, 0.15),
            "observation",
            "the order of the Heun blocks' rebuilt gradients is 3: the leading term of the bound cancels",
        ),
    ),
    observables={
        "reversed_gradient_error": "relative error of gradients from rebuilt activations, against backpropagation",
        "reversed_state_error": "largest |x_k - rebuilt x_k| over layers, inputs and coordinates",
    },
)
