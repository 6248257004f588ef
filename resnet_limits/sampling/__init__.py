"""Random networks and their SDEs, sampled exactly on the span of the vectors that matter."""
