"""`exponents.ratio`: what the factor L^-beta does to a random network."""
