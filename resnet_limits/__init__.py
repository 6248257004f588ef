"""reslim from Python: the infinite-depth limits of residual networks, without the command line.

    import resnet_limits as rl

    frame = rl.run(rl.Ode(depth=64, init=rl.TiedLaw()))       # one job's records, a DataFrame
    fit = rl.fit_order([8, 16, 32, 64], errors)               # an order with its interval
    run = rl.sweep(rl.Ode(), depth=[8, 16, 32, 64], seed=[0, 1])  # a run: its records, claims, verdicts, figures
    run = rl.load_run("outputs/ode/2026-11-21_10-15-48_ad8a246f")
    network, flow = rl.network(rl.Ode()), rl.limit(rl.Ode())  # functions of points; rl.sample gives both

Settings of a study go by its name (`Ode`), its own keys as `OdeKeys`; an option by its name and what it is: `TiedLaw`,
`OneBlock`, `MoonsData`, `SlurmCluster`. Limits, networks and what judges them follow; what else there is stands in
modules of their own: `resnet_limits.networks`, `resnet_limits.limits`. No two things have one name.

What a part of your own derives from is here as well; `reslim train --with my_law.py init=my_law`, or in Python
`rl.use(["my_law.py"])` and `rl.Ode(init="my_law")`:

    law of weights    Random (or Init); draws a function of time        init=my_law
    activation        Activation                                        activation=my_activation
    block             Block                                             block=my_block
    data set          Plane, Generated, Images (or Data)                data=my_data
    kernel            OperatorKernel, by its matrix                     hamiltonian.kernel=my_kernel
    loss              PointwiseLoss, by its value                       hamiltonian.loss=my_loss
    study             Settings, Study, Group, Claim, Expected, Rival    study=my_study
                      Job, FinishedJob, Record, Comparison, Measurement, Undetermined
    figure            NamedFigure, called like its variable             figure=my_figure
    beside these      Regularity, Draw, Path, checked (laws); affine, linear (blocks); generator (data); Paper, key,
                      fixed, SettingError

A class goes by its name in snake case, its keys are fields, `waves: int = rl.key(1, "waves over the depth", low=1)`.
Names are imported when they are first used: importing this package costs nothing, and no torch.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers, which cannot ask a registry
    __version__: str
    from .claims.claim import Claim as Claim
    from .claims.claim import Expected as Expected
    from .claims.claim import Rival as Rival
    from .claims.judge import judge as judge
    from .claims.order import OrderFit as OrderFit
    from .claims.order import fit_order as fit_order
    from .claims.richardson import richardson_limit as richardson_limit
    from .data.sources.cifar10 import Cifar10Data as Cifar10Data
    from .data.sources.circles import CirclesData as CirclesData
    from .data.sources.digits import DigitsData as DigitsData
    from .data.sources.fashion_mnist import FashionMnistData as FashionMnistData
    from .data.sources.gaussian import GaussianData as GaussianData
    from .data.sources.image_folder import ImageFolderData as ImageFolderData
    from .data.sources.labelled_file import LabelledFileData as LabelledFileData
    from .data.sources.mnist import MnistData as MnistData
    from .data.sources.moons import MoonsData as MoonsData
    from .data.sources.points import PointsData as PointsData
    from .data.sources.source import Data as Data
    from .data.sources.source import Generated as Generated
    from .data.sources.source import Images as Images
    from .data.sources.source import Plane as Plane
    from .data.sources.spirals import SpiralsData as SpiralsData
    from .data.sources.tanh_flow import TanhFlowData as TanhFlowData
    from .data.sources.target_file import TargetFileData as TargetFileData
    from .errors import ReslimError as ReslimError
    from .errors import SettingError as SettingError
    from .errors import Undetermined as Undetermined
    from .figures.named.figure import NamedFigure as NamedFigure
    from .limits.adjoint import Adjoint as Adjoint
    from .limits.adjoint import adjoint as adjoint
    from .limits.averaged import averaged_field as averaged_field
    from .limits.deep_kernel import DeepKernel as DeepKernel
    from .limits.euler_lagrange import Extremal as Extremal
    from .limits.euler_lagrange import extremal as extremal
    from .limits.flow import DrivenFlow as DrivenFlow
    from .limits.gram import GramDiffusion as GramDiffusion
    from .limits.gram_moments import GramMoments as GramMoments
    from .limits.gram_moments import gram_moments as gram_moments
    from .limits.hamiltonian.end_loss import Fixed as Fixed
    from .limits.hamiltonian.end_loss import Pooled as Pooled
    from .limits.hamiltonian.kernels.equivariant import EquivariantKernel as EquivariantKernel
    from .limits.hamiltonian.kernels.gaussian import GaussianKernel as GaussianKernel
    from .limits.hamiltonian.kernels.kernel import OperatorKernel as OperatorKernel
    from .limits.hamiltonian.losses.loss import PointwiseLoss as PointwiseLoss
    from .limits.hamiltonian.losses.square import SquareLoss as SquareLoss
    from .limits.hamiltonian.permutations import PermutationGroup as PermutationGroup
    from .limits.hamiltonian.shooting import FixedEnds as FixedEnds
    from .limits.hamiltonian.shooting import Problem as Problem
    from .limits.hamiltonian.shooting import Shooting as Shooting
    from .limits.hamiltonian.shooting import shoot as shoot
    from .limits.hamiltonian.windows import Windows as Windows
    from .limits.kernel import LimitKernel as LimitKernel
    from .limits.kernel_recursion import FiniteDepthKernel as FiniteDepthKernel
    from .measurement.job import FinishedJob as FinishedJob
    from .measurement.job import Job as Job
    from .measurement.record import Comparison as Comparison
    from .measurement.record import Measurement as Measurement
    from .measurement.record import Record as Record
    from .networks.activations import activation_named as activation_named
    from .networks.activations.activation import Activation as Activation
    from .networks.affine import affine as affine
    from .networks.affine import linear as linear
    from .networks.blocks.block import Block as Block
    from .networks.blocks.gradient import GradientBlock as GradientBlock
    from .networks.blocks.one import OneBlock as OneBlock
    from .networks.blocks.outside import OutsideBlock as OutsideBlock
    from .networks.blocks.prenorm import PrenormBlock as PrenormBlock
    from .networks.blocks.two import TwoBlock as TwoBlock
    from .networks.ntk import tangent_kernel as tangent_kernel
    from .networks.parametrisation import Parametrisation as Parametrisation
    from .networks.steps.euler import Euler as Euler
    from .networks.steps.heun import Heun as Heun
    from .networks.steps.rk4 import RK4 as RK4
    from .networks.vector_field import VectorField as VectorField
    from .own import use as use
    from .papers import Paper as Paper
    from .paths.laws.fractional import FractionalLaw as FractionalLaw
    from .paths.laws.iid import IidLaw as IidLaw
    from .paths.laws.law import Init as Init
    from .paths.laws.law import Random as Random
    from .paths.laws.law import Regularity as Regularity
    from .paths.laws.matrix_normal import MatrixNormalLaw as MatrixNormalLaw
    from .paths.laws.rough import RoughLaw as RoughLaw
    from .paths.laws.smooth import SmoothLaw as SmoothLaw
    from .paths.laws.tied import TiedLaw as TiedLaw
    from .paths.laws.zero import ZeroLaw as ZeroLaw
    from .paths.path import Draw as Draw
    from .paths.path import Path as Path
    from .paths.path import WeightPath as WeightPath
    from .paths.path import checked as checked
    from .python import MeasuredRun as MeasuredRun
    from .python import Verdicts as Verdicts
    from .python import load_run as load_run
    from .python import run as run
    from .python import sweep as sweep
    from .random.normals import generator as generator
    from .sampling.deep import ResidualBranch as ResidualBranch
    from .sampling.schemes import EulerMaruyama as EulerMaruyama
    from .sampling.schemes import ShallowNetwork as ShallowNetwork
    from .sampling.walk import walk as walk
    from .settings.base import Settings as Settings
    from .settings.clusters.slurm import SlurmCluster as SlurmCluster
    from .settings.clusters.workstation import WorkstationCluster as WorkstationCluster
    from .settings.keys import fixed as fixed
    from .settings.keys import key as key
    from .settings.training import Minimiser as Minimiser
    from .settings.training import Train as Train
    from .studies.exponents.settings import Exponents as Exponents
    from .studies.exponents.settings import ExponentsKeys as ExponentsKeys
    from .studies.exponents.settings import ScalingKeys as ScalingKeys
    from .studies.exponents.settings import TrainedKeys as TrainedKeys
    from .studies.flow.settings import Flow as Flow
    from .studies.flow.settings import FlowKeys as FlowKeys
    from .studies.flow.settings import ImageKeys as ImageKeys
    from .studies.gamma.settings import Gamma as Gamma
    from .studies.gamma.settings import GammaKeys as GammaKeys
    from .studies.group import Group as Group
    from .studies.hamiltonian.settings import Hamiltonian as Hamiltonian
    from .studies.hamiltonian.settings import HamiltonianKeys as HamiltonianKeys
    from .studies.kernel.settings import Kernel as Kernel
    from .studies.kernel.settings import KernelKeys as KernelKeys
    from .studies.kernel.settings import MiniBatchKeys as MiniBatchKeys
    from .studies.ode.settings import Ode as Ode
    from .studies.ode.settings import OdeKeys as OdeKeys
    from .studies.pair import PairedSample as PairedSample
    from .studies.pair import limit as limit
    from .studies.pair import network as network
    from .studies.pair import sample as sample
    from .studies.sde.settings import Sde as Sde
    from .studies.sde.settings import SdeKeys as SdeKeys
    from .studies.study import Study as Study
    from .training.minimiser import Minimum as Minimum
    from .training.minimiser import minimise as minimise

_PLACES = {
    "Activation": "networks.activations.activation",
    "Adjoint": "limits.adjoint",
    "Block": "networks.blocks.block",
    "Claim": "claims.claim",
    "Comparison": "measurement.record",
    "Data": "data.sources.source",
    "DeepKernel": "limits.deep_kernel",
    "Draw": "paths.path",
    "DrivenFlow": "limits.flow",
    "EquivariantKernel": "limits.hamiltonian.kernels.equivariant",
    "Euler": "networks.steps.euler",
    "EulerMaruyama": "sampling.schemes",
    "Expected": "claims.claim",
    "Extremal": "limits.euler_lagrange",
    "FinishedJob": "measurement.job",
    "FiniteDepthKernel": "limits.kernel_recursion",
    "Exponents": "studies.exponents.settings",
    "ExponentsKeys": "studies.exponents.settings",
    "Fixed": "limits.hamiltonian.end_loss",
    "FixedEnds": "limits.hamiltonian.shooting",
    "GaussianKernel": "limits.hamiltonian.kernels.gaussian",
    "Generated": "data.sources.source",
    "GramDiffusion": "limits.gram",
    "GramMoments": "limits.gram_moments",
    "Group": "studies.group",
    "Heun": "networks.steps.heun",
    "Images": "data.sources.source",
    "Init": "paths.laws.law",
    "Job": "measurement.job",
    "LimitKernel": "limits.kernel",
    "MeasuredRun": "python",
    "Measurement": "measurement.record",
    "Minimiser": "settings.training",
    "Minimum": "training.minimiser",
    "NamedFigure": "figures.named.figure",
    "OperatorKernel": "limits.hamiltonian.kernels.kernel",
    "OrderFit": "claims.order",
    "PairedSample": "studies.pair",
    "Paper": "papers",
    "Parametrisation": "networks.parametrisation",
    "Path": "paths.path",
    "PermutationGroup": "limits.hamiltonian.permutations",
    "Plane": "data.sources.source",
    "PointwiseLoss": "limits.hamiltonian.losses.loss",
    "Pooled": "limits.hamiltonian.end_loss",
    "Problem": "limits.hamiltonian.shooting",
    "RK4": "networks.steps.rk4",
    "Random": "paths.laws.law",
    "Record": "measurement.record",
    "Regularity": "paths.laws.law",
    "ResidualBranch": "sampling.deep",
    "ReslimError": "errors",
    "Rival": "claims.claim",
    "ScalingKeys": "studies.exponents.settings",
    "SettingError": "errors",
    "Settings": "settings.base",
    "ShallowNetwork": "sampling.schemes",
    "Shooting": "limits.hamiltonian.shooting",
    "SquareLoss": "limits.hamiltonian.losses.square",
    "Study": "studies.study",
    "Train": "settings.training",
    "Undetermined": "errors",
    "VectorField": "networks.vector_field",
    "Verdicts": "python",
    "WeightPath": "paths.path",
    "Windows": "limits.hamiltonian.windows",
    "activation_named": "networks.activations",
    "adjoint": "limits.adjoint",
    "affine": "networks.affine",
    "averaged_field": "limits.averaged",
    "checked": "paths.path",
    "extremal": "limits.euler_lagrange",
    "fit_order": "claims.order",
    "fixed": "settings.keys",
    "generator": "random.normals",
    "gram_moments": "limits.gram_moments",
    "judge": "claims.judge",
    "key": "settings.keys",
    "limit": "studies.pair",
    "linear": "networks.affine",
    "load_run": "python",
    "minimise": "training.minimiser",
    "network": "studies.pair",
    "richardson_limit": "claims.richardson",
    "run": "python",
    "sample": "studies.pair",
    "shoot": "limits.hamiltonian.shooting",
    "sweep": "python",
    "tangent_kernel": "networks.ntk",
    "use": "own",
    "walk": "sampling.walk",
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
    members = vars(sys.modules[module]).items()
    return [name for name, member in members if is_dataclass(member) and getattr(member, "__module__", "") == module]


def _public() -> list[str]:
    """Every name that this package offers."""
    return sorted({*_PLACES, *(name for name, _ in _of_registries())})


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return _public()
    if name == "__version__":
        from .runs.provenance import version

        return version()
    if (module := _module(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .settings.docstring import with_keys

    return with_keys(getattr(importlib.import_module(module), name))


def __dir__() -> list[str]:
    """What is offered, and the modules that are imported; not what this file itself imports."""
    modules = {name for name in globals() if f"{__name__}.{name}" in sys.modules}
    return sorted({*modules, *(name for name in globals() if name.startswith("__")), "__version__", *_public()})
