"""TODO"""

from __future__ import annotations

AVERAGED = {"block": "one", "activation": "swish", "init": "iid"}
