"""Every key that a user may set: meaning, default and range, one dataclass a study.

This is the schema of the Hydra configuration (`configs/` holds the values) and the settings of the
Python interface: `rl.Ode(depth=64, init=rl.Rough(hurst=0.3))`. The file imports neither torch nor
Hydra, so that help, completion and a mistyped key answer at once.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .errors import SettingError, one_of

ACTIVATIONS = ("tanh", "swish", "relu", "gelu", "identity")
KINKED = frozenset({"relu"})
"""Activations without continuous derivatives: outside the theorems that need them."""
FIGURES = (
    "implicit_regularisation",
    "function_draws",
    "correlation_by_layer",
    "width_and_depth",
    "kernel_regression",
    "deformed_points",
    "minimisers",
    "deformed_grid",
    "folding",
)
"""Named figures of papers: `configs/figure/NAME.yaml` says what is run, `figures/named.py` what is drawn."""


def key(
    default: Any,
    meaning: str,
    *,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    pattern: str = "",
    content: bool = True,
) -> Any:
    """One key: its default, meaning and range.

    `low <= value <= high`, `above < value < below`; a word, or each of a list of words, is one of `choices` and
    matches `pattern`. A key with `content=False` does not change what a
    job records: jobs that differ only in such keys are the same job.
    """
    metadata = dict(meaning=meaning, choices=choices, low=low, high=high, above=above, below=below)
    metadata |= {"pattern": pattern, "content": content}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def _name(name: str, meaning: str, *, content: bool = True) -> Any:
    return key(name, meaning, choices=(name,), content=content)


# -- laws of the weights over depth ---------------------------------------------------------------


@dataclass
class Init:
    """A law of the weights over depth."""

    name: str


@dataclass
class Random(Init):
    """A law with weights of variance `sigma_w^2 / fan_in` and biases of variance `sigma_b^2` at every time."""

    sigma_w: float = key(1.0, "size of the weights: entries have variance sigma_w^2 / fan-in", low=0, high=100)
    sigma_b: float = key(0.5, "size of the biases: entries have variance sigma_b^2", low=0, high=100)


@dataclass
class Iid(Random):
    """Independent from layer to layer."""

    name: str = _name("iid", "independent from layer to layer")


@dataclass
class MatrixNormal(Random):
    """Independent from layer to layer; inside a layer a mean, and rows and columns that are correlated.

    `W` has mean `mean_w h` on the diagonal and `Cov(W_ij, W_kl) = U_ik V_jl h`, `U_ik = rows^|i-k|`,
    `V_jl = sigma_w^2 columns^|j-l| / D`; `b` has mean `mean_b h` and covariance `S h`, `S = sigma_b^2 U`.
    """

    name: str = _name("matrix_normal", "independent from layer to layer, with a mean and correlated entries")
    mean_w: float = key(0.0, "mean of the weights, per unit of time: mean_w times the identity", low=-100, high=100)
    mean_b: float = key(0.0, "mean of the biases, per unit of time", low=-100, high=100)
    rows: float = key(0.5, "correlation of entries in neighbouring rows (outputs)", above=-1, below=1)
    columns: float = key(0.5, "correlation of entries in neighbouring columns (inputs)", above=-1, below=1)


@dataclass
class Smooth(Random):
    """A Gaussian process in time with covariance `exp(-(t - s)^2 / (2 correlation^2))`."""

    name: str = _name("smooth", "a smooth Gaussian process in time")
    correlation: float = key(0.5, "correlation length of the weights, in units of time", low=0.01, high=1000)


@dataclass
class Rough(Random):
    """Values of a fractional Brownian path: O(1), continuous, Hoelder of every order below `hurst`."""

    name: str = _name("rough", "values of a fractional Brownian path")
    hurst: float = key(0.25, "Hurst index of the fractional Brownian path", above=0, below=1)


@dataclass
class Fractional(Random):
    """Increments of a fractional Brownian path over the blocks, scaled to unit variance."""

    name: str = _name("fractional", "increments of a fractional Brownian path, of unit variance")
    hurst: float = key(0.25, "Hurst index of the fractional Brownian path", above=0, below=1)


@dataclass
class Tied(Random):
    """One draw, the same in every layer."""

    name: str = _name("tied", "one draw, the same in every layer")


@dataclass
class Zero(Init):
    """All weights and biases zero."""

    name: str = _name("zero", "all weights and biases zero")


# -- blocks ---------------------------------------------------------------------------------------


@dataclass
class Block:
    """The vector field `f(x, theta)` of one layer."""

    name: str


@dataclass
class One(Block):
    """`phi(W x + b)`."""

    name: str = _name("one", "phi(W x + b)")


@dataclass
class Outside(Block):
    """`W phi(x) + b`."""

    name: str = _name("outside", "W phi(x) + b")


@dataclass
class Two(Block):
    """`V phi(W x + b)`."""

    name: str = _name("two", "V phi(W x + b)")
    hidden: int = key(32, "width inside the block: rows of W, columns of V", low=1, high=65536)


# -- data -----------------------------------------------------------------------------------------


@dataclass
class Data:
    """A data set; points are standardised and embedded to `width`."""

    name: str
    train_size: Optional[int] = key(None, "number of training points; null: all", low=1, high=10**7)
    test_size: Optional[int] = key(None, "number of test points; null: all that are left", low=1, high=10**7)
    digest: Optional[str] = key(
        None, "identity of the data, found at planning; given: data that differ are refused", pattern=r"[\w-]+"
    )


@dataclass
class Digits(Data):
    """scikit-learn's bundled 8x8 digits: 1797 images, 10 classes."""

    name: str = _name("digits", "scikit-learn's 8x8 images of digits, 1797 images, 10 classes")
    train_size: Optional[int] = key(1400, "number of training points; null: all", low=1, high=10**7)


