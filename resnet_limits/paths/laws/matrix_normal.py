"""Independent from layer to layer; inside a layer a mean, and rows and columns that are correlated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from .law import Random, Regularity

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class MatrixNormalLaw(Random):
    """Independent from layer to layer; inside a layer a mean, and rows and columns that are correlated.

    `W` has mean `mean_w h` on the diagonal and `Cov(W_ij, W_kl) = U_ik V_jl h`, `U_ik = rows^|i-k|`,
    `V_jl = sigma_w^2 columns^|j-l| / D`; `b` has mean `mean_b h` and covariance `S h`, `S = sigma_b^2 U`.
    """

    name: str = fixed("matrix_normal", "independent from layer to layer, with a mean and correlated entries")
    mean_w: float = key(0.0, "mean of the weights, per unit of time: mean_w times the identity", low=-100, high=100)
    mean_b: float = key(0.0, "mean of the biases, per unit of time", low=-100, high=100)
    rows: float = key(0.5, "correlation of entries in neighbouring rows (outputs)", above=-1, below=1)
    columns: float = key(0.5, "correlation of entries in neighbouring columns (inputs)", above=-1, below=1)

    @property
    def regularity(self) -> Regularity:
        return Regularity(independent_layers=True)

    def layer(self, width: int) -> dict[str, Tensor]:
        import torch

        def falling(correlation: float) -> Tensor:
            """`correlation^|i-j|`, (width, width)."""
            i = torch.arange(width, dtype=torch.float64)
            return torch.tensor(correlation, dtype=torch.float64) ** (i[:, None] - i).abs()

        U = falling(self.rows)
        return {
            "mu": self.mean_w * torch.eye(width, dtype=torch.float64),
            "mu_b": self.mean_b * torch.ones(width, dtype=torch.float64),
            "U": U,
            "V": self.sigma_w**2 / width * falling(self.columns),
            "S": self.sigma_b**2 * U,
        }
