"""How sizes and rates of a network grow with its depth L and width D, by kind of parameter: one value says it all.

    x_{k+1} = x_k + T^p L^-a f(x_k, s theta_k)          a = alpha, p = horizon_power: factor on a block
    theta = z N(0, 1)                                   at the start, or a constant
    s, z = sqrt(h^i L^j D^k F^l), h = T/L               multiplier and size at the start; F: the fan-in

    sgd     theta <- theta - eta r (g + c d theta)      momentum alike; g = dJ/dtheta
    adam    theta <- theta - eta r m / (sqrt v + e eps)                m, v: running means of g + c d theta, its square
    adamw   theta <- theta - eta r (m / (sqrt v + e eps) + c d theta)  of g, of its square

`eta` is train.lr, `c` train.weight_decay; the rates `r`, `e` and `d` are powers of L and D, of their own for each kind
and optimiser. With a base depth L_0 or width D_0 all of these are powers of L/L_0 and D/D_0: at L_0 and D_0 the numbers
of the settings hold as they are. This is the abc-parametrisation of Yang & Hu 2021 (arXiv 2011.14522) with depth beside
width. What a network computes at the start depends on `s z` alone; what s and z are each then says how it trains.

Free of torch: what acts on tensors imports it late.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ..settings.training import Train

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..random import Stream

ADAM_EPS = 1e-8
"""Adam's eps, as torch has it."""


@dataclass(frozen=True)
class Power:
    """`L^depth D^width`."""

    depth: float = 0.0
    width: float = 0.0


@dataclass(frozen=True)
class Size:
    """A size by its square: `sqrt(h^step L^depth D^width F^fan_in)`, h = T/L, F the fan-in of the parameter."""

    step: float = 0.0
    depth: float = 0.0
    width: float = 0.0
    fan_in: float = 0.0


@dataclass(frozen=True)
class Moves:
    """How one optimiser moves one kind of parameter: `r`, `e` and `d` above."""

    rate: Power = Power()
    eps: Power = Power()
    decay: Power = Power()


@dataclass(frozen=True)
class Kind:
    """One kind of parameter: `start` is the size of normals or a constant, `multiplier` stands before it."""

    start: Size | float
    multiplier: Size = Size()
    sgd: Moves = Moves()
    adam: Moves = Moves()
    adamw: Moves = Moves()

    def moves(self, optimiser: str) -> Moves:
        """Those of an optimiser by its name in the settings."""
        return {"sgd": self.sgd, "adam": self.adam, "adamw": self.adamw}[optimiser]


START_OF_WEIGHTS, START_AT_ZERO, START_AT_ONE = Kind(Size(fan_in=-1.0)), Kind(0.0), Kind(1.0)
"""Starts `N(0, 1/F)`, at 0, at 1; and moves at the rate of the settings."""


@dataclass(frozen=True)
class Parametrisation:
    """The factor on a block, `T^horizon_power L^-alpha`, and every kind of parameter.

    `block_last` is the last linear map of a block (the only one where there is one), `block` those before it. Gains
    multiply a normalised state, biases are added.
    """

    alpha: float = 1.0
    horizon_power: float = 1.0
    read_in: Kind = START_OF_WEIGHTS
    read_in_bias: Kind = START_AT_ZERO
    gain: Kind = START_AT_ONE
    block: Kind = START_OF_WEIGHTS
    block_last: Kind = START_OF_WEIGHTS
    block_bias: Kind = START_AT_ZERO
    block_gain: Kind = START_AT_ONE
    read_out: Kind = START_OF_WEIGHTS
    read_out_bias: Kind = START_AT_ZERO
    base_depth: int = 1
    base_width: int = 1

    def kind(self, name: str) -> Kind:
        """The kind of this name. Raises `ValueError` naming all where there is none."""
        if name not in KINDS_OF_PARAMETERS:
            raise ValueError(f"kind of parameter: expected one of {', '.join(KINDS_OF_PARAMETERS)}, got {name}")
        return getattr(self, name)

    def with_blocks(self, **changes: Any) -> Parametrisation:
        """The same, with these fields of all kinds of parameters in the blocks changed."""
        return replace(self, **{name: replace(self.kind(name), **changes) for name in KINDS_OF_BLOCKS})

    def with_layer_rate(self, exponent: float | None) -> Parametrisation:
        """The same, with rates of the blocks `~ L^exponent` under every optimiser; None: as it is."""
        if exponent is None:
            return self

        def moved(kind: Kind) -> Kind:
            rates = {name: replace(kind.moves(name), rate=Power(exponent)) for name in OPTIMISERS}
            return replace(kind, **rates)

        return replace(self, **{name: moved(self.kind(name)) for name in KINDS_OF_BLOCKS})

    def block_factor(self, depth: int, horizon: float = 1.0) -> float:
        """`T^p (L/L_0)^-a`; `a = p = 1` is the step `h = T/L` of the neural ODE."""
        return horizon**self.horizon_power * (depth / self.base_depth) ** -self.alpha

    def at(self, *, depth: int | None = None, width: int | None = None, horizon: float = 1.0) -> Scales:
        """The numbers at a depth, a width and a horizon; those that nothing asked for depends on may be left out."""
        return Scales(self, depth, width, horizon)


