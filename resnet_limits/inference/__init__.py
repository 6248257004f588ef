"""Regression with kernels of infinitely wide networks: in feature space, dense, and iterative."""
