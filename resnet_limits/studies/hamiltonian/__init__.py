"""L2-regularised minimisers and geodesic shooting."""
