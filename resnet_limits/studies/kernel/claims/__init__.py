"""The claims of the study `kernel`, a file for each group that shares a measurement. Free of torch."""

from ...group import Group
from ..accuracy import claims as accuracy
from ..diagram import claims as diagram
from ..drift import claims as drift
from ..entries import claims as entries
from ..expressivity import claims as expressivity
from ..inference import claims as inference
from ..moments import claims as moments

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
