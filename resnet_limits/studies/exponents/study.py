"""The study `exponents`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .critical import claims as critical
from .frontier import claims as frontier
from .ratio import claims as ratio
from .request import check, warnings
from .settings import Exponents
from .trained import claims as trained

STUDY = Study(
    name="exponents",
    title="networks with the factor L^-beta on a block, and which limit they have",
    question="Which limit does a network have, by the factor L^-beta on its blocks?",
    equation="h_{k+1} = h_k + L^-beta V phi(W h_k)   ->   identity, a differential equation, or explosion",
    settings=Exponents,
    main_keys=(
        "depth",
        "width",
        "replicas",
        "activation",
        "block",
        "init",
        "scaling.beta",
        "exponents.networks",
        "data",
        "seed",
    ),
    groups=(ratio.GROUP, critical.GROUP, frontier.GROUP, trained.GROUP),
    check=check,
    warnings=warnings,
    unpaired="its networks have several limits, one for each beta",
)
