"""Kernels of Hamiltonian flows: velocity, rate of the momenta and their tangents; `kernel.py` says what one is."""