@dataclass
class Plane(Data):
    """Two classes of points in the plane."""

    train_size: Optional[int] = key(1000, "number of training points", low=1, high=10**7)
    test_size: Optional[int] = key(500, "number of test points", low=1, high=10**7)
    noise: float = key(0.1, "standard deviation of the noise added to each coordinate", low=0, high=10)


@dataclass
class Moons(Plane):
    """Two interleaved half circles."""

    name: str = _name("moons", "two interleaved half circles in the plane")


@dataclass
class Circles(Plane):
    """Two concentric circles."""

    name: str = _name("circles", "two concentric circles in the plane")


@dataclass
class Spirals(Plane):
    """Two interleaved spirals."""

    name: str = _name("spirals", "two interleaved spirals in the plane")


@dataclass
class Gaussian(Data):
    """Regression pairs: standard Gaussian points, targets of a fixed random smooth teacher, plus noise."""

    name: str = _name("gaussian", "regression: standard Gaussian points, targets B tanh(A x) + noise, A and B random")
    train_size: Optional[int] = key(1000, "number of training points", low=1, high=10**7)
    test_size: Optional[int] = key(500, "number of test points", low=1, high=10**7)
    features: int = key(8, "dimension of the points before the embedding", low=1, high=65536)
    outputs: int = key(1, "dimension of the targets", low=1, high=65536)
    noise: float = key(0.1, "standard deviation of the noise added to each target", low=0, high=10)


@dataclass
class Images(Data):
    """Images in files, with a test set of their own."""

    test_size: Optional[int] = key(None, "number of test points; null: all", low=1, high=10**7)
    root: Optional[str] = key(
        None, "folder of the data sets; null: $RESLIM_DATA, else the user cache folder", content=False
    )


@dataclass
class Mnist(Images):
    """MNIST: 60000 + 10000 images of 28x28, 10 classes."""

    name: str = _name("mnist", "MNIST, 60000 + 10000 grey 28x28 images of digits, 10 classes")


@dataclass
class FashionMnist(Images):
    """Fashion-MNIST: 60000 + 10000 images of 28x28, 10 classes."""

    name: str = _name("fashion_mnist", "Fashion-MNIST, 60000 + 10000 grey 28x28 images of clothes, 10 classes")


@dataclass
class Cifar10(Images):
    """CIFAR-10: 50000 + 10000 colour images of 32x32, 10 classes."""

    name: str = _name("cifar10", "CIFAR-10, 50000 + 10000 colour 32x32 images, 10 classes")


