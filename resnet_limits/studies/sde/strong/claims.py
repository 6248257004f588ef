"""`sde.strong.*`: networks of depth L and 2L on one noise. Free of torch."""

from __future__ import annotations

from ....claims.claim import SMOKE_IS_TOO_SMALL, Claim, Expected
from ....papers import PELUCHETTI
from ...group import Group
from ...least import DOUBLE, sampled
from ...outside import still
from ..outside import explodes, explodes_with, smooth_and_moving
from ..room import least_of_inputs
from ..settings import Sde

ADDITIVE = {"init.sigma_w": 0.0, "activation": "tanh"}
SWISH = {"activation": "swish"}


def _swish(settings: Sde) -> str | None:
    return still(settings) or explodes_with(SWISH["activation"], settings)


def least_of_strong(settings: Sde) -> float:
    return least_of_inputs(settings) + sampled(settings, vectors=2 * settings.sde.inputs) + DOUBLE * settings.replicas


GROUP = Group(
    name="strong",
    title="On one noise, at which order do networks approach each other and their SDE?",
    seconds=14,
    least=least_of_strong,
    claims=(
        Claim(
            id="sde.strong",
            source=PELUCHETTI,
            statement="networks of depth L and 2L on one noise: the strong error falls at order 1/2",
            kind="theorem",
            observable="strong_error",
            expected=Expected("order", 0.5, 0.1),
            where={"scheme": "network"},
            outside=lambda s: smooth_and_moving(s) or explodes(s),
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.strong.additive",
            source=PELUCHETTI,
            statement="with additive noise (sigma_w = 0) and phi''(0) = 0 the strong error falls at order 1",
            kind="theorem",
            observable="strong_error",
            expected=Expected("order", 1, 0.1),
            where={"scheme": "network-additive"},
            pins=ADDITIVE,
            outside=lambda s: "init.sigma_b=0: nothing moves" if s.init.sizes().sigma_b == 0 else None,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.strong.sde",
            source=PELUCHETTI,
            statement="on one noise networks tend to the SDE with its Ito drift, at strong order 1/2 (swish)",
            kind="theorem",
            observable="strong_error",
            expected=Expected("order", 0.5, 0.1),
            where={"scheme": "sde"},
            pins=SWISH,
            outside=_swish,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
        Claim(
            id="sde.strong.no_drift",
            source=PELUCHETTI,
            statement="with the Ito drift left out, the distance of network and SDE does not fall (swish)",
            kind="control",
            observable="strong_error",
            expected=Expected("order", 0, 0.1),
            where={"scheme": "sde-without-drift"},
            pins=SWISH,
            outside=_swish,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
        ),
    ),
    memory=("width", "sde.inputs"),
    observables={
        "strong_error": "root mean square over replicas, inputs and coordinates of the difference of final states on"
        " one noise, networks of depth L and 2L; scheme sde: network and Euler-Maruyama scheme at 2L,"
        " sde-without-drift: a scheme without the Ito drift",
    },
)
