"""The claims of the study `ode`, and the settings that lie outside their theorems. Free of torch."""

from __future__ import annotations

from ...claims.claim import Claim, Expected, Verdict
from ...papers import CHIZAT, MARION_REGULARISATION, MARION_SCALING
from .averaged.claims import AVERAGED
from .forward.claims import _frozen, _order
from .gradient.claims import _gradient
from .outside import _as_the_theory_asks, _moves, _not_trained, smooth_field
from .random_start.claims import RANDOM_START, TIED_START
from .reversed.claims import _reversed
from .rough.claims import ROUGH, rough_order
from .trained.claims import TRAINED
from .trained_iid.claims import TRAINED_IID

SMOKE_IS_TOO_SMALL: dict[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}
"""Random errors of so few draws leave the interval too wide to say."""


CLAIMS = (
    _order("euler", 1, 0.1, _moves),
    _order("heun", 2, 0.1, smooth_field),
    _order("rk4", 4, 0.2, smooth_field),
    _frozen("heun"),
    _frozen("rk4"),
    _gradient("euler", 1),
    _gradient("heun", 2),
    _reversed(
        "euler",
        "euler",
        Expected("order", 1, 0.1),
        "theorem",
        "gradients from activations that Euler blocks rebuild backwards approach backpropagation, order 1",
    ),
    _reversed(
        "heun",
        "heun",
        Expected("order_at_least", 2, 0.1),
        "theorem",
        "gradients from activations that Heun blocks rebuild backwards approach backpropagation, order at least 2",
    ),
    _reversed(
        "heun.observed",
        "heun",
        Expected("order", 3, 0.15),
        "observation",
        "the order of the Heun blocks' rebuilt gradients is 3: the leading term of the bound cancels",
    ),
    Claim(
        id="ode.averaged.rms",
        source=CHIZAT,
        statement="i.i.d. weights with factor 1/L: one draw is at distance L^-1/2 of the averaged flow",
        kind="theorem",
        observable="averaged_rms_error",
        expected=Expected("order", 0.5, 0.15),
        pins=AVERAGED,
        random=True,
    ),
    Claim(
        id="ode.averaged.mean",
        source=CHIZAT,
        statement="i.i.d. weights with factor 1/L: the mean over draws is at distance 1/L of the averaged flow",
        kind="theorem",
        observable="averaged_mean_error",
        expected=Expected("order", 1, 0.2),
        pins=AVERAGED,
        random=True,
    ),
    Claim(
        id="ode.rough",
        source=MARION_SCALING,
        statement="weights that are values of a fractional Brownian path have an ODE limit, order min(1, H + 1/2)",
        kind="observation",
        random=True,
        observable="rough_difference",
        expected=Expected("order", rough_order, 0.2),
        pins=ROUGH,
    ),
    Claim(
        id="ode.trained",
        source=MARION_REGULARISATION,
        statement="networks trained from a tied start have weight paths that converge in depth, order 1",
        kind="theorem",
        observable="weight_difference",
        expected=Expected("order", 1, 0.1),
        where=TRAINED,
        pins=TRAINED,
        outside=_as_the_theory_asks,
        unmet=_not_trained("tied"),
        needs="pairs of depths L and 2L",
    ),
    Claim(
        id="ode.trained.iid",
        source=MARION_REGULARISATION,
        statement="from an i.i.d. start the trained weights do not converge: step functions at L and 2L stay apart",
        kind="control",
        observable="step_difference",
        expected=Expected("order", 0, 0.1),
        where=TRAINED_IID,
        pins=TRAINED_IID,
        unmet=_not_trained("iid"),
        needs="pairs of depths L and 2L",
    ),
    Claim(
        id="ode.trained.iid.increments",
        source=MARION_REGULARISATION,
        statement="from an i.i.d. start the largest increment of the trained weights does not fall with depth",
        kind="control",
        observable="largest_increment",
        expected=Expected("order", 0, 0.1),
        where=TRAINED_IID,
        pins=TRAINED_IID,
        unmet=_not_trained("iid"),
        random=True,
        verdicts=SMOKE_IS_TOO_SMALL,
    ),
    Claim(
        id="ode.random_start.spread",
        source=CHIZAT,
        statement="from an i.i.d. start the output of trained networks fluctuates over draws at order 1/2",
        kind="theorem",
        observable="random_start_fluctuation",
        expected=Expected("order", 0.5, 0.2),
        pins=RANDOM_START,
        random=True,
        verdicts=SMOKE_IS_TOO_SMALL,
    ),
    Claim(
        id="ode.random_start.mean",
        source=CHIZAT,
        statement="from an i.i.d. start the mean output over draws converges (between L and 2L), order 1",
        kind="theorem",
        observable="random_start_mean",
        expected=Expected("order", 1, 0.3),
        pins=RANDOM_START,
        random=True,
        verdicts=SMOKE_IS_TOO_SMALL,
    ),
    Claim(
        id="ode.random_start.tied",
        source=CHIZAT,
        statement="from a tied start the output keeps depending on the draw at any depth",
        kind="control",
        observable="tied_start_fluctuation",
        expected=Expected("order", 0, 0.1),
        pins=TIED_START,
    ),
)
