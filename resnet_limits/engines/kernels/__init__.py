"""Loops over depth in Triton: one kernel goes through all layers of a segment, its weights fetched as they are needed."""
