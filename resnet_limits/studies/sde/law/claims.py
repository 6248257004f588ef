"""`sde.law.*`: laws at finite width. Free of torch.

That the law of a network tends to that of its SDE is proved in 1905.11065, without a rate. The SDE of tanh and psi = id
is linear and isotropic: the law of its norm, volumes and determinant are Newman's, Le Jan's and Norris, Rogers &
Williams'. What the law of a network of finite depth is off by is derived in `measure.py`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ....claims.claim import RELATIVE, SMOKE_IS_TOO_SMALL, Claim, Expected, Rival
from ....papers import NEWMAN, NORRIS, PELUCHETTI_DIFFUSIONS, TALAY, Paper
from ....paths.laws.iid import IidLaw
from ...group import Group
from ...least import BYTES_OF_DOUBLE
from ..outside import explodes_with, growth, isotropic, not_linear, overflows, sizes
from ..room import least_of_inputs
from ..settings import Sde

PINS_WITHOUT_BIAS: dict[str, Any] = {"init.sigma_b": 0.0}
PINS_OF_MATRICES: dict[str, Any] = {"width": 4}
PINS_OF_LAW_TEST: dict[str, Any] = {"init.sigma_w": 1.0, "init.sigma_b": 0.0}
PINS_OF_OTHER_NOISE: dict[str, Any] = {
    **{"activation": "swish", "activation_inside": "identity"},
    **{"init.sigma_w": 1.0, "init.sigma_b": 1.0},
}
PINS_OF_SWISH_LAW: dict[str, Any] = {"activation": "swish", "init.sigma_w": 1.0, "init.sigma_b": 1.0, "width": 2}
NETWORKS_A_TEST, LEVEL_OF_TEST = 256, 0.05
"""Networks of a test, and how often it may reject the true law."""
BEND_OF_ENERGY_DISTANCES = 0.5
"""What energy distances are off by at depth 8, relative to their leading term, at most."""
MIN_SHIFT_REJECTED, MAX_SHIFT_ACCEPTED = 2.0, 0.2
"""Shifts of the distribution function, times `sqrt(n)`, of which tests of a normal law reject 99 % and 7 %."""


def norm_law(settings: Sde, sigma_w: float) -> tuple[float, float]:
    """Mean and standard deviation of `log |x_T|/|x_0|` for tanh, psi = id and sigma_b = 0."""
    s, d = sigma_w**2 * settings.horizon, settings.width
    return s * (1 / 2 - 1 / d), math.sqrt(s / d)


def _moving(settings: Sde) -> str | None:
    if (reason := not_linear(settings)) is None and sizes(settings).sigma_w == 0:
        reason = "init.sigma_w=0: the norm and the determinant do not move"
    return reason or overflows(growth(settings))


def _testable(settings: Sde) -> str | None:
    return not_linear(settings) or overflows(PINS_OF_LAW_TEST["init.sigma_w"] ** 2 * settings.horizon)


def _exact(
    name: str,
    observable: str,
    statement: str,
    expected: Expected,
    pins: dict[str, Any],
    rival: Rival | None = None,
    source: Paper = NEWMAN,
) -> Claim:
    return Claim(
        id=f"sde.law.{name}",
        source=source,
        statement=statement,
        kind="theorem",
        observable=observable,
        expected=expected,
        pins=pins,
        outside=_moving,
        random=True,
        rival=rival,
    )


def _share(settings: Sde) -> float:
    """`sigma_w^2 T/D`: by so much the rates of two volumes differ."""
    return growth(settings) / settings.width


def _deviation(settings: Sde) -> float:
    return norm_law(settings, sizes(settings).sigma_w)[1]


def _shift(records: Any, at: str) -> tuple[int, float]:
    """The shallowest or deepest depth, and what the law is shifted by there, times `sqrt(n)`; nan if unknown."""
    rows = records[records["observable"] == "law_shift"]
    if not len(rows):
        return 0, math.nan
    row = rows.loc[getattr(rows["depth"], at)()]
    return int(row["depth"]), float(row["value"])


def _not_deep(records: Any) -> str | None:
    depth, shift = _shift(records, "idxmax")
    if shift > MAX_SHIFT_ACCEPTED:
        what = f"the networks of L={depth} are not deep enough for tests of {NETWORKS_A_TEST}"
        return (
            f"{what}: to first order their law is off by {shift:.2g}/sqrt(n), and {MAX_SHIFT_ACCEPTED} would be little"
        )
    return None


def _not_shallow(records: Any) -> str | None:
    depth, shift = _shift(records, "idxmin")
    if shift < MIN_SHIFT_REJECTED:
        what = f"the networks of L={depth} are too deep for tests of {NETWORKS_A_TEST} to reject them"
        return f"{what}: to first order their law is off by {shift:.2g}/sqrt(n), and it takes {MIN_SHIFT_REJECTED:g}"
    return None


def _explodes(settings: Sde) -> str | None:
    """Why the networks that are held against Euler-Maruyama schemes have no law at the horizon, or another one."""
    init = IidLaw(sigma_w=PINS_OF_SWISH_LAW["init.sigma_w"], sigma_b=PINS_OF_SWISH_LAW["init.sigma_b"])
    return isotropic(settings) or explodes_with(PINS_OF_SWISH_LAW["activation"], replace(settings, init=init))


def _energy(name: str, of: str, scheme: str, rival: Rival) -> Claim:
    """A bound: energy distances of the deepest networks are known to 16 %, which leaves an order of 2 a half-width of
    0.2 to 0.4. What it must tell apart is the order 1 of laws that tend to the SDE's at order 1/2."""
    return Claim(
        id=f"sde.law.{name}",
        source=TALAY,
        statement=f"The energy distance of the law of {of} to that of its SDE falls at order at least 3/2",
        kind="derived",
        observable="energy_distance",
        expected=Expected("order_at_least", 1.5, 0.25, bend=BEND_OF_ENERGY_DISTANCES),
        where={"scheme": scheme},
        pins=PINS_OF_SWISH_LAW,
        outside=_explodes,
        random=True,
        needs="enough networks for energy distances that stand out of the noise",
        rival=rival,
    )


