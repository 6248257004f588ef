"""An activation of one's own, by what is known of it; derivatives are taken by autograd.

reslim train --with own_activation.py activation=softsign
"""

import resnet_limits as rl


class Softsign(rl.Activation):
    """`z / (1 + |z|)`: bounded, increasing, once continuously differentiable."""

    formula = "z / (1 + |z|)"
    kinks = (0.0,)  # where the second derivative jumps: theorems for smooth fields do not apply
    value_at_0 = 0.0
    steepest = bound = 1.0
    increasing = True

    def __call__(self, z):
        return z / (1 + z.abs())
