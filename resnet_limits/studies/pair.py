"""The network of some settings and its limit, as functions of points: what a study compares, for a notebook.

`pair.py` in the folder of a study has `network`, `limit` and `sample`, each made of what the study's own measurements
use. What a study does not have is refused in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import SettingError
from ..in_words import InWords
from ..settings.base import Settings
from ..settings.checks import check_values
from . import study as studies

if TYPE_CHECKING:
    from torch import Tensor

    from ..paths.laws.law import Init


@dataclass(frozen=True, repr=False)
class PairedSample(InWords):
    """Random networks and their limit, from the points `x0` (n, d): `network` and `limit` (r, n, d).

    Replica r of both has the same weights, or the same noise, where `paired` says so; else they are independent draws.
    """

    x0: Tensor
    network: Tensor
    limit: Tensor
    paired: bool

    @property
    def distance(self) -> float:
        """Root mean square of `network - limit`; nan where they are independent draws."""
        return float((self.network - self.limit).double().square().mean().sqrt()) if self.paired else float("nan")

    def headline(self) -> str:
        """What was drawn, and how far apart."""
        networks, points = len(self.network), f"{len(self.x0)} point{'s' if len(self.x0) > 1 else ''}"
        apart = f"{self.distance:.3g} apart (root mean square)" if self.paired else "each with draws of its own"
        return f"{networks} networks and their limit from {points}: {apart}"

    def facts(self) -> dict[str, str]:
        """The shapes of its tensors."""
        return {name: str(tuple(getattr(self, name).shape)) for name in ("x0", "network", "limit")}


def require_smooth(init: Init) -> None:
    """Raises `SettingError` for a law of weights along which no flow is solved."""
    needs = "the flow is solved along weights that are smooth in time (smooth, tied)"
    if (reason := init.unless("smooth", needs)) is not None:
        raise SettingError(f"{reason}; compare rl.network at two depths")


def network(settings: Settings) -> Callable[[Any], Tensor]:
    """The residual network of some settings, with random weights of their law, called on points: (n, d) -> (r, n, d).

    A replica is a network with weights of its own; the points are a tensor, an array or lists. In studies of given
    weights (`ode`, `flow`) it is a module of torch, with `.weights` and `.states(x0)`. In studies whose weights are
    drawn anew in every layer (`sde`, `kernel`) they are drawn for the points of a call: the same ones give the same
    outputs, and points that are to share weights go into one call.

    Raises `SettingError` for a value that is refused, and for a study whose networks are no functions of points.

    >>> import resnet_limits as rl
    >>> net = rl.network(rl.Ode(depth=64, width=3, activation="tanh", ode=rl.OdeKeys(paths=2)))
    >>> net([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]).shape
    torch.Size([2, 2, 3])
    >>> net.states([1.0, 0.0, 0.5]).shape
    torch.Size([65, 2, 1, 3])
    """
    return _asked(settings, "network")(settings)


def limit(settings: Settings) -> Callable[..., Tensor]:
    """The infinite-depth limit of the network of some settings, called in the same way: `x0` -> `x(T)`, (r, n, d).

    The flow of the ODE along the same weights (`ode`, `flow`), or that of the mean field where the layers are
    independent; draws of the SDE (`sde`), by a scheme much finer than the network. Both have `.at(x0, times)`, states
    (times, r, n, d). Of `kernel` it is the kernel of infinite width and depth, called on two sets of points.

    Raises `SettingError` for a value that is refused, and for settings whose networks have no such limit.

    >>> import resnet_limits as rl
    >>> settings = rl.Ode(depth=64, width=3, ode=rl.OdeKeys(paths=2))
    >>> x0 = [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]
    >>> error = rl.network(settings)(x0) - rl.limit(settings)(x0)
    >>> bool(error.abs().max() < 0.1)
    True
    >>> rl.limit(settings).at(x0, [0.0, 0.5, 1.0]).shape
    torch.Size([3, 2, 2, 3])
    """
    return _asked(settings, "limit")(settings)


def sample(settings: Settings, x0: Any = None) -> PairedSample:
    """Random networks and their limit from the same points: `.x0`, `.network`, `.limit`.

    Replica by replica they have the same weights (`ode`, `flow`) or the same noise (`sde`); the outputs of `kernel` are
    independent draws of networks of finite width and of the Gaussian process. `x0` are points (n, d), the study's own
    unless they are given.

    Raises `SettingError` as `network` and `limit` do.

    >>> import resnet_limits as rl
    >>> drawn = rl.sample(rl.Sde(depth=32, width=4, replicas=100), [[1.0, -1.0, 0.5, 2.0]])
    >>> drawn.network.shape, drawn.limit.shape
    (torch.Size([100, 1, 4]), torch.Size([100, 1, 4]))
    >>> bool(drawn.distance < 0.1 * drawn.limit.std())
    True
    """
    return _asked(settings, "sample")(settings, x0)


def _asked(settings: Settings, name: str) -> Callable[..., Any]:
    check_values(settings)
    study = studies.get(settings.study)
    study.check(settings)
    function = study.optional("pair", name)
    if function is None:
        raise SettingError(f"study={study.name} has no rl.{name}: {study.unpaired or 'it declares none'}")
    return function
