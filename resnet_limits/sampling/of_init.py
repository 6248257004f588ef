"""The law of a layer's weights, for the samplers, of a law of weights over depth."""

from __future__ import annotations

from ..paths.laws.law import Init
from .layer_law import Isotropic
from .matrix_normal import MatrixNormal


def law_of(init: Init, width: int) -> Isotropic | MatrixNormal:
    """The law per unit of time, for layers of this width.

    Raises `SettingError` for laws whose layers are not independent.
    """
    if init.regularity is not None and init.regularity.isotropic:
        return Isotropic(*init.sizes())
    return MatrixNormal(**init.layer(width))
