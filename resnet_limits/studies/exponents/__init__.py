"""Which limit a network has: the factor L^-beta on a block, at initialisation and after training."""
