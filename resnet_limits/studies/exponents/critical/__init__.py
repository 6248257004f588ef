"""`exponents.critical`: at which exponent the limit is not trivial."""
