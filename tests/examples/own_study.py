"""A study of one's own, Euler's method for x' = -x: reslim train --with own_study.py study=decay depth=8,16,32,64"""

import math
from dataclasses import dataclass

from resnet_limits.parts import Claim, Expected, Group, Measurement, Paper, Record, Settings, Study, fixed

HAIRER = Paper("Hairer, Norsett & Wanner", "Hairer, E.", "Solving Ordinary Differential Equations I", 1993)


@dataclass
class Decay(Settings):
    study: str = fixed("decay", "the study")


def euler(job):
    """The error of x_L = (1 - T/L)^L."""
    T, L = job.settings.horizon, job.settings.depth
    error = abs((1 - T / L) ** L - math.exp(-T))
    return Measurement([Record("error", error, reference=math.exp(-T), reference_error=1e-15)])


CLAIM = Claim("decay.euler", HAIRER, "The error falls at order 1.", "theorem", "error", Expected("order", 1, 0.1))
GROUP = Group("euler", "Does Euler's method converge?", (CLAIM,), {"error": "|x_L - x(T)|"}, measure=euler)
STUDY = Study("decay", "Euler's method", "Does it follow the decay?", "x_{k+1} = (1 - h) x_k", Decay, (GROUP,))
