"""A loss of one's own, by its value; its two derivatives are taken by autograd.

reslim train study=hamiltonian --with own_loss.py hamiltonian.loss=pseudo_huber
"""

import resnet_limits as rl


class PseudoHuber(rl.PointwiseLoss):
    """`sqrt(1 + |s - y|^2) - 1`, linear in large errors."""

    targets = "any"  # "classes" or "two classes", for what these alone have

    def value(self, s, y):  # scores and targets (points, outputs), one value a point
        return (1 + (s - y).square().sum(-1)).sqrt() - 1
