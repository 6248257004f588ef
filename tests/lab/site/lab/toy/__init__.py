"""The study `toy`: a linear network of width 1."""
