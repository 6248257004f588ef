"""Hamiltonian flows `q' = dH/dP, P' = -dH/dq` of `H = 1/2 P^T Gamma(q, q) P`: the limit of L2-regularised minimisers.

    features.py gaussian.py   kernels: velocity, rate of the momenta and their tangents, in closed form
    integrators.py            symplectic Euler, leapfrog, implicit midpoint, RK4, each with tangent and adjoint
    trajectory.py             states and momenta over the steps, or how far they got
    losses.py                 losses at the end of the path and their read-outs
    shooting.py               the initial momentum whose path is a minimiser

Source: Owhadi 2020, arXiv 2008.03920.
"""
