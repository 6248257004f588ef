"""Richardson extrapolation: the limit of a sequence at doubling depths whose error is `a/L + b/L^2 + ...`.

    T_{j,0} = x at depth 2^j L_0,      T_{j,m} = T_{j,m-1} + (T_{j,m-1} - T_{j-1,m-1}) / (2^m - 1)

The error is read off the table: the distance of the two best entries of the last row (Richardson 1911).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

POWERS_ELIMINATED = 2
"""Powers of 1/L that are eliminated: more amplify the rounding and the noise of training."""


def richardson_limit(values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The extrapolated limit and the entrywise difference to the next best, `(limit, difference)`.

    `values` are arrays of one shape at depths L_0, 2 L_0, 4 L_0, ...; at least three.
    """
    if len(values) < 3:
        raise ValueError(f"extrapolation with an error needs three depths, got {len(values)}")
    rows = [[np.asarray(values[0])]]
    for value in values[1:]:
        row = [np.asarray(value)]
        for m in range(1, min(len(rows), POWERS_ELIMINATED) + 1):
            row.append(row[m - 1] + (row[m - 1] - rows[-1][m - 1]) / (2**m - 1))
        rows.append(row)
    return rows[-1][-1], rows[-1][-1] - rows[-1][-2]
