"""The claims of the study `sde`, a file for each group that shares a measurement. Free of torch."""

from . import (
    backward,
    convolutional,
    correlation,
    deep,
    explosion,
    functions,
    law,
    matrix_normal,
    prenorm,
    strong,
    weak,
)
from .group import Group

GROUPS: dict[str, Group] = {
    "strong": strong.GROUP,
    "weak": weak.GROUP,
    "law": law.GROUP,
    "matrix_normal": matrix_normal.GROUP,
    "correlation": correlation.GROUP,
    "backward": backward.GROUP,
    "functions": functions.GROUP,
    "deep": deep.GROUP,
    "prenorm": prenorm.GROUP,
    "convolutional": convolutional.GROUP,
    "explosion": explosion.GROUP,
}
"""By the module `studies/sde/NAME.py` that measures them."""
