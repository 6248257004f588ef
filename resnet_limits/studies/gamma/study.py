"""The study `gamma`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .ablation import claims as ablation
from .inequalities import claims as inequalities
from .limit import claims as limit
from .real import claims as real
from .relu import claims as relu
from .request import check
from .settings import Gamma

STUDY = Study(
    name="gamma",
    title="minimisers of depth-regularised networks, and the variational problem that they approach",
    question="Do minimisers of depth-regularised networks converge to those of a variational problem?",
    equation="X_{k+1} = X_k + (1/n) sigma(K_k X_k + b_k), min (1/N) sum_s loss(W X_n + c, y_s)"
    " + a1 (n sum_k |K_k - K_{k-1}|^2 + t1 |K_0|^2) + a2 (the same of b) + a3 |W|^2 + a4 |c|^2"
    "   ->   X' = sigma(K X + b), min ... + a1 (int |K'|^2 dt + t1 |K(0)|^2) + ...",
    settings=Gamma,
    main_keys=(
        "depth",
        "width",
        "activation",
        "data",
        "gamma.alpha",
        "gamma.tau",
        "gamma.loss",
        "gamma.points",
        "minimiser.starts",
        "seed",
    ),
    groups=(
        limit.GROUP,
        inequalities.GROUP,
        ablation.GROUP,
        relu.GROUP,
        real.GROUP,
    ),
    check=check,
    figures=("minimisers",),
    unpaired="its networks are minimisers, which rl.minimise finds; rl.extremal solves their limit",
)
