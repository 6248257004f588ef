"""`flow.symplectic`: Hamiltonian blocks keep the symplectic form, and sensitivities do not vanish. Free of torch.

The blocks are Haber & Ruthotto's (arXiv 1705.03341), symplectic Euler of a separable Hamiltonian: that this keeps the
form is in Hairer, Lubich & Wanner, that sensitivities have norm at least 1 is Galimberti and others' theorem.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import Claim, Expected, Rival
from ....networks.activations import activation_named
from ....papers import GALIMBERTI, HABER, HAIRER_GEOMETRIC
from ...group import Group
from ...least import BYTES_OF_DOUBLE, bytes_of_points
from ..outside import stretches
from ..settings import Flow

PINS_OF_HAMILTONIAN_BLOCK: dict[str, Any] = {"init": "iid", "width": 8, "block": "hamiltonian"}
PINS_OF_GRADIENT_BLOCK: dict[str, Any] = {
    **{"init": "iid", "init.sigma_w": 1.0, "init.sigma_b": 0.5, "horizon": 1.0},
    **{"width": 8, "block": "gradient"},
}
"""How far sensitivities fall depends on horizon and sizes."""


def increasing(settings: Flow) -> str | None:
    """Why K^T phi(K x + b) is the gradient of no convex function, or None."""
    increasing = activation_named(settings.activation).increasing
    if increasing is None:
        return f"activation={settings.activation}: phi is not declared to increase, which makes the function convex"
    if not increasing:
        return f"activation={settings.activation}: phi does not increase, so the function is not convex"
    return None


def least_of_symplectic(settings: Flow) -> float:
    """The states of all layers, of two coordinates at least."""
    keys = settings.flow
    return bytes_of_points(settings) + BYTES_OF_DOUBLE * settings.depth * keys.paths * keys.inputs * 2


GROUP = Group(
    name="symplectic",
    title="Do Hamiltonian blocks conserve the symplectic form and keep gradients from vanishing?",
    seconds=5.1,
    least=least_of_symplectic,
    uncompiled="block=gradient and its symplectic steps",
    claims=(
        Claim(
            id="flow.symplectic.form",
            source=HAIRER_GEOMETRIC,
            statement="The map of Hamiltonian blocks is symplectic at every depth: S^T J S = J for S = dx_k/dx_0",
            kind="theorem",
            observable="symplectic_defect",
            expected=Expected("at_most", 0, 1e-11),
            where={"block": "hamiltonian"},
            pins=PINS_OF_HAMILTONIAN_BLOCK,
            outside=stretches,
            rival=Rival("explicit Euler", "F33-explicit", 0.008849),
        ),
        Claim(
            id="flow.symplectic.sensitivity",
            source=GALIMBERTI,
            statement="The Jacobian dx_k/dx_0 of Hamiltonian blocks has norm at least 1 at every depth up to L",
            kind="theorem",
            observable="least_sensitivity",
            expected=Expected("at_least", 1, 1e-6),
            where={"block": "hamiltonian"},
            pins=PINS_OF_HAMILTONIAN_BLOCK,
            outside=stretches,
            rival=Rival("Jacobians of the branch without the skip connection", "F35-identity-forgotten", 0.0),
        ),
        Claim(
            id="flow.symplectic.gradient",
            source=HABER,
            statement="Blocks x - h K^T phi(K x + b) contract: their Jacobian dx_L/dx_0 has norm below 1",
            kind="control",
            observable="last_sensitivity",
            expected=Expected("at_most", 0.9, 0.05),
            where={"block": "gradient"},
            pins=PINS_OF_GRADIENT_BLOCK,
            outside=increasing,
            rival=Rival("blocks that ascend the function", "F15-gradient-block", 2.346),
        ),
    ),
    memory=("flow.paths", "flow.inputs", "depth"),
    observables={
        "symplectic_defect": "largest |S^T J S - J| / |S|^2 over layers, networks and points, S = dx_k/dx_0",
        "least_sensitivity": "least norm of dx_k/dx_0 over layers, networks and points",
        "last_sensitivity": "largest norm of dx_L/dx_0 over networks and points",
    },
)
