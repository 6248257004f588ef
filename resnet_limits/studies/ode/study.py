"""The study `ode`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .averaged import claims as averaged
from .forward import claims as forward
from .gradient import claims as gradient
from .linear import claims as linear
from .random_start import claims as random_start
from .request import check
from .reversed import claims as reversed
from .rough import claims as rough
from .settings import Ode
from .trained import claims as trained
from .trained_iid import claims as trained_iid

STUDY = Study(
    name="ode",
    title="networks with given and with trained weights, and the neural ODE",
    question="Do deep networks with given, and with trained, weights approach a neural ODE?",
    equation="x_{k+1} = x_k + (T/L) f(x_k, theta(t_k))   ->   dx/dt = f(x, theta(t)),   0 <= t <= T",
    settings=Ode,
    main_keys=("depth", "width", "horizon", "activation", "block", "init", "data", "train.epochs", "train.lr", "seed"),
    groups=(
        forward.GROUP,
        gradient.GROUP,
        reversed.GROUP,
        averaged.GROUP,
        rough.GROUP,
        trained.GROUP,
        trained_iid.GROUP,
        random_start.GROUP,
        linear.GROUP,
    ),
    check=check,
)
