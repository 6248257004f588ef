"""Geodesics that are known in closed form: minima of `nu/2 int |omega|^2 dt + mean_j |q_j(1) - y_j|^2 / 2`.

    point.py         one point of the line: a quadrature                                          one unknown
    line.py          any points of the line, identity and bias: the hyperbolic half-plane         two unknowns
    linear.py        any points, identity without bias: a product of two matrix exponentials      D^2 unknowns
    landmarks.py     two landmarks of the line, Gaussian kernel: a quadrature                     two unknowns

Free of the flow: no integrator of `..integrators`, no shooting, no kernel is used here.
"""
