"""`kernel.trained.*`: networks of finite width trained on mini-batches, all layers or i.i.d. ones fixed. Free of torch.

After the experiments of Peluchetti & Favaro on MNIST; digits unless `data` says otherwise.
"""

from __future__ import annotations

from ....claims.claim import VERDICTS_WITH_LARGE, Claim, Expected, Rival
from ....papers import PELUCHETTI
from ....settings.training import LOSS_OF_NETWORKS
from ...group import Depths, Group
from ...least import BYTES_OF_SINGLE, bytes_of_points
from ...outside import unlabelled
from ..outside import VERDICTS_OF_DEPTH_ORDERS
from ..settings import Kernel

WORDS_OF_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}
WORDS_OF_TRAINED_LAYERS = {
    "all": "all parameters are trained",
    "fixed": "read-in and read-out alone, the i.i.d. layers stay",
}


RIVAL_UNSCALED_LAYERS = "layers that do not shrink with the depth"
RIVAL_REPEATED_LAYERS = "all layers have the weights of the first"


def _gain(optimizer: str, tolerance: float, rival: float) -> Claim:
    return Claim(
        id=f"kernel.trained.{optimizer}",
        source=PELUCHETTI,
        statement=f"Networks trained by {WORDS_OF_OPTIMIZERS[optimizer]} are at least as accurate as linear"
        f" ridge regression",
        kind="observation",
        observable="accuracy_gain",
        expected=Expected("at_least", 0, tolerance, scale="accuracy"),
        where={"optimizer": optimizer, "layers": "all"},
        pins={"dtype": "float32"},
        outside=unlabelled,
        random=True,
        verdicts=VERDICTS_WITH_LARGE,
        rival=Rival(RIVAL_UNSCALED_LAYERS, "K31-unscaled-layers", rival),
    )


def _depth(optimizer: str, tolerance: float, rival: float) -> Claim:
    return Claim(
        id=f"kernel.trained.depth.{optimizer}",
        source=PELUCHETTI,
        statement=f"With fixed i.i.d. layers, test accuracy after training by {WORDS_OF_OPTIMIZERS[optimizer]}"
        f" does not fall"
        " with L",
        kind="observation",
        observable="accuracy_change",
        expected=Expected("at_least", 0, tolerance, scale="accuracy"),
        where={"optimizer": optimizer, "layers": "fixed"},
        pins={"dtype": "float32"},
        outside=unlabelled,
        random=True,
        needs="at least two depths",
        verdicts=VERDICTS_OF_DEPTH_ORDERS,
        rival=Rival(RIVAL_REPEATED_LAYERS, "K32-repeated-layers", rival),
    )


def least_of_mini_batches(settings: Kernel) -> float:
    """Parameters of the layers with their gradients and, under adam, two running means of each."""
    keys = settings.kernel.mini_batch
    return bytes_of_points(settings) + 4 * BYTES_OF_SINGLE * keys.networks * settings.depth * keys.width**2


GROUP = Group(
    name="trained",
    title="How accurate are finite networks trained on mini-batches, and does depth hurt?",
    loss=LOSS_OF_NETWORKS,
    seconds=30,
    least=least_of_mini_batches,
    depths=Depths(high=64),
    claims=(
        _gain("sgd", 0.02, -0.1013),
        _gain("adam", 0.03, -0.1031),
        _depth("sgd", 0.018, -0.05758),
        _depth("adam", 0.03, -0.09886),
    ),
    compared=tuple(f"kernel.trained.depth.{optimizer}" for optimizer in WORDS_OF_OPTIMIZERS),
    memory=("kernel.mini_batch.width", "kernel.mini_batch.networks", "depth", "kernel.mini_batch.points"),
    conditional=(
        "accuracy.kernel",
        "accuracy.linear",
        "accuracy.trained",
        "accuracy_change",
        "accuracy_gain",
    ),
    observables={
        "accuracy.trained": "test accuracy of networks of width kernel.mini_batch.width trained on mini-batches, mean"
        f" over networks; columns optimizer ({', '.join(WORDS_OF_OPTIMIZERS)}) and layers ("
        + "; ".join(f"{name}: {words}" for name, words in WORDS_OF_TRAINED_LAYERS.items())
        + ")",
        "accuracy.linear": "test accuracy of linear ridge regression on the same training points, with kernel.ridge",
        "accuracy.kernel": "test accuracy of regression on the same training points with the tangent kernel of"
        " infinite width"
        " and depth, with kernel.ridge",
        "accuracy_gain": "accuracy.trained less accuracy.linear, on the same test points (paired)",
        "accuracy_change": "accuracy.trained of the deepest networks less that of the shallowest",
    },
)
