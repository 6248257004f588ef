"""TODO"""

from __future__ import annotations

RANDOM_START = {"block": "two", "init": "iid", "width": 8}


TIED_START = {"block": "two", "init": "tied", "width": 8}
