"""`exponents.trained`: are trained weights smooth, diffusive or neither?"""
