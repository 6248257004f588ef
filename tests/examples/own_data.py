"""A data set of one's own: points of a chess board, whose fields are two classes.

reslim train --with own_data.py data=chess_board data.fields=3
"""

from typing import ClassVar

import resnet_limits as rl


class ChessBoard(rl.Plane):
    """Points of a chess board in the plane."""

    version: ClassVar[int] = 1
    fields: int = rl.key(2, "fields along a side", low=2, high=100)

    def points(self, seed):
        stream = rl.generator(seed, "chess board")
        x = stream.uniform(0, self.fields, (self.total(), 2))
        labels = x.astype(int).sum(axis=1) % 2
        return x + self.noise * stream.standard_normal(x.shape), labels
