"""What a law of the weights over depth is: its keys, its facts, and how a path of it is drawn.

A new law is one file here, with a class of its name. Nothing here imports torch: `path` and `layer` import what draws.
What draws by more than a few lines is a file of its own beside this folder, whose shapes are annotated: annotations
are read where torch is imported, and declarations are read at start-up, before it is.
What a law does not declare is refused, or outside the theorems that need it, in words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from ...errors import SettingError
from ...settings.keys import key
from ...settings.registry import Option, Registry
from ...settings.trial import require_shape

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ..path import Draw, Path

Fact = Literal["smooth", "continuous", "constant", "independent_layers", "isotropic"]


@dataclass(frozen=True)
class Regularity:
    """What is known of the weights of a law as a function of time, `theta(t)`.

    index: the path `theta` is continuous, Hoelder of every order below it; infinite: `theta` has derivatives of every
        order. None: neither.
    increments: not `theta` is that path: the weights are its increments over the blocks, and have no limit in depth.
    constant: `theta` is the same at all times.
    independent_layers: the weights of different layers are independent.
    isotropic: so are the entries of a layer, centred normals of the variances that `sizes` says.
    """

    index: float | None = None
    increments: bool = False
    constant: bool = False
    independent_layers: bool = False
    isotropic: bool = False

    @property
    def continuous(self) -> bool:
        """Whether `theta` is a continuous function of time, so that networks of all depths read one path."""
        return self.index is not None and not self.increments

    @property
    def smooth(self) -> bool:
        """Whether `theta` has derivatives of every order."""
        return self.continuous and self.index == math.inf


class Sizes(NamedTuple):
    """Weights have variance `sigma_w^2 / fan-in`, biases `sigma_b^2`, at every time or per unit of time."""

    sigma_w: float
    sigma_b: float


@dataclass
class Init(Option):
    """A law of the weights over depth."""

    options: ClassVar[Registry] = Registry("init", "paths.laws", base="law", noun="Law")
    name: str

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        index = vars(cls).get("regularity")
        if isinstance(index, float | int) and not isinstance(index, bool):
            cls.regularity = Regularity(index=float(index))  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def regularity(self) -> Regularity | None:
        """What is known of the weights as a function of time; None: nothing. A class may give the plain number
        `Regularity.index`: `regularity = math.inf` is smooth."""
        return None

    def sizes(self) -> Sizes:
        """`sigma_w` and `sigma_b`. Raises `SettingError` where none are declared."""
        self._known()
        raise SettingError(f"init={self.name} declares no sizes of weights and biases; derive the law from `Random`")

    def path(self, draw: Draw) -> Path | Callable[[Tensor], Tensor]:
        """The path of one parameter, or a function of one time t, a scalar tensor, that returns the weights
        (replicas, *draw.shape), written with torch's operations. Raises `SettingError` for a law that is no function
        of time."""
        self._known()
        raise SettingError(f"init={self.name}: weights of this law are sampled layer by layer, by study=sde and kernel")

    def layer(self, width: int) -> dict[str, Tensor]:
        """Mean `mu`, `mu_b` and covariances `U`, `V`, `S` of a layer's matrix-normal weights, per unit of time, as
        `sampling.matrix_normal` has them. Raises `SettingError` for a law without independent layers of this kind."""
        self._known()
        raise SettingError(
            f"init={self.name}: the layers must be independent, of matrix-normal weights; choose init=iid or"
            " init=matrix_normal"
        )

    def autocorrelation(self, depth: int, horizon: float) -> np.ndarray | None:
        """Correlation of a weight in layer k with itself in layer k + j, j = 0, ..., depth - 1, where it depends on j
        alone; None: not declared."""
        return None

    def tried(self) -> None:
        """Raise `SettingError` where a path, if it draws one, is no function of time of the parameter's shape, or what
        it declares of itself is no `Regularity`."""
        if not isinstance(self.regularity, Regularity | None):
            raise SettingError(f"regularity is {self.regularity!r}; expected a number, Regularity(...), or None")
        if type(self).path is Init.path:
            return
        import torch

        from ...random import Stream
        from ..function import path_of
        from ..path import Draw

        draw = Draw((3, 4), 1.0, depth=8, horizon=1.0, stream=Stream(0, "tried"), replicas=2)
        path = path_of(self.path(draw), draw)
        times = torch.linspace(0, 1, 5, dtype=torch.float64)
        require_shape("path(draw).at(times)", path.at(times), (2, 5, 3, 4), "replicas, times, and draw.shape")

    def unless(self, fact: Fact, needs: str) -> str | None:
        """None where this law declares a fact; else why it is outside what needs the fact, in words."""
        if self.regularity is None:
            return f"init={self.name} declares no regularity: {needs}"
        return None if getattr(self.regularity, fact) else f"init={self.name}: {needs}"

    def is_constant(self) -> bool:
        """Whether all layers are known to have the same weights."""
        return self.regularity is not None and self.regularity.constant

    def require_path(self, study: str) -> None:
        """Raise `SettingError` where this law draws no path, for a study whose weights are paths over depth."""
        if type(self).path is Init.path:
            has_layer = type(self).layer is not Init.layer
            other = "study=sde has this law" if has_layer else "give it path(draw), or choose another law"
            raise SettingError(
                f"init={self.name} draws no path, and the weights of study {study} are paths over depth; {other}"
            )

    def require_layer(self, study: str) -> None:
        """Raise `SettingError` where the layers of this law are not independent, or not of a law that is sampled."""
        needs = f"the layers of study {study} are independent; choose init=iid or init=matrix_normal"
        reason = self.unless("independent_layers", needs)
        if reason is None and self.unless("isotropic", "") is not None and type(self).layer is Init.layer:
            reason = f"init={self.name} declares no law of a layer; choose init=iid or init=matrix_normal"
        if reason is not None:
            raise SettingError(reason)

    def _known(self) -> None:
        if self.name not in self.options:
            raise SettingError(f"init: unknown option {self.options.unknown(self.name)}")


@dataclass
class Random(Init):
    """A law with weights of variance `sigma_w^2 / fan_in` and biases of variance `sigma_b^2` at every time."""

    name: str
    sigma_w: float = key(1.0, "size of the weights: entries have variance sigma_w^2 / fan-in", low=0, high=100)
    sigma_b: float = key(0.5, "size of the biases: entries have variance sigma_b^2", low=0, high=100)

    def sizes(self) -> Sizes:
        return Sizes(self.sigma_w, self.sigma_b)
