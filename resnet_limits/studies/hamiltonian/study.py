"""The study `hamiltonian`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .composed import claims as composed
from .energy import claims as energy
from .epdiff import claims as epdiff
from .exact import claims as exact
from .heun import claims as heun
from .landmarks import claims as landmarks
from .meanfield import claims as meanfield
from .nugget import claims as nugget
from .optimal import claims as optimal
from .rem import claims as rem
from .request import check
from .robustness import claims as robustness
from .scaling import claims as scaling
from .settings import Hamiltonian
from .sparsity import claims as sparsity
from .tracking import claims as tracking
from .trained import claims as trained
from .two_landmarks import claims as two_landmarks
from .warped import claims as warped

STUDY = Study(
    name="hamiltonian",
    title="trained networks whose decay grows with depth, and geodesics found by shooting",
    question="Are trained networks whose decay grows with depth geodesics?",
    equation="q_{s+1} = q_s + W_s a(q_s) + b_s minimising nu/2 L sum_s (|W_s|^2 + |b_s|^2) + loss(q_L)"
    "   ->   q' = dH/dP, P' = -dH/dq, H = 1/2 P^T Gamma(q, q) P, P(1) = -(1/nu) dloss/dq",
    settings=Hamiltonian,
    main_keys=(
        "depth",
        "width",
        "activation",
        "data",
        "hamiltonian.nu",
        "hamiltonian.loss",
        "hamiltonian.readout",
        "hamiltonian.kernel",
        "hamiltonian.points",
        "seed",
    ),
    groups=(
        trained.GROUP,
        energy.GROUP,
        heun.GROUP,
        scaling.GROUP,
        composed.GROUP,
        sparsity.GROUP,
        meanfield.GROUP,
        epdiff.GROUP,
        optimal.GROUP,
        rem.GROUP,
        landmarks.GROUP,
        exact.GROUP,
        two_landmarks.GROUP,
        tracking.GROUP,
        warped.GROUP,
        nugget.GROUP,
        robustness.GROUP,
    ),
    check=check,
    figures=("deformed_points",),
    unpaired="its networks are minimisers, which rl.minimise finds; rl.shoot shoots their limit",
)
