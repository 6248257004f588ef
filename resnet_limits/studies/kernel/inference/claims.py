"""`kernel.inference.*`: finite networks, trained, against inference with the kernel of their depth. Free of torch."""

from __future__ import annotations

from dataclasses import replace

from ....claims.claim import RELATIVE, VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....papers import JACOT, LEE_GAUSSIAN, LEE_WIDE, Paper
from ...group import Group
from ...outside import unlabelled
from ..outside import either, moving, narrow
from ..room import least_of_full_matrices
from ..settings import Kernel

MAX_TEST_POINTS = 1000
"""Test points at which trained networks are looked at, at most."""
MAX_POINTS_CONDITIONED, MAX_POINTS_PREDICTED = 20, 60
"""Training and test points of the weakly trained networks, at most. The posterior mean of n points has corrections of
relative size n/D at most: measured below 0.04 where n/D is 0.16."""
MAX_MEAN_SQUARE_OF_TEST_POINTS = 2.0
"""Largest `|z|^2/d_in` of these test points; its mean over the training points is 1."""
WIDTH_FACTORS, WEAKLY_TRAINED_NETWORKS = (1, 2, 4, 8, 16), 48
"""The weakly trained networks are as many times as wide as the settings say; and their number, at each width."""
BEND_OF_NETWORKS_ON_IMAGES, BEND_OF_NETWORKS_ON_POINTS = 0.25, 0.8
"""The largest correction to D^-1/2 of the distance of trained networks of width D/8, relative: 0.14 was measured on
digits, 0.36 on circles and 0.66 on moons: in the plane the squares of narrow networks have heavy tails, which their
mean sees; their median falls as 1/D."""
BEND_OF_VARIANCES = 0.8
"""That of the distance of posterior variances at width D. Its squares are `a/D + b/D^2 + ...` with a bias `b` far above
`a`: 0.6 to 0.8 was measured at n/D = 0.16."""


RIVAL_LEARNING_RATE = "a learning rate that is not multiplied by the number of points: networks hardly move"
RIVAL_SWAPPED_POINTS = "test points take the place of training points"


def bend_of_trained_networks(settings: Kernel) -> float:
    """What is known of the corrections on such data."""
    return BEND_OF_NETWORKS_ON_POINTS if settings.data.shape() is None else BEND_OF_NETWORKS_ON_IMAGES


def _order(claim_id: str, source: Paper, statement: str, scheme: str, rival: Rival) -> Claim:
    """Lee et al. prove the order of trained networks; that of posteriors is the order of their kernels."""
    bend = bend_of_trained_networks if scheme == "trained" else lambda settings: MAX_POINTS_CONDITIONED / settings.width
    return Claim(
        id=claim_id,
        source=source,
        statement=statement,
        kind="theorem" if scheme == "trained" else "derived",
        observable="inference_distance",
        expected=Expected("order", 0.5, 0.15, along="width", bend=bend),
        where={"scheme": scheme},
        pins={"dtype": "float32" if scheme == "trained" else "float64"},
        outside=either(narrow, moving),
        random=True,
        verdicts=VERDICTS_WITH_LARGE,
        rival=rival,
    )


