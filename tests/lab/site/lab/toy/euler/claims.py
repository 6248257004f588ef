"""`toy.euler`: networks against their limit. Free of torch."""

from __future__ import annotations

from resnet_limits.claims.claim import Claim, Expected
from resnet_limits.papers import SANDER
from resnet_limits.studies.group import Group
from resnet_limits.studies.least import little

GROUP = Group(
    name="euler",
    title="Does the network approach the solution?",
    claims=(
        Claim(
            id="toy.euler",
            source=SANDER,
            statement="the network approaches the solution, order 1",
            kind="theorem",
            observable="error",
            expected=Expected("order", 1, 0.1),
        ),
    ),
    observables={"error": "root mean square over the replicas of x_L - x(T)"},
    memory=("replicas",),
    least=little,
)
