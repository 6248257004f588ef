"""The study `sde`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from functools import partial

from ..study import Study
from .backward import claims as backward
from .convolutional import claims as convolutional
from .correlation import claims as correlation
from .deep import claims as deep
from .explosion import claims as explosion
from .functions import claims as functions
from .law import claims as law
from .matrix_normal import claims as matrix_normal
from .prenorm import claims as prenorm
from .request import check, warnings
from .settings import Sde
from .strong import claims as strong
from .weak import claims as weak

GROUPS_OF_SDE = (
    strong.GROUP,
    weak.GROUP,
    law.GROUP,
    matrix_normal.GROUP,
    correlation.GROUP,
    backward.GROUP,
    functions.GROUP,
    deep.GROUP,
    prenorm.GROUP,
    convolutional.GROUP,
    explosion.GROUP,
)

STUDY = Study(
    name="sde",
    title="networks with random weights of size sqrt(T/L), and the diffusions that they approach",
    question="Do deep networks with random weights of size sqrt(T/L) approach a diffusion?",
    equation="x_{k+1} = x_k + phi(W_k psi(x_k) + b_k), W_k ~ N(0, sigma_w^2 h/D), b_k ~ N(0, sigma_b^2 h), h = T/L"
    "   ->   dx = phi''(0)/2 v(x) dt + phi'(0) (dW psi(x) + db), v = sigma_b^2 + sigma_w^2 |psi(x)|^2/D",
    settings=Sde,
    main_keys=(
        "depth",
        "width",
        "horizon",
        "replicas",
        "activation",
        "activation_inside",
        "init",
        "data",
        "sde.inputs",
        "seed",
    ),
    groups=GROUPS_OF_SDE,
    check=partial(check, groups=GROUPS_OF_SDE),
    figures=("function_draws", "correlation_by_layer"),
    warnings=warnings,
)
