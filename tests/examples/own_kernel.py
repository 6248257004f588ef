"""A kernel of one's own, the covariance of a Gaussian process, by its matrix; its flow is taken by autograd.

reslim train study=hamiltonian --with own_kernel.py hamiltonian.kernel=rational hamiltonian.length=0.8
"""

from dataclasses import dataclass

import resnet_limits as rl


@dataclass(frozen=True)
class Rational(rl.OperatorKernel):
    """`1/(1 + |x - y|^2/l^2)`."""

    smooth = True
    length: float  # the key hamiltonian.length

    def matrix(self, x, y):  # (m, width), (n, width) -> (m, n)
        return 1 / (1 + (x[:, None] - y).square().sum(-1) / self.length**2)