def _apart(name: str, of: str, scheme: str, rival: Rival) -> Claim:
    return Claim(
        id=f"sde.law.{name}",
        source=PELUCHETTI_DIFFUSIONS,
        statement=f"{of} of networks has the law of the SDE's: the Kolmogorov distance is 0",
        kind="theorem",
        observable="ks_distance",
        expected=Expected("at_most", 0.0, 0.03),  # three radii of the band of 41000 networks
        where={"scheme": scheme},
        pins=PINS_OF_OTHER_NOISE,
        outside=_explodes,
        random=True,
        rival=rival,
    )


INDEPENDENT_PAIRS_A_REPLICA = 40
"""Pairs of network and scheme on noises of their own, for each of the key `replicas`."""


def least_of_law(settings: Sde) -> float:
    """The final states of all networks that are held against their SDE, in pieces and together."""
    return (
        least_of_inputs(settings)
        + 2 * BYTES_OF_DOUBLE * INDEPENDENT_PAIRS_A_REPLICA * settings.replicas * settings.width
    )


GROUP = Group(
    name="law",
    title="Does the law of the output converge to that of the SDE?",
    seconds=20,
    least=least_of_law,
    memory=("replicas", "width", "sde.inputs"),
    claims=(
        _exact(
            "norm",
            "log_norm_ratio",
            "The mean of log(|x_T|/|x_0|), less its martingale part, is sigma_w^2 T (1/2 - 1/D)",
            Expected("value", lambda s: norm_law(s, sizes(s).sigma_w)[0], 0.25, unit=_share),
            PINS_WITHOUT_BIAS,
            rival=Rival("weights of variance h^2: norms do not move", "S1-dt-for-sqrt-dt", 0.001464),
        ),
        _exact(
            "norm.drift",
            "log_norm_martingale",
            "The martingale part of log(|x_T|/|x_0|) has mean zero: states do not drift along themselves",
            Expected("value", 0.0, 0.1, unit=_deviation),
            PINS_WITHOUT_BIAS,
            rival=Rival("pairs of layers share their noise", "S7-layers-repeat", 0.1057),
        ),
        _exact(
            "norm.variance",
            "log_norm_ratio_var",
            "The variance of log(|x_T|/|x_0|) is sigma_w^2 T/D",
            Expected("value", _share, 0.15, unit=_share),
            PINS_WITHOUT_BIAS,
            rival=Rival("weights of variance h^2: norms do not move", "S1-dt-for-sqrt-dt", 0.0005059),
        ),
        _exact(
            "determinant",
            "log_abs_det_jacobian",
            "The mean of log |det dx_T/dx_0|, less its martingale part, is -sigma_w^2 T/2",
            Expected("value", lambda s: -growth(s) / 2, 0.15, unit=lambda s: growth(s) / 2),
            PINS_OF_MATRICES,
            rival=Rival("weights of variance h^2: volumes do not move", "S31-matrices-h", -0.001938),
        ),
        _exact(
            "determinant.variance",
            "log_abs_det_jacobian_var",
            "The variance of log |det dx_T/dx_0| is sigma_w^2 T",
            Expected("value", growth, 0.15, unit=growth),
            PINS_OF_MATRICES,
            rival=Rival("weights of variance h^2: volumes do not move", "S31-matrices-h", 0.003899),
        ),
        _exact(
            "volumes",
            "log_volume_slope",
            "The mean of log R_ii, where dx_T/dx_0 = Q R, falls by sigma_w^2 T/D from i to i + 1",
            Expected("value", 1, 0.17, scale=RELATIVE),
            PINS_OF_MATRICES,
            source=NORRIS,
            rival=Rival("weights of variance h^2: all volumes are alike", "S31-matrices-h", 0.01378),
        ),
        _exact(
            "volumes.variance",
            "log_volume_var",
            "The variance of log R_ii, where dx_T/dx_0 = Q R, is sigma_w^2 T/D, on average over i",
            Expected("value", 1, 0.1, scale=RELATIVE),
            PINS_OF_MATRICES,
            source=NORRIS,
            rival=Rival("weights of variance h^2: volumes do not move", "S31-matrices-h", 0.01555),
        ),
        Claim(
            id="sde.law.fourth",
            source=NEWMAN,
            statement="Without biases, E|x_T|^4/(E|x_T|^2)^2 is e^{4 sigma_w^2 T/D}",
            kind="derived",
            observable="fourth_moment",
            expected=Expected("value", 1, 0.06, scale=RELATIVE),
            pins=PINS_OF_LAW_TEST,
            outside=_testable,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("weights of variance h^2: norms do not vary", "S1-dt-for-sqrt-dt", 0.6113),
        ),
        Claim(
            id="sde.law.test",
            source=PELUCHETTI_DIFFUSIONS,
            statement="For L >> sqrt(n), a Kolmogorov test of n networks accepts the exact law of |x_L| in 95 % of"
            " repetitions",
            kind="derived",
            observable="law_accepted",
            expected=Expected("at_least", 1 - LEVEL_OF_TEST, 0.1, scale="share of tests"),
            pins=PINS_OF_LAW_TEST,
            outside=_testable,
            unmet=_not_deep,
            random=True,
            verdicts=SMOKE_IS_TOO_SMALL,
            rival=Rival("a law of half the variance", "S35-half-the-variance", 0.06452),
        ),
        Claim(
            id="sde.law.test.shallow",
            source=PELUCHETTI_DIFFUSIONS,
            statement="For L near sqrt(n) or less, a Kolmogorov test of n networks rejects the exact law in 95 % of"
            " repetitions",
            kind="control",
            observable="law_rejected",
            expected=Expected("at_least", 0.95, 0.1, scale="share of tests"),
            pins=PINS_OF_LAW_TEST,
            outside=_testable,
            unmet=_not_shallow,
            random=True,
            rival=Rival(
                "the critical value of a single network: nothing is rejected", "S34-critical-value-of-one", 0.01613
            ),
        ),
        _energy(
            "energy",
            "x_L",
            "states",
            rival=Rival("half the Ito drift: the distance stays", "S2-drift-halved", -0.01905),
        ),
        _energy(
            "two_sample",
            "the mean coordinate",
            "mean",
            rival=Rival("half the Ito drift: the distance stays", "S2-drift-halved", -0.01466),
        ),
        _apart(
            "kolmogorov",
            "The mean coordinate",
            "mean",
            rival=Rival("twice the Ito drift", "S33-drift-of-the-diffusion", 0.6544),
        ),
        _apart(
            "kolmogorov.norm",
            "The norm |x|",
            "norm",
            rival=Rival("twice the Ito drift", "S33-drift-of-the-diffusion", 0.2599),
        ),
    ),
    conditional=("energy_distance",),
    observables={
        "log_norm_ratio": "mean over replicas of log |x_T|/|x_0|, less its martingale; reference: that of the SDE"
        " (sigma_b = 0); here and in the next six the interval counts the error of that depth to first order in h or"
        " in 1/width",
        "log_norm_martingale": "mean over replicas of sum_k <x_k, x_{k+1} - x_k>/|x_k|^2 (sigma_b = 0)",
        "log_norm_ratio_var": "variance over replicas of log |x_T|/|x_0|",
        "log_abs_det_jacobian": "mean over replicas of log |det dx_T/dx_0|, width 4, less its martingale;"
        " reference: that of the SDE",
        "log_abs_det_jacobian_var": "variance over replicas of log |det dx_T/dx_0|",
        "law_accepted": f"how often Kolmogorov's test of {NETWORKS_A_TEST} networks accepts the exact law of"
        f" log |x_T|/|x_0|"
        " at level 5 %: (accepted + 1)/(tests + 2)",
        "law_rejected": "how often that test rejects the exact law at the shallowest depth",
        "law_shift": f"to first order in h, what the law of the network is shifted by: largest distance of the"
        f" distribution functions, times the square root of {NETWORKS_A_TEST}",
        "law_distance": "Kolmogorov's distance of all the networks tested to the exact law of the SDE; 1.96 standard"
        " errors: the radius of the 95 % band of Dvoretzky, Kiefer & Wolfowitz",
        "log_volume_slope": "least-squares slope over i of log R_ii, dx_T/dx_0 = Q R, over -sigma_w^2 T/D (width 4)",
        "log_volume_var": "variance of log R_ii, mean over i, over sigma_w^2 T/D (width 4)",
        "fourth_moment": "E|x_T|^4/(E|x_T|^2)^2 over that of the SDE, e^{4 sigma_w^2 T/D}",
        "energy_distance": "energy distance, over 2 E|X-Y|, of networks and Euler-Maruyama schemes 4 times as deep, on"
        " one noise (swish, width 2): of the states, and of mean_d x_d (scheme mean)",
        "ks_distance": "Kolmogorov's distance of networks and their SDE, each on noise of its own, the SDE drawn as a"
        " diffusion of mean and norm (swish): of mean_d x_d (scheme mean) and of |x| (scheme norm); 1.96 standard"
        " errors: the radius of the 95 % band of Wei & Dudley for two samples",
    },
    compared=("sde.law.test.shallow",),
)
