"""`hamiltonian.exact.*`: problems whose geodesics are known in closed form. Free of torch.

Derived: `limits/hamiltonian/closed_forms` has the formulas, none of which is found by the flow or by shooting. That
networks tend to them is Owhadi's theorem, and derived where their layers have a Gaussian kernel; the order is observed.
"""

from __future__ import annotations

from typing import Any

from ....claims.claim import RELATIVE, Claim, Expected, Kind, Rival
from ....papers import JOSHI, OWHADI
from ...group import Group
from ...least import little
from ...pinned import pinned
from ...reached import EXPECTED_FIRST_ORDER
from ..outside import EXPECTED_PLATEAU, kinked_velocity, several_solutions, solution_not_reached
from ..settings import LOSS_OF_HAMILTONIAN
from .instances import INSTANCES, LANDMARKS, Instance

PLATEAU_OF_EXACT_GAP = {"exact_gap": "exact_plateau"}

EXPECTED_AS_SHOT = Expected("at_most", 0, 1e-8, scale=RELATIVE)
CLOSED_FORM = {
    "point": "2H = (int dq/sqrt(1 + a(q)^2))^2",
    "line": "a geodesic of the half-plane",
    "linear": "q(t) = e^{tA} e^{t omega_0^T} q_0",
    "landmarks": "the geodesic that a quadrature gives",
}
"""By the name of the instance, in words."""
FAULTS_OF_CLOSED_FORMS = {
    "point": ("the speed 1 + |a|", "H80-sum-of-features"),
    "line": ("a loss without 1/2", "H81-loss-without-half"),
    "linear": ("a flow with a bias", "H82-bias-kept"),
    "landmarks": ("half of r'^2", "H83-rate-of-distance"),
}
"""By the name of the instance, in words and by its id."""
VALUES_OF_RIVALS = {
    "point": 0.9187,
    "point.observed": -4.002e-5,
    "point.shooting": 0.9187,
    "line": 0.4438,
    "line.observed": 9.502e-6,
    "line.shooting": 0.4438,
    "linear": 0.2463,
    "linear.observed": -1.884e-4,
    "linear.shooting": 0.2463,
    "landmarks": 0.1701,
    "landmarks.observed": 1.067e-3,
    "landmarks.shooting": 0.1808,
}
"""By what follows `hamiltonian.exact.`."""


def claims_of_instance(instance: Instance) -> tuple[Claim, Claim, Claim]:
    """What is claimed of networks, of the order at which they tend to the closed form, and of shooting."""

    def outside(settings: Any) -> str | None:
        return instance.unfit(settings) or kinked_velocity(pinned(settings, instance.pins))

    def claim(suffix: str, statement: str, observable: str, expected: Expected, kind: Kind, needs: str = "") -> Claim:
        wrong, fault = FAULTS_OF_CLOSED_FORMS[instance.name]
        of_rival = f"what {wrong} in the closed form gives"
        return Claim(
            id=f"hamiltonian.exact.{instance.name}{suffix}",
            source=JOSHI if instance is LANDMARKS else OWHADI,
            statement=f"On {instance.words}, {statement}",
            kind=kind,
            observable=observable,
            expected=expected,
            where={"of": instance.of},
            pins=instance.pins,
            outside=outside,
            unmet=solution_not_reached(instance.of),
            note=several_solutions(instance.of),
            needs=needs,
            rival=Rival(of_rival, fault, VALUES_OF_RIVALS[instance.name + suffix]),
        )

    tends, at_order_1 = f"networks tend to {CLOSED_FORM[instance.name]}", EXPECTED_FIRST_ORDER
    shot = "geodesic shooting finds the minimum of the closed form"
    return (
        claim("", tends, PLATEAU_OF_EXACT_GAP["exact_gap"], EXPECTED_PLATEAU, "derived", "depths L, 2L, 4L, 8L"),
        claim(".observed", f"{tends} at order 1", "exact_gap", at_order_1, "observation"),
        claim(".shooting", shot, "exact_shot_gap", EXPECTED_AS_SHOT, "derived"),
    )


def arrays_of_instance(instance: Instance) -> dict[str, str]:
    return {
        f"{instance.prefix}exact_gap": f"of={instance.of}: relative gaps of the value (first row) and of the states at"
        " the end (2, points times width)"
    }


GROUP = Group(
    name="exact",
    title="Do networks and shooting find the geodesics that are known in closed form?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=4.8,
    shared=4.5,
    grows={"depth": 1.0},
    least=little,
    claims=tuple(claim for instance in INSTANCES for claim in claims_of_instance(instance)),
    memory=("depth",),
    on_cpu=True,
    compared=tuple(f"hamiltonian.exact.{instance.name}" for instance in INSTANCES),
    observables={
        "exact_gap": "root of the summed squares of two relative gaps of a network to the closed form: of the least"
        " value, and of the states at the end by how far points move",
        "exact_shot_gap": "largest relative gap of the shooting to the closed form: of value, 2H, states at the end",
        "exact_plateau": "|d_inf|, the entries of exact_gap with their signs being d_inf + a/L^p + b/L^(p+1)",
    },
    arrays={name: words for instance in INSTANCES for name, words in arrays_of_instance(instance).items()},
)
