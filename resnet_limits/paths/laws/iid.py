"""Independent from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed
from .law import Random, Regularity

if TYPE_CHECKING:
    import numpy as np

    from ..path import Draw, Path


@dataclass
class IidLaw(Random):
    """Independent from layer to layer."""

    name: str = fixed("iid", "independent from layer to layer")

    @property
    def regularity(self) -> Regularity:
        return Regularity(independent_layers=True, isotropic=True)

    def path(self, draw: Draw) -> Path:
        from ..iid import IidPath

        return IidPath(draw)

    def autocorrelation(self, depth: int, horizon: float) -> np.ndarray:
        import numpy as np

        return (np.arange(depth) == 0).astype(float)
