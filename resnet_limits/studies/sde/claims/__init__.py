"""The claims of the study `sde`, a file for each group that shares a measurement. Free of torch."""

from ..backward import claims as backward
from ..convolutional import claims as convolutional
from ..correlation import claims as correlation
from ..deep import claims as deep
from ..explosion import claims as explosion
from ..functions import claims as functions
from ..law import claims as law
from ..matrix_normal import claims as matrix_normal
from ..prenorm import claims as prenorm
from ..strong import claims as strong
from ..weak import claims as weak
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
