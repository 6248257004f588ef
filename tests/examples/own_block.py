"""A block of one's own, by its formula; its derivative is taken by autograd.

reslim train --with own_block.py block=antisymmetric block.friction=0.1
"""

import torch

import resnet_limits as rl


class Antisymmetric(rl.Block):
    """phi((A - A^T - friction) x + b), stable where friction is positive."""

    friction: float = rl.key(0.1, "what is taken off the diagonal", low=0, high=10)
    smooth = True

    def shapes(self, width):
        return {"A": (width, width), "b": (width,)}

    def formula(self, phi, x, theta):  # x (replicas, points, width), theta (replicas, *shape)
        A, one = theta["A"], torch.eye(x.shape[-1]).to(x)
        return phi(rl.affine(x, A - A.mT - self.friction * one, theta["b"]))
