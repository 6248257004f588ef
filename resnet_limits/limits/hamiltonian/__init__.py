"""Hamiltonian flows `q' = dH/dP, P' = -dH/dq` of `H = 1/2 P^T Gamma(q, q) P`: the limit of L2-regularised minimisers.

    kernels/                  one file a kernel: velocity, rate of the momenta and their tangents
    generators.py             groups of permutations from their generators
    pair_sums.py              flows by the Gaussian kernel in C: sums over pairs of points
    permutations.py           finite groups that permute the sites of a point
    windows.py                what rows of features read and write that share one filter
    double_sum.py             equivariant kernels by their definition
    nugget.py                 Gamma + r I at the points that are trained, Gamma at all others
    warped.py                 a kernel seen through a map of the points
    integrators.py            symplectic Euler, leapfrog, implicit midpoint, RK4, each with tangent and adjoint
    trajectory.py             states and momenta over the steps, or how far they got
    losses/                   one file a loss of scores
    end_loss.py               losses at the end of the path: scores by a read-out
    shooting.py               the initial momentum whose path is a minimiser, or ends where it is to

Source: Owhadi 2020, arXiv 2008.03920.
"""
