"""The study `kernel`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .accuracy import claims as accuracy
from .diagram import claims as diagram
from .drift import claims as drift
from .entries import claims as entries
from .expressivity import claims as expressivity
from .inference import claims as inference
from .moments import claims as moments
from .request import check, warnings
from .settings import Kernel
from .tables import TABLES
from .trained import claims as trained

STUDY = Study(
    name="kernel",
    title="width and depth infinite: Gaussian processes, tangent kernels, and inference with them",
    question="Do the limits of width and depth commute, and what does inference with their kernels predict?",
    equation="x_0 = A z, x_{k+1} = x_k + phi(W_k x_k + b_k), y = V x_L/sqrt(D), W_k ~ N(0, sigma_w^2 h/D), h = T/L,"
    " width D and depth L -> infinity   ->   m' = phi''(0)/2 v, q' = (phi''(0) m + phi'(0)^2) v,"
    " v = sigma_b^2 + sigma_w^2 q, lambda' = phi''(0)/2 (m_1 v_2 + m_2 v_1) + phi'(0)^2 (sigma_b^2 + sigma_w^2 lambda)",
    settings=Kernel,
    main_keys=(
        "depth",
        "width",
        "replicas",
        "activation",
        "init",
        "data",
        "kernel.ridge",
        "kernel.networks",
        "kernel.steps",
        "seed",
    ),
    groups=(
        moments.GROUP,
        diagram.GROUP,
        drift.GROUP,
        entries.GROUP,
        expressivity.GROUP,
        accuracy.GROUP,
        inference.GROUP,
        trained.GROUP,
    ),
    check=check,
    figures=("width_and_depth", "kernel_regression"),
    warnings=warnings,
    two_way=TABLES,
)
