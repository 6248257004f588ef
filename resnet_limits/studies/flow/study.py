"""The study `flow`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from functools import partial

from ..study import Study
from .energy import claims as energy
from .folding import claims as folding
from .images import claims as images
from .inverse import claims as inverse
from .maps import claims as maps
from .request import check
from .settings import Flow
from .symplectic import claims as symplectic
from .trained import claims as trained

GROUPS_OF_FLOW = (
    maps.GROUP,
    inverse.GROUP,
    folding.GROUP,
    symplectic.GROUP,
    trained.GROUP,
    energy.GROUP,
    images.GROUP,
)

STUDY = Study(
    name="flow",
    title="residual networks as flows of diffeomorphisms: maps, inverses, folds, and what keeps from folding",
    question="Are residual networks flows of diffeomorphisms, and what keeps them from folding space?",
    equation="x_{k+1} = x_k + h v_k(x_k), h = T/L   ->   d phi/dt = v_t(phi); shared weights: phi = exp(v);"
    " Lip(h v) < 1: each block is a diffeomorphism, det D block >= (1 - Lip(h v))^D",
    settings=Flow,
    main_keys=(
        "depth",
        "width",
        "activation",
        "block",
        "init",
        "data",
        "train.epochs",
        "train.lr",
        "flow.bound",
        "seed",
    ),
    groups=GROUPS_OF_FLOW,
    check=partial(check, groups=GROUPS_OF_FLOW),
    figures=("folding", "deformed_grid"),
)