@dataclass
class ImageFolder(Images):
    """A folder of images of your own: train/ and test/, with one folder a class in each."""

    name: str = _name("image_folder", "a folder of your own: train/ and test/ with one folder of images a class")
    folder: str = key("images", "the folder that holds train/ and test/, relative to data.root")
    size: int = key(32, "images are resized to this many pixels a side", low=1, high=4096)
    grey: bool = key(False, "one channel of brightness in place of three of colour")


# -- training -------------------------------------------------------------------------------------


@dataclass
class Train:
    """How networks are trained."""

    epochs: int = key(3, "passes over the training points", low=1, high=10**6)
    batch_size: int = key(140, "points a mini-batch", low=1, high=10**7)
    optimizer: str = key("sgd", "sgd, adam or adamw, as torch has them", choices=("sgd", "adam", "adamw"))
    lr: float = key(0.5, "learning rate; of the layer weights: times depth^lr_exponent", above=0, high=1e6)
    lr_exponent: Optional[float] = key(
        None,
        "learning rate of the layer weights ~ depth^lr_exponent; null: as theory asks, 1 for sgd, 0 for adam and adamw",
        low=-10,
        high=10,
    )
    momentum: float = key(0.0, "momentum of sgd", low=0, below=1)
    weight_decay: float = key(0.0, "decay of all parameters; of adamw decoupled from the gradient", low=0, high=1e6)
    schedule: str = key("constant", "learning rate over the steps", choices=("constant", "cosine"))
    replicas: int = key(4, "networks trained side by side in one job", low=1, high=10**5)
    memory: float = key(
        256.0,
        "MB of activations to keep for the backward pass; what does not fit is computed twice, with the same result",
        low=0,
        high=1e9,
        content=False,
    )
    checkpoint_seconds: float = key(30.0, "seconds from one checkpoint to the next", low=0, high=1e6, content=False)

    def __post_init__(self) -> None:
        if self.momentum and self.optimizer in ("adam", "adamw"):
            raise SettingError(f"train.momentum={self.momentum}: only train.optimizer=sgd has a momentum of this name")


@dataclass
class Minimiser:
    """How minimisers of regularised problems are found: `training/minimiser.py`."""

    starts: int = key(
        1, "starts of the minimisation; where their minima differ it is said, never averaged", low=1, high=1000
    )
    tolerance: float = key(
        1e-10, "gradient norm times size of the point by value, at which it is reached", above=0, high=1
    )
    iterations: int = key(200, "iterations at most, of L-BFGS and of Newton's method each", low=1, high=10**6)


# -- where jobs run -------------------------------------------------------------------------------

SINKS = ("tensorboard", "wandb")
"""Programs that show numbers while jobs run: `sinks/NAME.py`."""


@dataclass
class Cluster:
    """Where jobs run; no content of a job."""

    name: str


@dataclass
class Workstation(Cluster):
    """This machine, with the launcher `hydra/launcher` (basic: one job after another)."""

    name: str = _name("workstation", "this machine; hydra/launcher says how", content=False)


SLURM_NAME = r"[\w.,:@+-]+"


@dataclass
class Slurm(Cluster):
    """SLURM: the jobs of a sweep are an array, each a task of its own."""

    name: str = _name("slurm", "an array of SLURM jobs", content=False)
    time: int = key(60, "minutes a job may take before it is requeued to go on", low=1, high=10**6, content=False)
    memory: Optional[int] = key(
        4, "GB of memory a job; null: the partition's default", low=1, high=10**6, content=False
    )
    gpus: Optional[int] = key(None, "GPUs a job; null: none", low=1, high=64, content=False)
    partition: Optional[str] = key(None, "partition; null: the cluster's default", pattern=SLURM_NAME, content=False)
    account: Optional[str] = key(None, "account that is charged; null: yours", pattern=SLURM_NAME, content=False)
    parallel: int = key(64, "jobs of the array that run at a time", low=1, high=10**5, content=False)
    warning: int = key(
        120, "seconds before the time is up at which a job is told to save its state", low=5, high=3600, content=False
    )
    requeues: int = key(
        100,
        "times that a job goes on after its time was up (after a pre-emption always)",
        low=0,
        high=10**6,
        content=False,
    )

    def __post_init__(self) -> None:
        if self.warning > 30 * self.time > 0:  # what is no time at all is refused as such
            raise SettingError(
                f"cluster.warning={self.warning}: a job has {self.time} min, and is to be told at most half of them"
                f" before: at most {30 * self.time} s"
            )


