"""`kernel.trained.*`: networks of finite width, trained on mini-batches as in practice, beside kernel and linear ridge.

    x_0 = A z/sqrt(d_in),   x_{k+1} = x_k + phi(sqrt(h) (sigma_w/sqrt(D) W_k x_k + sigma_b b_k)),   y = V x_L/sqrt(D)

with the cross-entropy (of targets: half the mean square), by SGD and by Adam; all of `A, W, b, V` are trained, or `A`
and `V` alone, the layers staying as they were drawn. All parameters begin as N(0, 1), sizes stand outside: the rate of
SGD needs no change with depth, that of Adam, whose steps do not shrink with the gradient, is `1/sqrt(L)` on the layers.

All in float32, whatever `dtype` says.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .... import device
from ....data.dataset import Dataset
from ....inference import features
from ....inference.filters import ridge
from ....inference.linear import linear_ridge
from ....inference.targets import one_hot
from ....measurement.estimate import difference, fraction, mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.blocks import field
from ....networks.blocks.one import OneBlock
from ....networks.classifier import kinds_of_parameters, trunk_of
from ....networks.parametrisation import NTK
from ....networks.steps import STEPS
from ....random import Stream
from ....settings.training import Train
from ....training.loop import evaluated, train
from ....training.trained import Parameters
from ..kernels import limit_exists, limit_kernel
from ..outside import sizes_of_law
from ..problem import standardised_dataset
from ..settings import Kernel
from .claims import WORDS_OF_OPTIMIZERS, WORDS_OF_TRAINED_LAYERS

DTYPE_OF_TRAINING = torch.float32
PINS_OF_SINGLE_PRECISION = {"dtype": "float32"}


def measure(job: Job) -> Measurement:
    """Test accuracies of networks of this depth, of linear ridge regression and of their kernel; paired differences."""
    settings, data = job.settings, points_of_mini_batches(job.settings)
    if not data.is_classification:
        return Measurement()
    linear = of_linear_ridge(settings, data)
    records = [Record("accuracy.linear", *fraction(linear), coordinates={"points": len(data.x_train)})]
    if (of_kernel := of_the_kernel(settings, data)) is not None:
        records.append(Record("accuracy.kernel", *fraction(of_kernel), coordinates={"points": len(data.x_train)}))
    runs = [(optimizer, layers) for optimizer in WORDS_OF_OPTIMIZERS for layers in WORDS_OF_TRAINED_LAYERS]
    for i, (optimizer, layers) in enumerate(runs):
        part = job.part(f"{optimizer}-{layers}")

        def progress(done: float, message: str, i: int = i, which: str = f"{optimizer}, {layers} layers") -> None:
            job.progress((i + done) / len(runs), f"{which}: {message}")

        part.progress = progress
        right = of_networks(part, data, optimizer, layers)
        where = {"optimizer": optimizer, "layers": layers, **PINS_OF_SINGLE_PRECISION}
        records.append(Record("accuracy.trained", *mean(right.mean(dim=1)), coordinates=where, replicas=len(right)))
        gain = difference(right.mean(dim=0).numpy(), linear)
        records.append(Record("accuracy_gain", *gain, coordinates=where, replicas=len(linear)))
    return Measurement(records)


def points_of_mini_batches(settings: Kernel) -> Dataset:
    """The first `kernel.mini_batch.points` training points, and all test points."""
    data, n = standardised_dataset(settings), settings.kernel.mini_batch.points
    return replace(data, x_train=data.x_train[:n], y_train=data.y_train[:n])


def of_networks(job: Job, data: Dataset, optimizer: str, layers: str) -> Float[Tensor, "r n"]:
    """1 for each test point whose class a trained network finds, else 0."""
    settings: Kernel = job.settings
    keys, depth = settings.kernel.mini_batch, settings.depth
    data = data.to(device.resolve(settings.device), DTYPE_OF_TRAINING)
    block = field(OneBlock(), settings.activation, keys.width)
    start = drawn_parameters(settings, data)
    fixed = {name: w for name, w in start.items() if layers == "fixed" and name.startswith("trunk.")}

    def parametrised(parameters: Parameters) -> Parameters:
        return sized(settings, {**parameters, **fixed})

    trained = train(
        block,
        {name: w for name, w in start.items() if name not in fixed},
        data,
        recipe(settings, optimizer, len(data.x_train)),
        depth=depth,
        h=NTK.block_factor(depth, settings.horizon),
        seed=settings.seed,
        progress=job.progress,
        parametrisation=NTK,
        checkpoints=job.checkpoints,
        explosion="record",
        sink=job.sink,
        parametrised=parametrised,
    )
    network = parametrised({name: w.detach() for name, w in trained.parameters.items()})
    scores = evaluated(block, STEPS["euler"], network, data.x_test, NTK.block_factor(depth, settings.horizon))
    return (scores.argmax(dim=2) == data.y_test).double().cpu()


def recipe(settings: Kernel, optimizer: str, points: int) -> Train:
    """How networks are trained."""
    keys = settings.kernel.mini_batch
    return Train(
        epochs=keys.epochs,
        batch_size=min(keys.batch_size, points),
        optimizer=optimizer,
        lr=getattr(keys, optimizer),
        lr_exponent={"sgd": 0.0, "adam": -0.5}[optimizer],
        schedule="cosine",
    )


def drawn_parameters(settings: Kernel, data: Dataset) -> dict[str, Tensor]:
    """Parameters at the start, all N(0, 1); those of a layer are the same for all optimisers."""
    keys, scales = settings.kernel.mini_batch, NTK.at()
    block = field(OneBlock(), settings.activation, keys.width)
    kind = kinds_of_parameters(block)

    def one(name: str, *shape: int, layer: int = 0) -> Tensor:
        stream = Stream(settings.seed, f"kernel.trained {name}").at(layer)
        where = {"dtype": DTYPE_OF_TRAINING, "device": device.resolve(settings.device)}
        return scales.start(kind[name], shape, stream, replicas=keys.networks, **where)

    trunk = {
        f"trunk.{name}": torch.stack([one(f"trunk.{name}", *shape, layer=k) for k in range(settings.depth)], dim=1)
        for name, shape in block.shapes.items()
    }
    ends = {"read_in.W": (keys.width, data.features), "read_out.W": (data.outputs, keys.width)}
    return {**trunk, **{name: one(name, *shape) for name, shape in ends.items()}}


def sized(settings: Kernel, parameters: Parameters) -> Parameters:
    """The network's own: sizes multiplied, read-in and read-out without a bias."""
    init, width = sizes_of_law(settings), settings.kernel.mini_batch.width
    scales = NTK.at(depth=settings.depth, width=width, horizon=settings.horizon)
    A, V = parameters["read_in.W"], parameters["read_out.W"]
    trunk = trunk_of(parameters)
    return {
        "read_in.W": scales.multiplied("read_in", A, fan_in=A.shape[-1]),
        "read_in.b": A.new_zeros(A.shape[:2]),
        "trunk.W": scales.multiplied("block_last", trunk["W"], fan_in=width, sigma=init.sigma_w),
        "trunk.b": scales.multiplied("block_bias", trunk["b"], sigma=init.sigma_b),
        "read_out.W": scales.multiplied("read_out", V, fan_in=width),
        "read_out.b": V.new_zeros(V.shape[:2]),
    }


def of_linear_ridge(settings: Kernel, data: Dataset) -> np.ndarray:
    """1 for each test point whose class ridge regression on the inputs finds, by the kernel `1 + <z, z'>/d`."""
    y = one_hot(data.y_train, data.classes)
    scores = linear_ridge(1.0, 1.0, data.x_train, y, data.x_test, settings.kernel.ridge)
    return (scores.argmax(dim=1) == data.y_test).double().numpy()


def of_the_kernel(settings: Kernel, data: Dataset) -> np.ndarray | None:
    """The same of regression with the tangent kernel of infinite width and depth; None where there is none."""
    if not limit_exists(settings, data)[0]:
        return None
    largest = max(float(x.double().square().mean(dim=1).max()) for x in (data.x_train, data.x_test))
    kernel = limit_kernel(settings, "ntk", largest)
    regression = features.fit(kernel.features, data.x_train, one_hot(data.y_train, data.classes))
    scores = regression.mean(data.x_test, ridge(settings.kernel.ridge))
    return (scores.argmax(dim=1) == data.y_test).double().numpy()
