"""Minimisers of depth-regularised networks, and their variational limit."""
