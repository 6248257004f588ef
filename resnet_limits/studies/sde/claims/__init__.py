"""The claims of the study `sde`, a file for each group that shares a measurement. Free of torch."""

from . import correlation, deep, strong
from .group import Group

GROUPS: dict[str, Group] = {
    "strong": strong.GROUP,
    "correlation": correlation.GROUP,
    "deep": deep.GROUP,
}
"""By the module `studies/sde/NAME.py` that measures them."""
