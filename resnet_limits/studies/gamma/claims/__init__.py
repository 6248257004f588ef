"""The claims of the study `gamma`, a file for each group that shares a measurement. Free of torch."""

from ...group import Group
from ..ablation import claims as ablation
from ..limit import claims as limit
from ..real import claims as real
from ..relu import claims as relu

GROUPS: dict[str, Group] = {
    "limit": limit.GROUP,
    "ablation": ablation.GROUP,
    "relu": relu.GROUP,
    "real": real.GROUP,
}
"""By the module `studies/gamma/NAME.py` that measures them."""
