"""How every figure looks: colour-blind-safe, legible in grey, sized for a column of a paper."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

# Okabe & Ito's palette, ordered by lightness so that neighbours differ in grey too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, SOFT = "#1c1e21", "#5b6067"
"""Of what is read, and of what stands beside it."""
MARKERS = ("o", "s", "^", "D", "v", "P")

RC_PARAMETERS: dict[Any, Any] = {
    "font.size": 9,
    "mathtext.fontset": "dejavusans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "figure.figsize": (4.4, 3.3),
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "reslim",
    "pdf.fonttype": 42,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in this style."""
    with warnings.catch_warnings(), mpl.rc_context(RC_PARAMETERS):
        warnings.filterwarnings("ignore", message="Glyph")  # of a letter that the font lacks: the figure has a box
        yield
