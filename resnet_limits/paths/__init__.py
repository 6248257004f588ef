"""Laws of the weights over depth.

    weights = draw(Smooth(correlation=0.5), {"W": (16, 16), "b": (16,)}, depth=64, horizon=1.0, replicas=32, seed=0)
    weights.at(times)["W"]                  # (32, n, 16, 16)

| law          | theta(t)                                                          |
|--------------|-------------------------------------------------------------------|
| `smooth`     | Gaussian process, covariance `exp(-(t - s)^2 / (2 correlation^2))` |
| `iid`        | independent at all times                                          |
| `rough`      | values of a fractional Brownian path                              |
| `fractional` | its increments over the blocks, of unit variance                  |
| `tied`       | one draw, constant in time                                        |
| `zero`       | zero                                                              |
"""

from .draw import LAWS, draw
from .fractional import fractional_gaussian_noise
from .path import Draw, Path, WeightPath
from .smooth import SmoothPath

__all__ = ["LAWS", "Draw", "Path", "SmoothPath", "WeightPath", "draw", "fractional_gaussian_noise"]
