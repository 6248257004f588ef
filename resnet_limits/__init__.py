"""reslim from Python: the infinite-depth limits of residual networks, without the command line.

    import resnet_limits as rl

    frame = rl.run(rl.Ode(depth=64, init=rl.Tied()))          # one job's records, a DataFrame
    fit = rl.fit_order([8, 16, 32, 64], errors)               # an order with its interval
    run = rl.load_run("outputs/ode/2026-11-21_10-15-48_ad8a246f")

Networks, laws of weights, limits and the rest are modules of their own: `resnet_limits.networks`,
`resnet_limits.paths`, `resnet_limits.limits`. Names are imported when they are first used, so that
importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .claims.order import OrderFit, fit_order
    from .data.sources.cifar10 import Cifar10
    from .data.sources.circles import Circles
    from .data.sources.digits import Digits
    from .data.sources.fashion_mnist import FashionMnist
    from .data.sources.gaussian import Gaussian
    from .data.sources.image_folder import ImageFolder
    from .data.sources.mnist import Mnist
    from .data.sources.moons import Moons
    from .data.sources.spirals import Spirals
    from .networks.blocks.one import One
    from .networks.blocks.outside import Outside
    from .networks.blocks.prenorm import Prenorm
    from .networks.blocks.two import Two
    from .paths.laws.fractional import Fractional
    from .paths.laws.iid import Iid
    from .paths.laws.matrix_normal import MatrixNormal
    from .paths.laws.rough import Rough
    from .paths.laws.smooth import Smooth
    from .paths.laws.tied import Tied
    from .paths.laws.zero import Zero
    from .runs.python import load_run, run
    from .settings.training import Minimiser, Train
    from .studies.flow.settings import Flow, FlowKeys, ImageKeys
    from .studies.gamma.settings import Gamma, GammaKeys
    from .studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
    from .studies.kernel.settings import Kernel, KernelKeys
    from .studies.ode.settings import Ode, OdeKeys
    from .studies.sde.settings import Sde, SdeKeys

_PLACES = {
    "claims.order": (
        "OrderFit",
        "fit_order",
    ),
    "data.sources.cifar10": ("Cifar10",),
    "data.sources.circles": ("Circles",),
    "data.sources.digits": ("Digits",),
    "data.sources.fashion_mnist": ("FashionMnist",),
    "data.sources.gaussian": ("Gaussian",),
    "data.sources.image_folder": ("ImageFolder",),
    "data.sources.mnist": ("Mnist",),
    "data.sources.moons": ("Moons",),
    "data.sources.spirals": ("Spirals",),
    "paths.laws.fractional": ("Fractional",),
    "paths.laws.iid": ("Iid",),
    "paths.laws.matrix_normal": ("MatrixNormal",),
    "paths.laws.rough": ("Rough",),
    "paths.laws.smooth": ("Smooth",),
    "paths.laws.tied": ("Tied",),
    "paths.laws.zero": ("Zero",),
    "runs.python": (
        "load_run",
        "run",
    ),
    "networks.blocks.one": ("One",),
    "networks.blocks.outside": ("Outside",),
    "networks.blocks.prenorm": ("Prenorm",),
    "networks.blocks.two": ("Two",),
    "settings.training": (
        "Minimiser",
        "Train",
    ),
    "studies.flow.settings": (
        "Flow",
        "FlowKeys",
        "ImageKeys",
    ),
    "studies.gamma.settings": (
        "Gamma",
        "GammaKeys",
    ),
    "studies.hamiltonian.settings": (
        "Hamiltonian",
        "HamiltonianKeys",
    ),
    "studies.kernel.settings": (
        "Kernel",
        "KernelKeys",
    ),
    "studies.ode.settings": (
        "Ode",
        "OdeKeys",
    ),
    "studies.sde.settings": (
        "Sde",
        "SdeKeys",
    ),
}
"""Where the public names are found."""

_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Cifar10",
    "Circles",
    "Digits",
    "FashionMnist",
    "Flow",
    "FlowKeys",
    "Fractional",
    "Gamma",
    "GammaKeys",
    "Gaussian",
    "Hamiltonian",
    "HamiltonianKeys",
    "Iid",
    "ImageFolder",
    "ImageKeys",
    "Kernel",
    "KernelKeys",
    "MatrixNormal",
    "Minimiser",
    "Mnist",
    "Moons",
    "Ode",
    "OdeKeys",
    "One",
    "OrderFit",
    "Outside",
    "Prenorm",
    "Rough",
    "Sde",
    "SdeKeys",
    "Smooth",
    "Spirals",
    "Tied",
    "Train",
    "Two",
    "Zero",
    "fit_order",
    "load_run",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
