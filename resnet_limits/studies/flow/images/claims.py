"""`flow.images`: convolutional networks whose units share a field, and what is left when they are refined.

Free of torch.
"""

from __future__ import annotations

from ....claims.claim import AS_STATED, Claim, Expected, Rival, Verdict
from ....papers import HAIRER, ROUSSEAU
from ...group import Group
from ...outside import kinked
from ..settings import Flow

VERDICTS: dict[str, Verdict] = {**AS_STATED, "large": "supported"}


def moving(settings: Flow) -> str | None:
    """Why refinement changes nothing, or None."""
    return "horizon=0: the units do nothing" if settings.horizon == 0 else None


def smooth(settings: Flow) -> str | None:
    """Why the field of a stage has no continuous derivatives, or None where it has."""
    return kinked(settings) or moving(settings)


SINGLE = 4


def least_of_images(settings: Flow) -> float:
    """The kernels of a unit of the last stage, and their gradients."""
    keys = settings.flow.images
    return 2 * SINGLE * keys.replicas * 9 * (4 * keys.channels) ** 2


GROUP = Group(
    name="images",
    title="Do trained convolutional networks with shared weights converge to a flow when they are refined?",
    seconds=8.6,
    least=least_of_images,
    claims=(
        Claim(
            id="flow.images.refinement",
            source=HAIRER,
            statement="a trained network of n units a stage that share their weights, run with m units of step 1/m,"
            " converges at order 1: rms change of the logits from m to 2m units, m = n, 2n, 4n, 8n, of the largest n",
            kind="theorem",
            observable="images.refinement_order",
            expected=Expected("value", 1, 0.2),
            outside=smooth,
            needs="changes of the logits of at least four refinements, above rounding",
            rival=Rival("refined networks that keep the step of the trained one", "F17-refined-steps", -1.04),
            verdicts=VERDICTS,
        ),
        Claim(
            id="flow.images.refinement.accuracy",
            source=ROUSSEAU,
            statement="accuracy moves by O(1/n) on the way to the flow: n |accuracy with 8n units less that with n|,"
            " the largest over n, with the standard error of the paired difference over test images",
            kind="observation",
            observable="images.scaled_change",
            expected=Expected("at_most", 0.07, 0.03),
            outside=moving,
            random=True,
            rival=Rival("refined networks that keep the step of the trained one", "F17-refined-steps", 0.365),
            verdicts=VERDICTS,
        ),
    ),
    memory=("flow.images.channels", "flow.images.batch_size", "flow.images.replicas", "flow.images.points"),
    observables={
        "images.accuracy": "test accuracy of convolutional networks trained with `units` units a stage and run with"
        " `evaluated`; column weights: free or shared by the units of a stage",
        "images.parameters": "number of parameters of one such network",
        "images.accuracy_change": "accuracy run with `evaluated` units less that with those it was trained with,"
        " shared weights; standard error over test images, paired",
        "images.scaled_change": "n |accuracy change from n to 8n units|, the largest over the numbers of units",
        "images.refinement_gap": "rms change of the logits from `evaluated` to twice as many units, relative to the rms"
        " of the finest logits, shared weights",
        "images.refinement_order": "order of convergence of that change under refinement, with its half-width",
        "images.inverse_error": "rms of phi_{-v}(phi_v(x)) - x over the rms of x, for the states x that enter `stage`",
    },
)
