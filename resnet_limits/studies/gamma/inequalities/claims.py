"""`gamma.liminf`, `gamma.oscillation`, `gamma.real.recovery`: the two inequalities of Gamma-convergence. Free of torch.

    lim inf E_n[K_n] >= E[K]  wherever K_n -> K,        lim sup E_n[K(k/n)] <= E[K]

What an oscillation costs is derived: `n sum_k |K_k - K_{k-1}|^2` of `A n^-p (-1)^k` is `4 A^2 n^(2-2p) (n - 1)/n`.
The cross term with a smooth path is `O(n^-p)`, and with `t1 |K_0|^2` cancels at an extremal; the loss sees `O(n^-1-p)`.
So oscillations that vanish as slowly as `n^-3/4` cost without bound, those of `1/n` a fixed amount, faster ones
nothing, and none lowers the energy.
"""

from __future__ import annotations

from ....claims.claim import RELATIVE, Claim, Expected, Rival
from ....claims.plateau import FEWEST_DEPTHS
from ....papers import THORPE
from ...group import Group
from ...reached import EXPECTED_FIRST_ORDER, OBSERVABLES_OF_CERTIFICATE
from ..limit.claims import RIVAL_N_SQUARED, no_limit
from ..outside import minimiser_not_reached, no_equations, no_rate, several_minima, which_minimum
from ..real.claims import least_of_real
from ..settings import LOSS_OF_GAMMA

POWERS_OF_OSCILLATIONS = (0.75, 1.0, 1.25)
"""p of the oscillations `A n^-p (-1)^k` of one entry of K: their cost diverges, stays, vanishes."""
RECOVERED = "recovered"
"""The name in the records of the data's problem, at weights that are read off its limit."""
PLATEAU_OF_RECOVERY = {"recovery_gap": ("recovery_plateau", "recovery_gap")}
RIVAL_LOSS_ALONE = "energies of perturbed weights without the penalty", "G42-loss-alone"
RIVAL_BACKWARDS = "biases of the limit read from the end to the start", "G40-backwards"


GROUP = Group(
    name="inequalities",
    title="Do both inequalities of Gamma-convergence hold, from below and by recovery?",
    loss=LOSS_OF_GAMMA,
    seconds=7.4,
    shared=7.3,
    least=least_of_real,
    claims=(
        Claim(
            id="gamma.liminf",
            source=THORPE,
            statement="Oscillations A n^-p (-1)^k of K raise E_n by 4 a1 A^2 n^(2-2p) for p = 0.75, 1, 1.25",
            kind="derived",
            observable="oscillation_worst",
            expected=Expected("value", 1, 0.05, scale=RELATIVE),
            where={"problem": "regression"},
            outside=no_equations,
            unmet=no_limit("regression"),
            note=several_minima("regression"),
            rival=Rival(*RIVAL_N_SQUARED, 62.91),
        ),
        Claim(
            id="gamma.liminf.bound",
            source=THORPE,
            statement="Where K_n tends to K, a minimiser or not, E_n[K_n] is in the limit not below E[K]",
            kind="theorem",
            observable="perturbed_least",
            expected=Expected("at_least", 0, 0.02, scale=RELATIVE),
            where={"problem": "regression"},
            outside=no_equations,
            unmet=no_limit("regression"),
            note=several_minima("regression"),
            needs=f"{FEWEST_DEPTHS} depths that double",
            rival=Rival(*RIVAL_LOSS_ALONE, -0.4209),
        ),
        Claim(
            id="gamma.oscillation",
            source=THORPE,
            statement="An oscillation (A/n) (-1)^k of one entry of K raises E_n by 4 a1 A^2 in the limit",
            kind="derived",
            observable="oscillation_cost",
            expected=Expected("value", 1, 0.1, scale=RELATIVE),
            where={"problem": "regression", "power": 1.0},
            outside=no_equations,
            unmet=no_limit("regression"),
            note=several_minima("regression"),
            rival=Rival(*RIVAL_N_SQUARED, 62.74),
        ),
        Claim(
            id="gamma.real.recovery",
            source=THORPE,
            statement="On a data set, E_n of a branch's limit, read at k/n, tends to the limit of the branch's values",
            kind="derived",
            observable="recovery_plateau",
            expected=Expected("at_most", 0, 5e-4, scale=RELATIVE),
            where={"problem": RECOVERED},
            outside=no_rate,
            unmet=minimiser_not_reached(RECOVERED),
            note=which_minimum(RECOVERED),
            needs=f"{FEWEST_DEPTHS} depths that double",
            rival=Rival(*RIVAL_BACKWARDS, 0.001867),
        ),
        Claim(
            id="gamma.real.recovery.observed",
            source=THORPE,
            statement="On a data set, E_n of a branch's limit, read at k/n, tends to the branch's limit at order 1",
            kind="observation",
            observable="recovery_gap",
            expected=EXPECTED_FIRST_ORDER,
            where={"problem": RECOVERED},
            outside=no_rate,
            unmet=minimiser_not_reached(RECOVERED),
            note=which_minimum(RECOVERED),
            rival=Rival(*RIVAL_BACKWARDS, 0.3773),
        ),
    ),
    observables={
        "oscillation_cost": "(E_n[K + A n^-p (-1)^k E_11] - E_n[K]) / (4 a1 A^2 n^(2-2p)), K the limit's, A = 1/2; by"
        " power p",
        "oscillation_worst": "oscillation_cost of the power at which it is farthest from 1",
        "perturbed_excess": "(E_n[K + D_n] - E[K]) / E[K], K the limit's minimiser or a random polynomial (path), D_n"
        " oscillating, random, smooth or none (shape) of size A n^-p (power)",
        "perturbed_least": "least limit of perturbed_excess at infinite depth, extrapolated, over all paths and shapes",
        **OBSERVABLES_OF_CERTIFICATE,
    },
    memory=("gamma.points", "gamma.train_points", "width", "depth"),
    on_cpu=True,
    compared=("gamma.liminf.bound", "gamma.real.recovery"),
)
