"""`ode.trained`: trained weights from a tied start, as functions of time. Free of torch."""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Rival
from ....papers import MARION_REGULARISATION
from ....settings.training import LOSS_OF_NETWORKS
from ...group import Group
from ..outside import as_the_theory_asks, not_trained
from ..room import least_of_trained

PINS_OF_TRAINED = {"block": "two", "init": "tied"}

GROUP = Group(
    name="trained",
    title="Do trained weights become a smooth function of depth if all layers start alike?",
    loss=LOSS_OF_NETWORKS,
    seconds=14,
    least=least_of_trained,
    memory=("train.replicas", "width", "depth", "train.memory", "train.batch_size"),
    uncompiled="steps of RK4",
    claims=(
        Claim(
            id="ode.trained",
            source=MARION_REGULARISATION,
            statement="Weight paths of networks trained from a tied start converge in depth at order 1",
            kind="theorem",
            observable="weight_difference",
            expected=Expected("order", 1, 0.1),
            where=PINS_OF_TRAINED,
            pins=PINS_OF_TRAINED,
            outside=as_the_theory_asks,
            unmet=not_trained("tied"),
            needs="pairs of depths L and 2L",
            rival=Rival("every layer starts from a draw of its own", "O22-tied-independent", 0.6475),
        ),
    ),
    conditional=(
        "gradient_norm",
        "test_accuracy",
        "test_loss",
        "train_loss",
    ),
    observables={
        "train_loss": "loss: of the mini-batch, by step; of all training points at the end",
        "test_accuracy": "fraction of the test points classified correctly, by step (each epoch) and at the end",
        "movement": "root mean square over entries of theta_k less its start, the largest over the trained weights",
        "movement_increment": "root mean square over layers of the increments of theta_k less its start, relative to"
        " its size",
        "gradient_norm": "norm of the density L dJ/dtheta_k over the layers, by step",
        "test_loss": "loss on the test points, by step (each epoch) and at the end",
        "roughness": "L sum_k |theta_{k+1} - theta_k|^2 of the trained weights, by step (each epoch) and at the end",
        "largest_increment": "largest root mean square of theta_{k+1} - theta_k of the trained weights, by step"
        " (each epoch)"
        " and at the end",
        "increment": "root mean square of theta_{k+1} - theta_k of the trained weights, by layer",
        "interpolated_error": "relative distance of test logits to the neural ODE of the interpolated weights; order 1",
        "weight_difference": "largest distance over time of the trained weights at depths L and 2L, divided by their"
        " movement",
        "weight_error": "largest distance over time of the trained weights to their Richardson limit, by their"
        " movement, where depths double",
        "output_difference": "relative root mean square difference of the test logits at depths L and 2L",
    },
    arrays={
        "trained.V": "trained weights V (train.replicas, depth, width, hidden)",
        "trained.W": "trained weights W (train.replicas, depth, hidden, width)",
        "trained.b": "trained biases b (train.replicas, depth, hidden)",
        "trained.logits": "logits of the test points (train.replicas, points, classes)",
    },
    compared=("ode.trained",),
)