# -- studies --------------------------------------------------------------------------------------


@dataclass
class Settings:
    """The keys that every study has."""

    study: str
    depth: int = key(64, "number of residual blocks L", low=1, high=10**6)
    width: int = key(16, "dimension D of the state", low=1, high=65536)
    horizon: float = key(1.0, "final time T; a block is a step of T/L", above=0, high=1000)
    replicas: int = key(256, "independent repetitions inside a job", low=1, high=10**6)
    seed: int = key(0, "every random number is a function of it", low=0, high=2**63 - 1)
    dtype: str = key("float64", "floating-point format", choices=("float32", "float64"))
    claims: Optional[list[str]] = key(None, "judge and measure only these claims (or those that begin so); null: all")
    preset: str = key("full", "size of the study", choices=("full", "smoke"))
    figure: Optional[str] = key(
        None, "a figure of a paper: sets study, keys and what is drawn", choices=FIGURES, content=False
    )
    device: str = key("auto", "auto, cpu, cuda or cuda:N", content=False)
    threads: int = key(1, "CPU threads a job", low=1, high=1024, content=False)
    cluster: Cluster = key(Workstation, "where jobs run")
    sinks: Optional[list[str]] = key(
        None,
        "programs that show numbers while jobs run, such as [tensorboard]; null: none",
        choices=SINKS,
        content=False,
    )
    outputs: Optional[str] = key(None, "where runs live; null: $RESLIM_OUTPUTS, else ./outputs", content=False)


@dataclass
class OdeKeys:
    """The keys that only the study `ode` has."""

    inputs: int = key(16, "training points that are followed through the networks of given weights", low=1, high=10**5)
    draws: int = key(64, "draws of the start whose trained networks are compared (ode.random_start)", low=1, high=10**5)
    paths: int = key(
        8, "smooth weight paths drawn side by side; errors are root mean squares over them", low=1, high=10**5
    )


@dataclass
class Ode(Settings):
    """Settings of the study `ode`: networks with given and with trained weights against the neural ODE."""

    study: str = _name("ode", "the study")
    activation: str = key("tanh", "activation phi", choices=ACTIVATIONS)
    block: Block = key(One, "vector field of a layer")
    init: Init = key(Smooth, "law of the weights over depth")
    data: Data = key(Digits, "data set")
    train: Train = key(Train, "training")
    ode: OdeKeys = key(OdeKeys, "keys of this study")


@dataclass
class SdeKeys:
    """The keys that only the study `sde` has."""

    inputs: int = key(2, "inputs that share the weights of a network", low=1, high=10**4)
    norm: float = key(1.0, "with data=gaussian: |x|^2 / width of each input", above=0, high=1e6)
    correlation: float = key(0.5, "with data=gaussian: cosine of the angle between any two inputs", low=-1, high=1)
    threshold: float = key(
        1e6, "with sde.explosion: |x|^2 / width from which a network counts as exploded", above=1, high=1e100
    )


@dataclass
class Sde(Settings):
    """Settings of the study `sde`: networks with random weights of size sqrt(h), and diffusions."""

    study: str = _name("sde", "the study")
    activation: str = key("tanh", "activation phi outside the affine map", choices=ACTIVATIONS)
    activation_inside: str = key("identity", "activation psi inside the affine map", choices=ACTIVATIONS)
    init: Init = key(lambda: Iid(sigma_w=0.5, sigma_b=0.5), "law of the weights of a layer")
    replicas: int = key(1024, "networks sampled side by side", low=2, high=10**8)
    data: Data = key(Gaussian, "data set that the inputs are taken from; gaussian: of given norms and angles")
    sde: SdeKeys = key(SdeKeys, "keys of this study")


