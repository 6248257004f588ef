"""The claims of the study `hamiltonian`, a file for each group that shares a measurement. Free of torch."""

from ...group import Group
from . import energy, geodesic, meanfield, scaling, sparsity, trained

GROUPS: dict[str, Group] = {
    "trained": trained.GROUP,
    "energy": energy.GROUP,
    "scaling": scaling.GROUP,
    "sparsity": sparsity.GROUP,
    "meanfield": meanfield.GROUP,
    "landmarks": geodesic.GROUP,
}
"""By the module `studies/hamiltonian/NAME.py` that measures them."""
