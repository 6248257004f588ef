"""Data sets: one file a source of points and labels, `dataset.py` for what all have in common."""