@dataclass
class KernelKeys:
    """The keys that only the study `kernel` has."""

    inputs: int = key(4, "training points whose kernel entries are held against finite networks", low=2, high=256)
    read_in: bool = key(True, "the read-in is trained too: its term in the tangent kernel")
    readout: bool = key(True, "the read-out is trained too: its term in the tangent kernel")
    ridge: float = key(
        0.1, "variance of the noise on the targets: what is added to the diagonal of a kernel", low=0, high=1e6
    )
    networks: int = key(20, "finite networks that are trained; of narrower ones twice as many", low=2, high=10**4)
    trained_depth: int = key(16, "depth of the trained networks, if the job is deeper", low=1, high=10**5)
    points: int = key(200, "training points of the trained networks", low=2, high=10**5)
    steps: int = key(50, "steps of gradient descent, full batch", low=1, high=10**6)
    rate: float = key(
        0.5, "step of gradient descent, in units of one over the largest eigenvalue of the kernel", above=0, below=2
    )
    deep_points: int = key(
        10000,
        "training points of the deep block's kernel, if there are more; beyond 20000 by conjugate gradients, minutes",
        low=2,
        high=60000,
    )


@dataclass
class Kernel(Settings):
    """Settings of the study `kernel`: width and depth infinite, Gaussian processes and tangent kernels."""

    study: str = _name("kernel", "the study")
    width: int = key(128, "largest width D of the finite networks; also D/8, D/4, D/2", low=8, high=65536)
    replicas: int = key(1024, "finite networks sampled at each width", low=2, high=10**6)
    preset: str = key("full", "size of the study", choices=("full", "smoke", "large"))
    activation: str = key("tanh", "activation phi outside the affine map", choices=ACTIVATIONS)
    init: Init = key(Iid, "law of the weights of a layer")
    data: Data = key(Digits, "data set")
    kernel: KernelKeys = key(KernelKeys, "keys of this study")


@dataclass
class HamiltonianKeys:
    """The keys that only the study `hamiltonian` has."""

    nu: float = key(0.03, "weight of the path energy against the loss", above=0, high=1e6)
    loss: str = key(
        "square",
        "loss of the scores at the end, a mean over the points",
        choices=("square", "logistic", "squared_hinge", "squared_insensitive"),
    )
    readout: str = key(
        "fixed",
        "scores: the last coordinates (fixed), an affine map (linear) or kernel ridge regression (ridge) of the state",
        choices=("fixed", "linear", "ridge"),
    )
    ridge: float = key(0.01, "penalty of a read-out that is trained", above=0, high=1e6)
    insensitive: float = key(0.5, "squared_insensitive: errors up to this cost nothing", above=0, high=1e6)
    kernel: str = key(
        "features",
        "kernel of a layer: features (a(x), 1) of the activation, or gaussian",
        choices=("features", "gaussian"),
    )
    length: float = key(1.0, "length scale of the Gaussian kernel", low=1e-3, high=1e3)
    integrator: str = key(
        "leapfrog", "integrator of the shooting", choices=("symplectic_euler", "leapfrog", "midpoint", "rk4")
    )
    steps: int = key(512, "steps of the shooting; half as many tell its error", low=8, high=10**5)
    points: int = key(100, "training points that the network moves", low=2, high=10**5)


@dataclass
class Hamiltonian(Settings):
    """Settings of the study `hamiltonian`: L2-regularised minimisers and geodesic shooting."""

    study: str = _name("hamiltonian", "the study")
    width: int = key(
        2, "dimension D of the state; points of a smaller dimension are padded with zeros", low=1, high=65536
    )
    replicas: int = key(40, "draws of the data in hamiltonian.meanfield", low=3, high=10**4)
    activation: str = key("tanh", "activation a, before the weights", choices=ACTIVATIONS)
    data: Data = key(Moons, "data set")
    minimiser: Minimiser = key(Minimiser, "minimisation")
    hamiltonian: HamiltonianKeys = key(HamiltonianKeys, "keys of this study")


