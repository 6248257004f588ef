"""A study of one's own, Euler's method for x' = -x: reslim train --with own_study.py study=decay depth=8,16,32,64"""

import math
from dataclasses import dataclass

import resnet_limits as rl

HAIRER = rl.Paper("Hairer, Norsett & Wanner", "Hairer, E.", "Solving Ordinary Differential Equations I", 1993)


@dataclass
class Decay(rl.Settings):
    study: str = rl.fixed("decay", "the study")


def euler(job):
    """The error of x_L = (1 - T/L)^L."""
    T, L = job.settings.horizon, job.settings.depth
    error = abs((1 - T / L) ** L - math.exp(-T))
    return rl.Measurement([rl.Record("error", error, reference=math.exp(-T), reference_error=1e-15)])


CLAIM = rl.Claim("decay.euler", HAIRER, "The error falls at order 1.", "theorem", "error", rl.Expected("order", 1, 0.1))
GROUP = rl.Group("euler", "Does Euler's method converge?", (CLAIM,), {"error": "|x_L - x(T)|"}, measure=euler)
STUDY = rl.Study("decay", "Euler's method", "Does it follow the decay?", "x_{k+1} = (1 - h) x_k", Decay, (GROUP,))
