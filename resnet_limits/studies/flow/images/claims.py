"""`flow.images`: convolutional networks whose units share a field, and what is left when they are refined.

Free of torch.
"""

from __future__ import annotations

from ....claims.claim import RELATIVE, VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....papers import BEHRMANN, HAIRER, ROUSSEAU
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
    seconds=19,
    shared=19,
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
        Claim(
            id="flow.images.volume",
            source=HAIRER,
            statement="For m shared units a stage, log det D phi tends to int div v along its flow at order 1 in m",
            kind="theorem",
            observable="images.volume_order",
            expected=Expected("value", 1, 0.2),
            outside=kinked_stage,
            needs="a stage whose Jacobian is small enough to be made, changes of volume above rounding",
            rival=Rival("all Jacobians at the state that enters the stage", "F51-unit-states", -0.9592),
            verdicts=VERDICTS_WITH_LARGE,
        ),
        Claim(
            id="flow.images.determinant",
            source=BEHRMANN,
            statement="At two test images, a unit of a trained stage with |h Dv| < 1 has det D unit >= (1 - |h Dv|)^d",
            kind="theorem",
            observable="images.determinant_ratio",
            expected=Expected("at_least", 1, 1e-6, scale=RELATIVE),
            outside=nothing_refined,
            needs="a stage whose Jacobian is small enough to be made",
            rival=Rival("det A in place of det(I + A)", "F52-unit-identity", 0.0),
            verdicts=VERDICTS_WITH_LARGE,
        ),
        Claim(
            id="flow.images.stretch",
            source=ROUSSEAU,
            statement="At two test images, no unit of the trained stages with most units is near a fold: |h Dv| < 1",
            kind="observation",
            observable="images.largest_stretch",
            expected=Expected("at_most", 1, 0.01),
            outside=nothing_refined,
            rival=Rival("the Frobenius norm of h Dv", "F53-unit-frobenius", 3.514),
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
        "images.volume_gap": "rms over stages, at a test image, of log det D phi of a stage with `evaluated` units less"
        " int div v along its flow, shared weights of the first replica",
        "images.volume_order": "order in m at which that gap falls, m = 2n, 4n, 8n, 16n, of the largest n, with its"
        " half-width",
        "images.unit_stretch": "largest |h Dv| of the units of `stage` at two test images, first replica; by power"
        " iteration where the Jacobian is too large to be made",
        "images.unit_determinant": "least det(D unit)^(1/d) of them, d the numbers of a state; 0 of a unit that folds",
        "images.largest_stretch": "largest |h Dv| over the stages of the networks with most units, at two test images",
        "images.determinant_ratio": "least det(D unit)^(1/d) / (1 - |h Dv|) over the units with |h Dv| < 1 of all"
        " networks, at two test images",
        "images.inverse_error": "rms of phi_{-v}(phi_v(x)) - x over the rms of x, for the states x that enter `stage`",
    },
)