@dataclass
class GammaKeys:
    """The keys that only the study `gamma` has. Penalties are per training point: the loss is a mean over points."""

    alpha: float = key(0.015, "penalty a1 of K: n sum_k |K_k - K_{k-1}|^2 + tau |K_0|^2", above=0, high=1e6)
    alpha_b: Optional[float] = key(None, "penalty a2 of b, likewise; null: as gamma.alpha", above=0, high=1e6)
    alpha_w: Optional[float] = key(None, "penalty a3 of the read-out W; null: as gamma.alpha", above=0, high=1e6)
    alpha_c: Optional[float] = key(None, "penalty a4 of the read-out c; null: as gamma.alpha", above=0, high=1e6)
    tau: float = key(1.0, "t1, what the penalty of K makes of |K_0|^2", above=0, high=1e6)
    tau_b: Optional[float] = key(
        None, "t2, what the penalty of b makes of |b_0|^2; null: as gamma.tau", above=0, high=1e6
    )
    loss: Optional[str] = key(
        None,
        "loss on the data set: cross_entropy of classes, square of targets or indicators; null: as suits the data",
        choices=("square", "cross_entropy"),
    )
    dimension: int = key(2, "dimension of the small problem whose limit is solved exactly", low=1, high=4)
    points: int = key(8, "points of the small problem", low=3, high=64)
    train_points: int = key(300, "training points of the data set that are met, if there are more", low=2, high=10**6)


@dataclass
class Gamma(Settings):
    """Settings of the study `gamma`: minimisers of depth-regularised networks, and their variational limit."""

    study: str = _name("gamma", "the study")
    replicas: int = key(8, "i.i.d. starts of the networks with other penalties (gamma.ablation)", low=1, high=10**4)
    activation: str = key("tanh", "activation sigma", choices=ACTIVATIONS)
    data: Data = key(Digits, "data set")
    gamma: GammaKeys = key(GammaKeys, "keys of this study")
    minimiser: Minimiser = key(Minimiser, "how minimisers are found")


@dataclass
class ImageKeys:
    """The keys of the convolutional networks of the study `flow`."""

    units: list[int] = key(lambda: [1, 3], "residual units a stage; a network for each", low=1, high=1000)
    channels: int = key(8, "channels of the first of three stages, even; twice as many in each next", low=1, high=4096)
    points: int = key(2000, "training images, and test images, if there are more", low=2, high=10**7)
    epochs: int = key(10, "passes over the training images", low=1, high=10**6)
    batch_size: int = key(100, "images a mini-batch", low=1, high=10**7)
    lr: float = key(0.1, "learning rate: sgd, momentum 0.9, cosine schedule", above=0, high=1e6)
    replicas: int = key(3, "networks trained for each number of units", low=1, high=10**4)


@dataclass
class FlowKeys:
    """The keys that only the study `flow` has."""

    inputs: int = key(32, "training points that are followed through the networks of given weights", low=1, high=10**5)
    paths: int = key(8, "weight paths drawn side by side; errors are root mean squares over them", low=1, high=10**5)
    points: int = key(256, "points at which Jacobians of blocks are taken", low=4, high=10**6)
    trained_depth: int = key(16, "depth of the trained networks, if the job is deeper", low=1, high=10**4)
    bound: float = key(0.9, "Lipschitz constant of a block that controls aim at, below 1", above=0, below=1)
    lipschitz_penalty: float = key(
        1.0, "weight of the Lipschitz penalty: mean over blocks of max(0, Lip(h v_k) - flow.bound)^2", above=0, high=1e6
    )
    inverse_penalty: float = key(
        1.0,
        "weight of the inverse-consistency penalty: mean over points of |phi_-v(phi_v(x)) - x|^2",
        above=0,
        high=1e6,
    )
    h1_penalty: float = key(
        1e-4, "weight of the H1 penalty: L sum_k |theta_k - theta_(k-1)|^2 + |theta_0|^2", above=0, high=1e6
    )
    images: ImageKeys = key(ImageKeys, "convolutional networks")


def _flow_training() -> Train:
    return Train(epochs=60, batch_size=100, optimizer="adam", lr=0.015, schedule="cosine", replicas=12)


