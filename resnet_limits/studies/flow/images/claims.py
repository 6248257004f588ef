"""`flow.images`: convolutional networks whose units share a field, and what is left when they are refined.

Free of torch.
"""

from __future__ import annotations

from ....claims.claim import VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....papers import HAIRER, ROUSSEAU
from ...group import Group
from ...least import BYTES_OF_SINGLE
from ...outside import kinked
from ..settings import Flow


def nothing_refined(settings: Flow) -> str | None:
    """Why refinement changes nothing, or None."""
    return "horizon=0: the units do nothing" if settings.horizon == 0 else None


def kinked_stage(settings: Flow) -> str | None:
    """Why the field of a stage has no continuous derivatives, or None where it has."""
    return kinked(settings) or nothing_refined(settings)


def least_of_images(settings: Flow) -> float:
    """The kernels of a unit of the last stage, and their gradients."""
    keys = settings.flow.images
    return 2 * BYTES_OF_SINGLE * keys.replicas * 9 * (4 * keys.channels) ** 2


GROUP = Group(
    name="images",
    title="Do convolutional networks with shared weights converge to a flow when refined?",
    loss="mean over the images of -log softmax(scores)[label], without a factor",
    seconds=8.6,
    shared=8.6,
    least=least_of_images,
    claims=(
        Claim(
            id="flow.images.refinement",
            source=HAIRER,
            statement="Refining stages with shared weights from m to 2m units changes the logits at order 1 in m",
            kind="theorem",
            observable="images.refinement_order",
            expected=Expected("value", 1, 0.2),
            outside=kinked_stage,
            needs="changes of the logits of at least four refinements, above rounding",
            rival=Rival("refined networks that keep the step of the trained one", "F17-refined-steps", -1.04),
            verdicts=VERDICTS_WITH_LARGE,
        ),
        Claim(
            id="flow.images.refinement.accuracy",
            source=ROUSSEAU,
            statement="Refining stages with shared weights from n to 8n units changes test accuracy by O(1/n)",
            kind="observation",
            observable="images.scaled_change",
            expected=Expected("at_most", 0.07, 0.03),
            outside=nothing_refined,
            random=True,
            rival=Rival("refined networks that keep the step of the trained one", "F17-refined-steps", 0.365),
            verdicts=VERDICTS_WITH_LARGE,
        ),
    ),
    memory=("flow.images.channels", "flow.images.batch_size", "flow.images.replicas", "flow.images.points"),
    conditional=(
        "images.accuracy",
        "images.accuracy_change",
        "images.scaled_change",
    ),
    observables={
        "images.accuracy": "test accuracy of convolutional networks trained with `units` units a stage and run with"
        " `evaluated`; column weights: free or shared by the units of a stage",
        "images.parameters": "number of parameters of one convolutional network",
        "images.accuracy_change": "accuracy run with `evaluated` units less that with those it was trained with,"
        " shared weights; standard error over test images, paired",
        "images.scaled_change": "n |accuracy with 8n units less that with n|, the largest over n; standard error of the"
        " paired difference over test images",
        "images.refinement_gap": "rms change of the logits from `evaluated` to twice as many units, relative to the rms"
        " of the finest logits, shared weights",
        "images.refinement_order": "order in m at which that change, from m to 2m units, m = n, 2n, 4n, 8n, falls,"
        " of the largest n, with its half-width",
        "images.inverse_error": "rms of phi_{-v}(phi_v(x)) - x over the rms of x, for the states x that enter `stage`",
    },
)
