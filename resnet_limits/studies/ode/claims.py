"""The claims of the study `ode`, and the settings that lie outside their theorems. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...claims.claim import Claim, Expected, Verdict
from ...networks.activations import activation_named
from ...papers import CHIZAT, HAIRER, MARION_REGULARISATION, MARION_SCALING, SANDER, SANZ_SERNA
from ...paths.laws.fractional import Fractional
from ...paths.laws.law import Random
from ...paths.laws.rough import Rough
from .settings import Ode

AVERAGED = {"block": "one", "activation": "swish", "init": "iid"}
ROUGH = {"init": "rough", "width": 8}
"""A narrow network: a rough path costs far more to draw than to read, and replicas narrow the interval."""

TRAINED = {"block": "two", "init": "tied"}
TRAINED_IID = {"block": "two", "init": "iid"}
RANDOM_START = {"block": "two", "init": "iid", "width": 8}
TIED_START = {"block": "two", "init": "tied", "width": 8}
WEIGHTS = ("V", "W", "b")
MOST_IMAGES = 1400
"""Training points of a control, whatever the data."""

SMOKE_IS_TOO_SMALL: dict[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}
"""Random errors of so few draws leave the interval too wide to say."""


def reads_a_continuous_path(settings: Ode) -> str | None:
    """Why the weights are no smooth function of time, or None where they are."""
    if settings.init.name in ("iid", "rough", "fractional"):
        return f"init={settings.init.name}: the theorem is about weights that are smooth in time (smooth, tied)"
    return None


def _moves(settings: Ode) -> str | None:
    own = settings.init
    if not isinstance(own, Random) or own.sigma_w == own.sigma_b == 0:
        return "all weights are zero: the states do not move, there is no error to measure"
    return reads_a_continuous_path(settings)


def smooth_field(settings: Ode) -> str | None:
    """Why the field has no continuous derivatives along the path, or None where it has."""
    if activation_named(settings.activation).kinks:
        return f"activation={settings.activation}: the theorem needs a field with continuous derivatives"
    return settings.block.rough(settings.width) or _moves(settings)


SMALLEST_MOVEMENT = 1e-4
"""Root mean square by which training has to move the weights of some layer."""


def _not_trained(start: str) -> Callable[[Any], str | None]:
    """Why networks trained from this start say nothing: their loss did not fall, or their weights did not move."""

    def unmet(records: Any) -> str | None:
        if "init" not in records or "block" not in records:
            return None
        rows = records[(records["init"] == start) & (records["block"] == "two") & records["layer"].isna()]
        final = rows[rows["step"].isna()].groupby(["observable", "depth"])["value"].mean()
        first = rows[(rows["observable"] == "train_loss") & (rows["step"] == 0)].groupby("depth")["value"].mean()
        if "movement" not in final.index.get_level_values(0):
            return None
        moved = float(final["movement"].max())
        if moved < SMALLEST_MOVEMENT:
            return f"training hardly moved the weights (by {moved:.1e} at most): a larger train.lr, or more epochs"
        risen = [depth for depth, loss in final["train_loss"].items() if not loss < first[depth]]
        if risen:
            where = ", ".join(f"L={depth}" for depth in risen)
            return f"training did not lower the loss at {where}: a smaller train.lr may train"
        return None

    return unmet


def rough_order(settings: Ode) -> float:
    """`min(1, H + 1/2)`."""
    return min(1.0, rough_hurst(settings) + 0.5)


def rough_hurst(settings: Ode) -> float:
    """The Hurst index of the settings' own law where it has one."""
    own = settings.init
    return own.hurst if isinstance(own, Rough | Fractional) else Rough().hurst


def _as_the_theory_asks(settings: Ode) -> str | None:
    """Why trained weights lie outside the theorem, or None."""
    if activation_named(settings.activation).kinks:
        return f"activation={settings.activation}: the theorem needs a field with continuous derivatives"
    exponent, asked = settings.train.lr_exponent, 1 if settings.train.optimizer == "sgd" else 0
    if exponent is not None and exponent != asked:
        name = settings.train.optimizer
        return f"train.lr_exponent={exponent:g}: {name} moves the layer weights as in the limit at {asked}"
    return None


def _order(scheme: str, order: float, tolerance: float, outside: Callable[[Ode], str | None]) -> Claim:
    return Claim(
        id=f"ode.forward.{scheme}",
        source=SANDER if scheme == "euler" else HAIRER,
        statement=f"the output of a network of {scheme} blocks converges to the flow of its weight path, order {order}",
        kind="theorem",
        observable="forward_error",
        expected=Expected("order", order, tolerance),
        where={"scheme": scheme},
        outside=outside,
    )


def _frozen(scheme: str) -> Claim:
    return Claim(
        id=f"ode.frozen.{scheme}",
        source=HAIRER,
        statement=f"{scheme} blocks that read their weights at t_k alone fall back to order 1",
        kind="control",
        observable="forward_error",
        expected=Expected("order", 1, 0.1),
        where={"scheme": f"{scheme}-start"},
        outside=lambda s: "init=tied: frozen weights are the weights" if s.init.name == "tied" else smooth_field(s),
    )


def _gradient(scheme: str, order: float) -> Claim:
    return Claim(
        id=f"ode.gradient.{scheme}",
        source=SANZ_SERNA,
        statement=f"gradients of {scheme} networks, by input and weight path, converge to the adjoint's, order {order}",
        kind="theorem",
        observable="gradient_error",
        expected=Expected("order", order, 0.1),
        where={"scheme": scheme},
        outside=smooth_field,
    )


def _reversed(suffix: str, scheme: str, expected: Expected, kind: str, statement: str) -> Claim:
    return Claim(
        id=f"ode.reversed.{suffix}",
        source=SANDER,
        statement=statement,
        kind="observation" if kind == "observation" else "theorem",
        observable="reversed_gradient_error",
        expected=expected,
        where={"scheme": scheme},
        outside=smooth_field,
    )


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