@dataclass
class Flow(Settings):
    """Settings of the study `flow`: residual networks as flows of diffeomorphisms."""

    study: str = _name("flow", "the study")
    width: int = key(2, "dimension D of the state; images go through networks of their own", low=1, high=65536)
    replicas: int = key(256, "random networks whose blocks are searched for folds", low=3, high=10**6)
    preset: str = key("full", "size of the study", choices=("full", "smoke", "large"))
    activation: str = key("tanh", "activation phi", choices=ACTIVATIONS)
    block: Block = key(lambda: Two(hidden=16), "vector field of a layer")
    init: Init = key(Smooth, "law of the weights over depth; shared weights are measured beside it")
    data: Data = key(Spirals, "data set")
    train: Train = key(_flow_training, "training")
    flow: FlowKeys = key(FlowKeys, "keys of this study")


STUDIES: dict[str, type[Settings]] = {
    "ode": Ode,
    "sde": Sde,
    "kernel": Kernel,
    "hamiltonian": Hamiltonian,
    "gamma": Gamma,
    "flow": Flow,
}

CHOICES: dict[type, dict[str, type]] = {
    Init: {
        "smooth": Smooth,
        "iid": Iid,
        "rough": Rough,
        "fractional": Fractional,
        "tied": Tied,
        "zero": Zero,
        "matrix_normal": MatrixNormal,
    },
    Block: {"one": One, "outside": Outside, "two": Two},
    Data: {
        "digits": Digits,
        "mnist": Mnist,
        "fashion_mnist": FashionMnist,
        "cifar10": Cifar10,
        "image_folder": ImageFolder,
        "spirals": Spirals,
        "moons": Moons,
        "circles": Circles,
        "gaussian": Gaussian,
    },
    Cluster: {"workstation": Workstation, "slurm": Slurm},
}
"""The options of each group: the classes that may stand where the key's type is the base class."""


def options_of(group: str) -> dict[str, type]:
    """The options of the group of this name (`init`, `block`, ...); none where it is no group."""
    return next((options for base, options in CHOICES.items() if base.__name__.lower() == group), {})


# -- from a configuration, with checks ------------------------------------------------------------


def from_mapping(values: Mapping[str, Any]) -> Settings:
    """Settings from a plain mapping (a resolved configuration), every value checked.

    Raises `SettingError` for an unknown study or key, a wrong type, or a value out of range.
    """
    study = values.get("study")
    if study not in STUDIES:
        raise SettingError(f"unknown study {one_of(str(study), STUDIES)}")
    settings = _build(STUDIES[study], values, prefix="")
    check(settings)
    return settings


_types = functools.cache(typing.get_type_hints)  # evaluates texts, and is asked for every job of a sweep


def _build(cls: type, values: Any, prefix: str) -> Any:
    if not isinstance(values, Mapping):
        raise SettingError(f"{prefix.rstrip('.')}: expected keys and values, got {values!r}")
    types = _types(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    arguments = {}
    for name, value in values.items():
        if name not in names:
            raise SettingError(f"unknown key {one_of(prefix + str(name), [prefix + n for n in names])}")
        kind = types[name]
        if kind in CHOICES:
            options = CHOICES[kind]
            option = value.get("name") if isinstance(value, Mapping) else value
            if option not in options:
                raise SettingError(f"{prefix}{name}: unknown option {one_of(str(option), options)}")
            value = _build(options[option], value if isinstance(value, Mapping) else {}, f"{prefix}{name}.")
        elif dataclasses.is_dataclass(kind):
            value = _build(typing.cast(type, kind), value, f"{prefix}{name}.")
        arguments[name] = value
    return cls(**arguments)


def check(settings: Settings) -> None:
    """Check types, choices and ranges of all keys. Raises `SettingError` naming the key and what is allowed."""
    for entry in describe(settings):
        _check_value(entry.key, entry.value, entry.type, entry.field.metadata)


def _check_value(name: str, value: Any, kind: Any, rule: Mapping[str, Any]) -> None:
    optional = type(None) in typing.get_args(kind)
    if value is None and optional:
        return
    base = next(a for a in typing.get_args(kind) if a is not type(None)) if optional else kind
    if typing.get_origin(base) is list:
        (item,) = typing.get_args(base)
        _check_list(name, value, item, rule)
        return
    if base is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, base) or (isinstance(value, bool) and base is not bool):
        word = {int: "an integer", float: "a number", str: "a word", bool: "true or false"}[base]
        raise SettingError(f"{name}: expected {word}, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingError(f"{name}: expected a finite number, got {value}")
    if name == "device" and not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(value)):
        raise SettingError(f"device: expected auto, cpu, cuda or cuda:N, got '{value}'")
    if rule["choices"] and value not in rule["choices"]:
        raise SettingError(f"{name}: unknown value {one_of(str(value), rule['choices'])}")
    if rule["pattern"] and not re.fullmatch(rule["pattern"], str(value)):
        raise SettingError(f"{name}: expected a name, got {value!r}")
    if not in_range(value, rule):
        raise SettingError(f"{name}: expected {range_in_words(rule)}, got {value}")


