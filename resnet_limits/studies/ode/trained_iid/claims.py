"""TODO"""

from __future__ import annotations

TRAINED_IID = {"block": "two", "init": "iid"}


MOST_IMAGES = 1400
"""Training points of a control, whatever the data."""
