"""`hamiltonian.exact.landmarks*`: two landmarks of the line, whose geodesic a quadrature gives. Free of torch.

Claims and measurement are those of `exact/`. The layers of a Gaussian kernel have no features, their derivatives are
autograd's: these networks are minimised at few depths.
"""

from __future__ import annotations

from ...group import Depths, Group
from ...least import little
from ..exact.claims import arrays_of_instance, claims_of_instance
from ..exact.instances import LANDMARKS
from ..settings import LOSS_OF_HAMILTONIAN

MAX_DEPTH_OF_PAIR = 64
"""Depth up to which the network of two landmarks is minimised."""

GROUP = Group(
    name="two_landmarks",
    title="Do networks and shooting find the geodesic of two landmarks that a quadrature gives?",
    loss=LOSS_OF_HAMILTONIAN,
    seconds=2.5,
    shared=2.3,
    grows={"depth": 1.0},
    least=little,
    depths=Depths(high=MAX_DEPTH_OF_PAIR),
    claims=claims_of_instance(LANDMARKS),
    memory=("depth",),
    on_cpu=True,
    compared=(f"hamiltonian.exact.{LANDMARKS.name}",),
    observables={},
    arrays=arrays_of_instance(LANDMARKS),
)
