"""Steps by name: one scheme a file. A step knows its order and the times at which it reads the weights."""

from .euler import Euler
from .frozen import Frozen, frozen
from .heun import Heun
from .rk4 import RK4
from .step import Field, Step, Theta

STEPS: dict[str, Step] = {step.name: step for step in (Euler(), Heun(), RK4())}

__all__ = ["RK4", "STEPS", "Euler", "Field", "Frozen", "Heun", "Step", "Theta", "frozen"]
