"""Penalties on the weights of the layers, by name. Free of torch.

h1          n sum_{k >= 1} |K_k - K_{k-1}|^2 + t |K_0|^2        of the theorem
decay       (a/n) sum_k |K_k|^2
unscaled    a sum_k |K_k|^2
none        none, of the read-out none either, which large K would else make small
"""

from __future__ import annotations

from typing import Literal

Penalty = Literal["h1", "decay", "unscaled", "none"]
