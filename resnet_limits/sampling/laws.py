"""The law of a layer's weights that settings name: `init=iid` and `init=matrix_normal`."""

from __future__ import annotations

import torch

from ..errors import SettingError
from ..paths.laws.iid import Iid
from ..paths.laws.law import Init
from ..paths.laws.matrix_normal import MatrixNormal
from .law import Isotropic
from .matrix_normal import MatrixNormal as MatrixNormalLaw


def law_of(init: Init, width: int) -> Isotropic | MatrixNormalLaw:
    """The law per unit of time, for layers of this width.

    Raises `SettingError` for laws whose layers are not independent.
    """
    if isinstance(init, Iid):
        return Isotropic(init.sigma_w, init.sigma_b)
    if isinstance(init, MatrixNormal):
        eye = torch.eye(width, dtype=torch.float64)
        U = _autoregressive(init.rows, width)
        return MatrixNormalLaw(
            mu=init.mean_w * eye,
            mu_b=init.mean_b * torch.ones(width, dtype=torch.float64),
            U=U,
            V=init.sigma_w**2 / width * _autoregressive(init.columns, width),
            S=init.sigma_b**2 * U,
        )
    raise SettingError(f"init={init.name}: the layers must be independent; choose init=iid or init=matrix_normal")


def _autoregressive(correlation: float, width: int) -> torch.Tensor:
    """`correlation^|i-j|`, (width, width)."""
    i = torch.arange(width, dtype=torch.float64)
    return torch.tensor(correlation, dtype=torch.float64) ** (i[:, None] - i).abs()