OPTIMISERS = ("sgd", "adam", "adamw")
KINDS_OF_PARAMETERS = tuple(field.name for field in fields(Parametrisation) if field.type == "Kind")
KINDS_OF_BLOCKS = tuple(name for name in KINDS_OF_PARAMETERS if name.startswith("block"))


@dataclass(frozen=True)
class Scales:
    """A parametrisation at one depth, width and horizon: what draws a start, and makes groups for an optimiser."""

    of: Parametrisation
    depth: int | None = None
    width: int | None = None
    horizon: float = 1.0
    # -- rates ------------------------------------------------------------------------------------

    def rate(self, kind: str, recipe: Train) -> float:
        """`eta r`, before the schedule."""
        return recipe.lr * self._product(self._moves(kind, recipe).rate)

    def eps(self, kind: str, recipe: Train) -> float:
        """`e eps`."""
        eps = self._moves(kind, recipe).eps
        return ADAM_EPS / self._product(Power(-eps.depth, -eps.width))  # one rounding, where e is 1/L

    def decay(self, kind: str, recipe: Train) -> float:
        """`c d`."""
        return recipe.weight_decay * self._product(self._moves(kind, recipe).decay)

    def groups(self, parameters: Mapping[str, Tensor], kinds: Mapping[str, str], recipe: Train) -> list[dict[str, Any]]:
        """The parameters in groups for an optimiser of torch; `kinds` says of each name which kind it is.

        `unscheduled` is the rate of a group before the schedule.
        """
        groups: dict[tuple[float, float, float], list[Tensor]] = {}
        for name, w in parameters.items():
            kind = kinds[name]
            moves = self.rate(kind, recipe), self.eps(kind, recipe), self.decay(kind, recipe)
            groups.setdefault(moves, []).append(w)
        return [
            {
                "params": together,
                "lr": rate,
                "unscheduled": rate,
                "weight_decay": decay,
                **({} if recipe.optimizer == "sgd" else {"eps": eps}),
            }
            for (rate, eps, decay), together in groups.items()
        ]

    # -- sizes ------------------------------------------------------------------------------------

    def start(
        self,
        kind: str,
        shape: tuple[int, ...],
        stream: Stream,
        *,
        replicas: int,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """A parameter (replicas, out, in, ...) or (replicas, out) at the start: normals of a stream, or a constant."""
        import torch

        from ..random import normals

        size = self.of.kind(kind).start
        if isinstance(size, Size):
            drawn = normals(shape, stream, replicas=replicas, dtype=dtype, device=device)
            return self._times(size, drawn, math.prod(shape[1:]))
        return torch.full((replicas, *shape), size, dtype=dtype, device=device)

    def start_of_blocks(self, drawn: Mapping[str, Tensor], kinds: Mapping[str, str]) -> dict[str, Tensor]:
        """Weights of blocks at the start, from those that a law of the weights has drawn, (r, sets, *shape).

        A law has given its matrices the size `1/sqrt(F)` already (`paths.path.standard_deviation`).
        """

        def sized(kind: str, w: Tensor) -> Tensor:
            size = self.of.kind(kind).start
            if not isinstance(size, Size):
                return w.new_full((), size).expand_as(w)
            fan_in = math.prod(w.shape[3:]) if w.ndim > 3 else 1
            return self._times(replace(size, fan_in=size.fan_in + 1) if w.ndim > 3 else size, w, fan_in)

        return {name: sized(kinds[name], w) for name, w in drawn.items()}

    def multiplied(self, kind: str, x: Tensor, *, fan_in: int = 1, sigma: float = 1.0) -> Tensor:
        """`sigma s x`, of a parameter, or of what is linear in one of this fan-in."""
        return self._times(self.of.kind(kind).multiplier, x, fan_in, sigma)

    # -- powers -----------------------------------------------------------------------------------

    def _moves(self, kind: str, recipe: Train) -> Moves:
        return self.of.kind(kind).moves(recipe.optimizer)

    def _product(self, power: Power) -> float:
        return self._base("depth", power.depth) * self._base("width", power.width)

    def _base(self, name: str, exponent: float) -> float:
        """`L/L_0`, `D/D_0` or `h = T L_0/L` to a power."""
        if exponent == 0:
            return 1.0
        needed = "width" if name == "width" else "depth"
        value, base = getattr(self, needed), getattr(self.of, f"base_{needed}")
        if value is None:
            raise ValueError(f"this size or rate depends on the {needed}: say at({needed}=...)")
        return (self.horizon / (value / base) if name == "step" else value / base) ** exponent

    def _times(self, size: Size, x: Tensor, fan_in: int, sigma: float = 1.0) -> Tensor:
        """`sigma size x`. An inverse root divides: one rounding."""
        exponents = {name: getattr(size, name) for name in ("step", "depth", "width")}
        above = math.prod(self._base(name, e) for name, e in exponents.items() if e > 0)
        below = math.prod(self._base(name, -e) for name, e in exponents.items() if e < 0)
        above, below = above * fan_in ** max(size.fan_in, 0), below * fan_in ** max(-size.fan_in, 0)
        if sigma == 1 and max(*exponents.values(), size.fan_in) <= 0:
            return x if below == 1 else x / math.sqrt(below)
        return math.sqrt(above / below) * sigma * x


# -- those that there are -------------------------------------------------------------------------

_SMALLER_EPS = Moves(eps=Power(depth=-1.0))

ODE = Parametrisation(block_last=START_AT_ZERO, block_bias=Kind(Size())).with_blocks(
    sgd=Moves(rate=Power(depth=1.0)), adam=_SMALLER_EPS, adamw=_SMALLER_EPS
)
"""The neural ODE's: a block has the factor T/L, so that its gradient is O(1/L).

Rates of sgd grow like L for the layers to move at all; the same on the read-out does not converge (Marion, Wu, Sander &
Biau 2023, arXiv 2309.01213, section 3). Adam divides the gradient by its own size: there the rate stays, and eps, which
is compared with that size, falls like 1/L. A block starts at 0 with its last matrix, its biases as their law says.
"""

CONVOLUTIONAL = replace(ODE, block_bias=replace(ODE.block_bias, start=0.0))
"""That of the neural ODE, L the number of weight sets of a stage; biases start at 0, gains at 1."""

FLOW = replace(ODE, block_last=replace(ODE.block_last, start=Size(depth=-2.0, fan_in=-1.0)))
"""That of the neural ODE with blocks that start near the identity: the last matrix smaller by the depth."""

PLAIN = replace(FLOW, alpha=0.0, horizon_power=0.0).with_blocks(
    sgd=Moves(rate=Power(depth=-1.0)),
    adam=Moves(rate=Power(depth=-0.5), eps=Power(depth=-1.0)),
    adamw=Moves(rate=Power(depth=-0.5), eps=Power(depth=-1.0)),
)
"""No factor on a block, which starts as near the identity as with one.

Gradients are L times as large as with a factor 1/L (sgd). A change of the function takes weights sqrt(L) times smaller
in each of two matrices (Adam); the first steps, which move one of them, change the output like sqrt(L).
"""

UNSCALED = Parametrisation(alpha=0.0, horizon_power=0.0)
"""No factor on a block, and one rate for all parameters, whatever the depth: what training makes of that is measured.

Cohen, Cont, Rossier & Xu 2021 (arXiv 2105.12245).
"""

NTK = Parametrisation(
    alpha=0.0,
    horizon_power=0.0,
    read_in=Kind(Size(), Size(fan_in=-1.0)),
    block=Kind(Size(), Size(step=1.0, fan_in=-1.0)),
    block_last=Kind(Size(), Size(step=1.0, fan_in=-1.0)),
    block_bias=Kind(Size(), Size(step=1.0)),
    read_out=Kind(Size(), Size(fan_in=-1.0)),
)
"""The tangent kernel's: every parameter is N(0, 1), sizes stand before it, and one rate moves all.

Jacot, Gabriel & Hongler 2018 (arXiv 1806.07572), with the sizes sqrt(h/D) and sqrt(h) of Peluchetti & Favaro 2020
(arXiv 2007.03253).
"""