def _check_list(name: str, values: Any, item: Any, rule: Mapping[str, Any]) -> None:
    """A list of names, or of different integers, each as the rule says."""
    if not isinstance(values, list) or not all(isinstance(v, item) and not isinstance(v, bool) for v in values):
        example = "names such as [a, b]" if item is str else "integers such as [1, 3]"
        raise SettingError(f"{name}: expected a list of {example}, got {values!r}")
    if item is int and (not values or len(set(values)) < len(values)):
        raise SettingError(f"{name}: expected one or more different integers, got {values!r}")
    for value in values:
        if rule["choices"] and value not in rule["choices"]:
            raise SettingError(f"{name}: unknown value {one_of(value, rule['choices'])}")
        if not in_range(value, rule):
            raise SettingError(f"{name}: expected {range_in_words(rule)}, got {value}")


def in_range(value: Any, rule: Mapping[str, Any]) -> bool:
    return (
        (rule["low"] is None or value >= rule["low"])
        and (rule["high"] is None or value <= rule["high"])
        and (rule["above"] is None or value > rule["above"])
        and (rule["below"] is None or value < rule["below"])
    )


def range_in_words(rule: Mapping[str, Any]) -> str:
    """`one of tanh, relu` or `at least 1 and at most 1000000`; empty where anything goes."""
    if rule["choices"]:
        return "one of " + ", ".join(rule["choices"])
    words = (("low", "at least"), ("above", "above"), ("high", "at most"), ("below", "below"))
    return " and ".join(f"{word} {rule[side]}" for side, word in words if rule[side] is not None)


@dataclass(frozen=True)
class Entry:
    """One leaf key of some settings: dotted name, value, type and the dataclass field with its metadata."""

    key: str
    value: Any
    type: Any
    field: dataclasses.Field


def describe(settings: Any, prefix: str = "") -> Iterator[Entry]:
    """The leaf keys of some settings, in the order in which they are declared."""
    types = _types(type(settings))
    for f in dataclasses.fields(settings):
        value = getattr(settings, f.name)
        if dataclasses.is_dataclass(value):
            yield from describe(value, f"{prefix}{f.name}.")
        elif f.name == "name" and prefix:  # the chosen option of a group goes by the group's own name
            yield Entry(prefix.rstrip("."), value, types[f.name], f)
        else:
            yield Entry(prefix + f.name, value, types[f.name], f)


def flat(settings: Settings) -> dict[str, Any]:
    """`{"depth": 64, "init": "smooth", "init.sigma_w": 1.0, ...}`."""
    return {entry.key: entry.value for entry in describe(settings)}


# -- content --------------------------------------------------------------------------------------


def content(settings: Settings) -> dict[str, Any]:
    """The keys that determine what a job records, flat."""
    return {e.key: e.value for e in describe(settings) if e.field.metadata.get("content", True)}


def digest(values: Mapping[str, Any]) -> str:
    """A short hash of plain values that does not depend on their order or on how a number was typed."""
    normal = {k: int(v) if isinstance(v, float) and v.is_integer() else v for k, v in values.items()}
    return hashlib.sha256(json.dumps(normal, sort_keys=True).encode()).hexdigest()[:10]


def job_name(settings: Settings) -> str:
    """`64-1f0c2a9d3b`: the depth and a short hash of the content."""
    return f"{settings.depth}-{digest(content(settings))}"
