"""TODO"""

from __future__ import annotations

TRAINED = {"block": "two", "init": "tied"}


WEIGHTS = ("V", "W", "b")
