"""`ode.gradient.*`: gradients of networks, against those of the neural ODE. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Rival
from ....papers import SANZ_SERNA
from ...group import Group
from ...least import bytes_of_points
from ..outside import smooth_field
from ..room import least_of_gradients, least_of_states, least_of_weights
from ..settings import Ode


def _gradient(scheme: str, order: float, rival: float) -> Claim:
    return Claim(
        id=f"ode.gradient.{scheme}",
        source=SANZ_SERNA,
        statement=f"Gradients of {scheme.title()} blocks by input and weights converge to the adjoint's at order"
        f" {order}",
        kind="theorem",
        observable="gradient_error",
        expected=Expected("order", order, 0.1),
        where={"scheme": scheme},
        outside=smooth_field,
        rival=Rival("the adjoint equation has the wrong sign", "O4-adjoint-sign", rival),
    )


def least_of_gradient(settings: Ode) -> float:
    if smooth_field(settings):
        return 0.0
    return (
        bytes_of_points(settings)
        + least_of_weights(settings)
        + least_of_gradients(settings)
        + least_of_states(settings)
    )


GROUP = Group(
    name="gradient",
    title="Do gradients of networks converge to those of the neural ODE?",
    loss="J = |x_L|^2 / 2, mean over the inputs: what gradients are taken of; nothing is trained",
    seconds=2.7,
    least=least_of_gradient,
    memory=("ode.paths", "width", "ode.inputs", "depth"),
    claims=(
        _gradient("euler", 1, -0.0006333),
        _gradient("heun", 2, 0.0002153),
    ),
    observables={
        "gradient_error": "relative error of the gradient by input and by weight path, together; by scheme",
        "gradient_error_input": "relative error of dJ/dx_0, for J = |x(T)|^2 / 2n",
        "gradient_error_path": "relative error of dJ/dc for the path theta(t) = sum_j b_j(t) c_j",
        "gradient_density_error": "relative error of L dJ/dtheta_k against the adjoint's density g(t_k), by layer",
    },
)
