"""The claims of the study `flow`, a file for each group that shares a measurement. Free of torch."""

from ...group import Group
from . import folding, images, inverse, maps, symplectic, trained

GROUPS: dict[str, Group] = {
    "maps": maps.GROUP,
    "inverse": inverse.GROUP,
    "folding": folding.GROUP,
    "symplectic": symplectic.GROUP,
    "trained": trained.GROUP,
    "images": images.GROUP,
}
"""By the module `studies/flow/NAME.py` that measures them."""