GROUP = Group(
    name="inference",
    title="Do trained networks of finite width predict what inference with their kernel does?",
    loss="1/(2 n) sum over n training points of |f - f_0 - target|^2, f_0 the outputs before training",
    seconds=20,
    least=least_of_full_matrices,
    claims=(
        _order(
            "kernel.inference.trained",
            LEE_WIDE,
            "What training adds to the outputs converges to the tangent kernel's prediction at order 1/2 in D",
            "trained",
            Rival(RIVAL_LEARNING_RATE, "K26-points-in-rate", -0.007472),
        ),
        Claim(
            id="kernel.inference.time",
            source=LEE_WIDE,
            statement="Wide networks learn at the speed of the tangent kernel: steps to equal training loss have"
            " ratio 1",
            kind="theorem",
            observable="learnt_time",
            # extrapolated from D/2 and D, 30 networks know it to 0.05: two of these, and as much for the interval
            expected=Expected("value", 1, 0.22, scale=RELATIVE),
            where={"scheme": "extrapolated"},
            pins={"dtype": "float32"},
            outside=either(narrow, moving),
            random=True,
            verdicts=VERDICTS_WITH_LARGE,
            rival=Rival("the kernel's time counts half as many steps again", "K27-steps", 1.686),
        ),
        _order(
            "kernel.inference.weak",
            LEE_GAUSSIAN,
            "The posterior mean of the read-out converges to the kernel's at order 1/2 in D",
            "posterior mean",
            Rival(RIVAL_SWAPPED_POINTS, "K28-points-swapped", -0.001728),
        ),
        replace(
            _order(
                "kernel.inference.variance",
                LEE_GAUSSIAN,
                "The posterior variance of the read-out converges to the kernel's at order at least 1/2 in D",
                "posterior variance",
                Rival(RIVAL_SWAPPED_POINTS, "K28-points-swapped", 0.002666),
            ),
            expected=Expected("order_at_least", 0.5, 0.15, along="width", bend=BEND_OF_VARIANCES),
        ),
        Claim(
            id="kernel.inference.accuracy",
            source=JACOT,
            statement="Trained networks are as accurate on test points as their tangent kernel predicts",
            kind="observation",
            observable="accuracy_difference",
            expected=Expected("value", 0, 0.045, scale="accuracy"),
            where={"scheme": "trained"},
            pins={"dtype": "float32"},
            outside=either(unlabelled, moving),
            random=True,
            verdicts=VERDICTS_WITH_LARGE,
            rival=Rival(RIVAL_LEARNING_RATE, "K26-points-in-rate", -0.1491),
        ),
    ),
    memory=("width", "kernel.points", "kernel.trained_depth", "kernel.networks"),
    arrays={
        **{
            f"inference.distance.{name}": f"width, inference_distance ({words}) and its standard error, (3, widths)"
            for name, words in (("trained", "trained"), ("mean", "posterior mean"), ("variance", "posterior variance"))
        },
        "inference.accuracy": "accuracy.finite of the widest networks and accuracy.predicted, with standard errors"
        " and numbers of training points, (3, 2)",
        "inference.learnt": "outputs less initial outputs of networks of the largest width at test points, first"
        " outputs, (networks, points)",
        "inference.predicted": "what the kernel predicts there, (points,)",
        "inference.loss": "training loss by step, mean over networks of the largest width",
    },
    conditional=(
        "accuracy.finite",
        "accuracy.predicted",
        "accuracy_difference",
        "inference_distance",
        "train_loss",
    ),
    observables={
        "inference_distance": "root mean square distance to the kernel of infinite width and the networks' depth over"
        " test points, outputs and networks, relative to the latter's size, by width; schemes trained (outputs less"
        " initial ones, which are trained on the targets, after kernel.steps steps; widths D/8 to D, twice as many of"
        " the narrower ones), posterior mean, posterior variance (read-out alone trained; widths D to 16 D)",
        "learnt_time": "steps after which the kernel's training loss is that of a network, over the network's steps, a"
        " third of all, by width, mean over networks; scheme extrapolated: its inverse linear in 1/D, from D/2 and D",
        "accuracy.finite": "test accuracy of trained networks, less their initial outputs, by width (D/8 to D), mean"
        " over networks; column points: training points",
        "accuracy.predicted": "test accuracy of their kernel's prediction, with the standard error of a fraction of"
        " the test"
        " points",
        "accuracy.ensemble": "test accuracy of the mean output of the widest trained networks",
        "train_loss": "loss 1/(2n) sum |f - f_0 - target|^2 of the widest trained networks at the last step",
    },
)
