"""Residual networks as flows of diffeomorphisms."""
