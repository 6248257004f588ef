"""Lipschitz constants of vector fields, bounded from above by their weights.

    Lip f <= s prod |M|,    s = sup |phi'|, |.| the largest singular value, M the matrices that a block declares

of one and outside W, of two V and W, of gradient K twice.

A block `x + h v(x)` with `Lip(h v) < 1` is a diffeomorphism: it is one to one by the triangle inequality, its inverse
is the limit of `x <- y - h v(x)`, and `det D block >= (1 - Lip(h v))^D` at every point, as every eigenvalue of `h Dv`
has modulus at most `Lip(h v)` (Rousseau, Drumetz & Fablet 2019, arXiv 1805.09585; Behrmann et al. 2019, arXiv
1811.00995).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError
from ..networks.vector_field import VectorField


def lipschitz_bound(field: VectorField, weights: Mapping[str, Tensor]) -> Float[Tensor, "r sets"]:
    """An upper bound of `Lip(v_k)` for each weight set `(r, sets, *shape)`; it can be differentiated.

    Raises `SettingError` for a block or an activation of which no bound is known.
    """
    if field.block.norms is None:
        raise SettingError(str(field.block.without_bound()))
    norms = [torch.linalg.matrix_norm(weights[name], ord=2) for name in field.block.norms]
    return field.phi.largest_slope() * torch.stack(norms).prod(dim=0)


def scaled_to_bound(
    field: VectorField, weights: Mapping[str, Tensor], bound: Float[Tensor, "#r #sets"] | float
) -> dict[str, Tensor]:
    """The same weights with the outer matrix times `min(1, bound / lipschitz_bound)`: `Lip(v_k) <= bound`.

    This is spectral normalisation (Miyato et al. 2018, arXiv 1802.05957) to a bound of one's own choice. The singular
    values are exact, not those of a few power iterations, so the bound is a hard one. It can be differentiated.

    Raises `SettingError` as `lipschitz_bound` does, and for a block that has no outer matrix.
    """
    factor = (bound / lipschitz_bound(field, weights)).clamp(max=1.0)
    if (outer := field.block.outer) is None:
        raise SettingError(str(field.block.without_outer()))
    return {**weights, outer: weights[outer] * factor[..., None, None]}
