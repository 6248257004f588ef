"""The claims of the study `hamiltonian`, a file for each group that shares a measurement. Free of torch."""

from ...group import Group
from ..energy import claims as energy
from ..landmarks import claims as geodesic
from ..meanfield import claims as meanfield
from ..scaling import claims as scaling
from ..sparsity import claims as sparsity
from ..trained import claims as trained

GROUPS: dict[str, Group] = {
    "trained": trained.GROUP,
    "energy": energy.GROUP,
    "scaling": scaling.GROUP,
    "sparsity": sparsity.GROUP,
    "meanfield": meanfield.GROUP,
    "landmarks": geodesic.GROUP,
}
"""By the module `studies/hamiltonian/NAME.py` that measures them."""
