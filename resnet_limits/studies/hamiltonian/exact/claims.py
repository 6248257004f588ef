"""`hamiltonian.exact.*`: problems whose geodesics are known in closed form. Free of torch.

Derived: `limits/hamiltonian/closed_forms` has the formulas, none of which is found by the flow or by shooting.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....papers import JOSHI, OWHADI
from ...group import Group
from ...least import little
from ...pinned import pinned
from ...reached import EXPECTED_FIRST_ORDER
from ..outside import kinked_velocity, several_solutions, solution_not_reached
from ..settings import LOSS_OF_HAMILTONIAN
from .instances import INSTANCES, LANDMARKS, Instance

EXPECTED_AS_SHOT = Expected("at_most", 0, 1e-8, scale=RELATIVE)
CLOSED_FORM = {
    "point": "2H = (int dq/sqrt(1 + a(q)^2))^2",
    "line": "a geodesic of the half-plane",
    "linear": "q(t) = e^{tA} e^{t omega_0^T} q_0",
    "landmarks": "the geodesic that a quadrature gives",
}
"""By the name of the instance, in words."""
RIVALS_OF_CLOSED_FORMS = {
    "point": Rival("the order with the speed 1 + |a| in the closed form", "H80-sum-of-features", -4.002e-5),
    "point.shooting": Rival("the speed 1 + |a| in the closed form", "H80-sum-of-features", 0.9187),
    "line": Rival("the order with a loss without 1/2 in the closed form", "H81-loss-without-half", 9.502e-6),
    "line.shooting": Rival("a loss without 1/2 in the closed form", "H81-loss-without-half", 0.4438),
    "linear": Rival("the order of networks with a bias", "H82-bias-kept", -1.884e-4),
    "linear.shooting": Rival("a flow with a bias", "H82-bias-kept", 0.2463),
    "landmarks": Rival("the order with half of r'^2 in the closed form", "H83-rate-of-distance", 1.067e-3),
    "landmarks.shooting": Rival("half of r'^2 in the closed form", "H83-rate-of-distance", 0.1808),
}
"""By what follows `hamiltonian.exact.`."""


def _claims(instance: Instance) -> tuple[Claim, Claim]:
    """What is claimed of networks and of shooting."""

    def outside(settings: Any) -> str | None:
        return instance.unfit(settings) or kinked_velocity(pinned(settings, instance.pins))

    def claim(suffix: str, statement: str, observable: str, expected: Expected, kind: Any, needs: str) -> Claim:
        return Claim(
            id=f"hamiltonian.exact.{instance.name}{suffix}",
            source=JOSHI if instance is LANDMARKS else OWHADI,
            statement=statement,
            kind=kind,
            observable=observable,
            expected=expected,
            where={"of": instance.of},
            pins=instance.pins,
            outside=outside,
            unmet=solution_not_reached(instance.of),
            note=several_solutions(instance.of),
            needs=needs,
            rival=RIVALS_OF_CLOSED_FORMS[instance.name + suffix],
        )

    needs = "" if instance.max_depth is None else f"depths up to {instance.max_depth}"
    return (
        claim(
            "",
            f"On {instance.words}, networks tend to {CLOSED_FORM[instance.name]} at order 1",
            "exact_gap",
            EXPECTED_FIRST_ORDER,
            "observation",
            needs,
        ),
        claim(
            ".shooting",
            f"On {instance.words}, geodesic shooting finds the minimum of the closed form",
            "exact_shot_gap",
            EXPECTED_AS_SHOT,
            "derived",
            needs,
        ),
    )


GROUP = Group(
    name="exact",
    title="Do networks and shooting find the geodesics that are known in closed form?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=9.3,
    shared=8.4,
    least=little,
    claims=tuple(claim for instance in INSTANCES for claim in _claims(instance)),
    memory=("depth",),
    on_cpu=True,
    observables={
        "exact_gap": "root of the summed squares of two relative gaps of a network to the closed form: of the least"
        " value, and of the states at the end by how far points move",
        "exact_shot_gap": "largest relative gap of the shooting to the closed form: of value, 2H, states at the end",
    },
)
