"""Random networks and their SDEs, sampled exactly on the span of the vectors that matter: no weight matrix is formed."""
