"""Loops over depth in Triton: one kernel goes through all layers of a segment."""
