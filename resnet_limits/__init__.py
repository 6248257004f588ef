"""reslim from Python: the infinite-depth limits of residual networks, without the command line.

    import resnet_limits as rl

    frame = rl.run(rl.Ode(depth=64, init=rl.Tied()))          # one job's records, a DataFrame
    fit = rl.fit_order([8, 16, 32, 64], errors)               # an order with its interval
    run = rl.load_run("outputs/ode/2026-11-21_10-15-48_ad8a246f")

Studies and options (laws of weights, blocks, data sets, clusters) go by the names of their classes, as the registries
have them. Networks, limits and the rest are modules of their own: `resnet_limits.networks`, `resnet_limits.limits`.
Names are imported when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers, which cannot ask a registry
    from .claims.order import OrderFit as OrderFit
    from .claims.order import fit_order as fit_order
    from .data.sources.cifar10 import Cifar10 as Cifar10
    from .data.sources.circles import Circles as Circles
    from .data.sources.digits import Digits as Digits
    from .data.sources.fashion_mnist import FashionMnist as FashionMnist
    from .data.sources.gaussian import Gaussian as Gaussian
    from .data.sources.image_folder import ImageFolder as ImageFolder
    from .data.sources.mnist import Mnist as Mnist
    from .data.sources.moons import Moons as Moons
    from .data.sources.spirals import Spirals as Spirals
    from .networks.blocks.one import One as One
    from .networks.blocks.outside import Outside as Outside
    from .networks.blocks.prenorm import Prenorm as Prenorm
    from .networks.blocks.two import Two as Two
    from .paths.laws.fractional import Fractional as Fractional
    from .paths.laws.iid import Iid as Iid
    from .paths.laws.matrix_normal import MatrixNormal as MatrixNormal
    from .paths.laws.rough import Rough as Rough
    from .paths.laws.smooth import Smooth as Smooth
    from .paths.laws.tied import Tied as Tied
    from .paths.laws.zero import Zero as Zero
    from .runs.python import load_run as load_run
    from .runs.python import run as run
    from .settings.training import Minimiser as Minimiser
    from .settings.training import Train as Train
    from .studies.flow.settings import Flow as Flow
    from .studies.flow.settings import FlowKeys as FlowKeys
    from .studies.flow.settings import ImageKeys as ImageKeys
    from .studies.gamma.settings import Gamma as Gamma
    from .studies.gamma.settings import GammaKeys as GammaKeys
    from .studies.hamiltonian.settings import Hamiltonian as Hamiltonian
    from .studies.hamiltonian.settings import HamiltonianKeys as HamiltonianKeys
    from .studies.kernel.settings import Kernel as Kernel
    from .studies.kernel.settings import KernelKeys as KernelKeys
    from .studies.ode.settings import Ode as Ode
    from .studies.ode.settings import OdeKeys as OdeKeys
    from .studies.sde.settings import Sde as Sde
    from .studies.sde.settings import SdeKeys as SdeKeys

_PLACES = {
    "OrderFit": "claims.order",
    "fit_order": "claims.order",
    "load_run": "runs.python",
    "run": "runs.python",
    "Minimiser": "settings.training",
    "Train": "settings.training",
}
"""What has a name here and is no study and no option, with its module."""


def _module(name: str) -> str | None:
    """The module of a public name; None where it is none."""
    if name in _PLACES:
        return f"{__name__}.{_PLACES[name]}"
    # What a registry holds is a class: whoever imports a module by `from resnet_limits import ...` needs no registry.
    return dict(_of_registries()).get(name) if name[:1].isupper() else None


def _of_registries() -> Iterator[tuple[str, str]]:
    """The options; the studies, with the groups of keys that they have."""
    from .settings.registry import STUDIES, groups

    for registry in groups().values():
        for place in registry.built_in.values():
            module, _, name = place.partition(":")
            yield name, module
    for study, settings in STUDIES.sound():
        if study in STUDIES.built_in:
            yield from ((name, settings.__module__) for name in _dataclasses(settings.__module__))


def _dataclasses(module: str) -> list[str]:
    """The names of the dataclasses that a module defines."""
    its = vars(sys.modules[module]).items()
    return [name for name, found in its if is_dataclass(found) and getattr(found, "__module__", "") == module]


def __getattr__(name: str) -> Any:
    if (module := _module(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES, *(name for name, _ in _of_registries())})
