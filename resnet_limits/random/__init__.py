"""Random numbers as a function of what they are for: `Stream(seed, purpose, layer, first_replica)` and the replica.

Nothing depends on what was drawn before, on how many are drawn together, or on the machine: words come from a counter
(`streams.py`), normals from words by a fixed sequence of floating-point operations (`gaussian.py`, and compiled in
`_gaussian.c`, on a GPU in `kernels.py`). Normals are the same bits on every device, and in either precision of the same
words, so that devices and dtypes agree up to rounding.
"""

from .normals import NORMALS_A_PIECE, REPLICA_BLOCK, generator, normals, permutation, replica_blocks, stream_normals
from .streams import Stream

__all__ = [
    "NORMALS_A_PIECE",
    "REPLICA_BLOCK",
    "Stream",
    "generator",
    "normals",
    "permutation",
    "replica_blocks",
    "stream_normals",
]
