"""`exponents.frontier`: how far networks move their input, by the regularity of their weights and by beta."""
