"""The claims of the study `kernel`, a file for each group that shares a measurement. Free of torch."""

from ...group import Group
from . import accuracy, diagram, drift, entries, expressivity, inference, moments

GROUPS: dict[str, Group] = {
    "moments": moments.GROUP,
    "diagram": diagram.GROUP,
    "drift": drift.GROUP,
    "entries": entries.GROUP,
    "expressivity": expressivity.GROUP,
    "accuracy": accuracy.GROUP,
    "inference": inference.GROUP,
}
"""By the module `studies/kernel/NAME.py` that measures them."""
