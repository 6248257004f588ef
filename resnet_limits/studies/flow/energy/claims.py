"""`flow.energy`: the energy of paths through networks against that of geodesics with the same ends. Free of torch.

In the metric of a Gaussian kernel of fixed length a block costs `h |v|^2`, v the field of least norm that carries the
points as the block does (Joshi & Miller). That the least energy of L blocks tends to the geodesic's at order 1 is
derived: at a smooth path the sum over blocks and the integral differ by O(1/L), and both are stationary at their least.
"""

from __future__ import annotations

import math

from ....claims.claim import Claim, Expected, Rival
from ....papers import JOSHI, ROUSSEAU
from ...group import Depths, Group
from ...least import little
from ..outside import PINS_OF_ENERGY
from ..trained.claims import NEEDS_FINISHED_TRAINING, PINS_OF_TRAINED_FLOWS, not_learnt, roomy

GROUP = Group(
    name="energy",
    title="How near to geodesics are the paths along which trained networks move points?",
    seconds=7,
    shared=4,
    least=little,
    depths=Depths(high=128),
    claims=(
        Claim(
            id="flow.energy.geodesic",
            source=JOSHI,
            statement="The least energy of L blocks that carry points to given ends tends to the geodesic's at order 1",
            kind="derived",
            observable="geodesic_gap",
            expected=Expected("order", 1, 0.15),
            pins=PINS_OF_ENERGY,
            rival=Rival("Euclidean speeds in place of the kernel's", "F54-energy-euclidean", 5.551e-16),
        ),
        Claim(
            id="flow.energy.trained",
            source=ROUSSEAU,
            statement="Networks trained without a control take at least twice the least energy between the same ends",
            kind="observation",
            observable="energy_excess",
            expected=Expected("at_least", math.log(2), 0.2, scale="logarithm of a ratio of energies"),
            where={"control": "none", "weights": "free"},
            pins={**PINS_OF_TRAINED_FLOWS, **PINS_OF_ENERGY},
            outside=roomy,
            unmet=not_learnt("energy_accuracy"),
            random=True,
            needs=NEEDS_FINISHED_TRAINING,
            rival=Rival("the ratio of energies upside down", "F55-energy-ratio", -1.634),
        ),
    ),
    memory=("train.replicas", "train.batch_size", "width"),
    conditional=("energy_excess", "energy_unevenness"),
    observables={
        "geodesic_gap": "root mean square over pairs of ends of (E_L - 2 H)/2 H: E_L the least energy of L blocks, 2 H"
        " that of the Hamiltonian flow that ends there",
        "energy_excess": "mean over trained networks of log(E/E_least): E = L sum_k |v_k|^2, v_k the field of least"
        " norm that carries the points as block k does, E_least the least found with the same blocks and ends, a"
        " bound from above; columns control and weights as for accuracy",
        "energy_accuracy": "test accuracy of the trained networks whose paths these are",
        "energy_unevenness": "mean over trained networks of log(E / (sum_k |v_k|)^2), 0 at constant speed, as of a"
        " geodesic",
    },
)
