"""How every figure looks: colour-blind-safe, legible in grey, sized for a column of a paper."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from fontTools.subset import Options

# Okabe & Ito's palette, ordered by lightness so that neighbours differ in grey too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")

RC: dict[Any, Any] = {
    "font.size": 9,
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


UNREAD = ("GDEF", "GPOS", "GSUB", "kern")
"""Tables of a font that say how to set text. In a PDF the text is set: nobody reads them there, and to cut them down to
the letters in use takes longer than to draw the figure."""


@contextmanager
def styled(settings_given: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Draw off screen, in this style; `settings_given`: those of another process, as `rc()` gave them."""
    settings: dict[Any, Any] = RC if settings_given is None else dict(settings_given)
    with warnings.catch_warnings(), mpl.rc_context(settings), _fonts_to_look_at():
        warnings.filterwarnings("ignore", message="Glyph")  # of a letter that the font lacks: the figure has a box
        mpl.use("Agg")
        yield


def rc() -> dict[str, Any]:
    """What is set in matplotlib now: a user's own settings show in figures, in whichever process they are drawn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)  # of a key that is on its way out
        return {key: mpl.rcParams[key] for key in mpl.rcParams if not key.startswith("backend")}


@contextmanager
def _fonts_to_look_at() -> Iterator[None]:
    """Fonts are embedded without `UNREAD`. matplotlib has no key for it: it adds to fontTools' own list."""
    name = "_drop_tables_default"
    dropped = getattr(Options, name, None)
    if dropped is None:  # a fontTools that keeps the list elsewhere: the files are larger, and take longer
        yield
        return
    setattr(Options, name, [*dropped, *UNREAD])
    try:
        yield
    finally:
        setattr(Options, name, dropped)
