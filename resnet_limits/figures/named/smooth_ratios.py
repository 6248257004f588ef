"""The factor L^-beta and networks with smooth weights, after Marion, Fermanian, Biau & Vert (arXiv 2206.06929).

Their figures 4 and 5: as for independent weights (`scaled_ratios.py`), with 1 as critical exponent.
"""

from __future__ import annotations

from ...papers import MARION_SCALING
from .figure import NamedFigure
from .scaled_ratios import draw_ratios

FIGURE = NamedFigure(
    MARION_SCALING,
    "how far networks with weights smooth in depth and the factor L^-beta move their input and the gradient, by depth"
    " (dashed: root mean square to first order in the factor)",
    draw_ratios,
)
