"""The claims of the study `flow`, a file for each group that shares a measurement. Free of torch."""

from ...group import Group
from . import folding, inverse, maps, symplectic

GROUPS: dict[str, Group] = {
    "maps": maps.GROUP,
    "inverse": inverse.GROUP,
    "folding": folding.GROUP,
    "symplectic": symplectic.GROUP,
}
"""By the module `studies/flow/NAME.py` that measures them."""
