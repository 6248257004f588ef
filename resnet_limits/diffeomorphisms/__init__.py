"""Residual networks as maps of space: Jacobians, folds, Lipschitz constants, inverses, and the map on a grid."""
