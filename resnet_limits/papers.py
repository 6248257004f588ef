"""The papers whose theorems are tested, by a short key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper: `authors` as in the text of a citation, `names` as in BibTeX."""

    authors: str
    names: str
    title: str
    year: int
    arxiv: str

    def __str__(self) -> str:
        return f"{self.authors} {self.year}, arXiv {self.arxiv}"


THORPE = Paper(
    "Thorpe & van Gennip",
    "Thorpe, Matthew and van Gennip, Yves",
    "Deep limits of residual neural networks",
    2018,
    "1810.11741",
)
SANDER = Paper(
    "Sander, Ablin & Peyré",
    "Sander, Michael E. and Ablin, Pierre and Peyré, Gabriel",
    "Do residual neural networks discretize neural ordinary differential equations?",
    2022,
    "2205.14612",
)
MARION_SCALING = Paper(
    "Marion, Fermanian, Biau & Vert",
    "Marion, Pierre and Fermanian, Adeline and Biau, Gérard and Vert, Jean-Philippe",
    "Scaling ResNets in the large-depth regime",
    2022,
    "2206.06929",
)
MARION_REGULARISATION = Paper(
    "Marion, Wu, Sander & Biau",
    "Marion, Pierre and Wu, Yu-Han and Sander, Michael E. and Biau, Gérard",
    "Implicit regularization of deep residual networks towards neural ODEs",
    2023,
    "2309.01213",
)
CHIZAT = Paper(
    "Chizat",
    "Chizat, Lénaïc",
    "The hidden width of deep ResNets: tight error bounds and phase diagrams",
    2025,
    "2509.10167",
)
