"""The claims of the study `flow`, a file for each group that shares a measurement. Free of torch."""

from ...group import Group
from ..folding import claims as folding
from ..images import claims as images
from ..inverse import claims as inverse
from ..maps import claims as maps
from ..symplectic import claims as symplectic
from ..trained import claims as trained

GROUPS: dict[str, Group] = {
    "maps": maps.GROUP,
    "inverse": inverse.GROUP,
    "folding": folding.GROUP,
    "symplectic": symplectic.GROUP,
    "trained": trained.GROUP,
    "images": images.GROUP,
}
"""By the module `studies/flow/NAME.py` that measures them."""
