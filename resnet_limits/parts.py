"""What a part of your own derives from, in one place: `reslim train --with my_law.py init=my_law`.

    law of weights    Random (or Init), Regularity; draws a Path        init=my_law
    activation        Activation                                        activation=my_activation
    block             Block                                             block=my_block
    data set          Plane, Generated, Images (or Data)                data=my_data
    kernel            OperatorKernel, by its matrix                     hamiltonian.kernel=my_kernel
    loss              PointwiseLoss, by its value                       hamiltonian.loss=my_loss
    study             Settings, Study, Group, Claim, Expected, Rival    study=my_study
                      Job, FinishedJob, Record, Comparison, Measurement, Undetermined
    figure            NamedFigure, called like its variable             figure=my_figure
    beside these      checked, Draw (laws); affine, linear (blocks); generator (data); Paper, key, fixed, SettingError

A class goes by its name in snake case, its keys are fields, `waves: int = key(1, "waves over the depth", low=1)`. Names
are imported when they are first used: this module costs nothing, and no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers; below, for everybody else
    from .claims.claim import Claim as Claim
    from .claims.claim import Expected as Expected
    from .claims.claim import Rival as Rival
    from .data.sources.source import Data as Data
    from .data.sources.source import Generated as Generated
    from .data.sources.source import Images as Images
    from .data.sources.source import Plane as Plane
    from .errors import SettingError as SettingError
    from .errors import Undetermined as Undetermined
    from .figures.named.figure import NamedFigure as NamedFigure
    from .limits.hamiltonian.kernels.kernel import OperatorKernel as OperatorKernel
    from .limits.hamiltonian.losses.loss import PointwiseLoss as PointwiseLoss
    from .measurement.job import FinishedJob as FinishedJob
    from .measurement.job import Job as Job
    from .measurement.record import Comparison as Comparison
    from .measurement.record import Measurement as Measurement
    from .measurement.record import Record as Record
    from .networks.activations.activation import Activation as Activation
    from .networks.affine import affine as affine
    from .networks.affine import linear as linear
    from .networks.blocks.block import Block as Block
    from .papers import Paper as Paper
    from .paths.laws.law import Init as Init
    from .paths.laws.law import Random as Random
    from .paths.laws.law import Regularity as Regularity
    from .paths.path import Draw as Draw
    from .paths.path import Path as Path
    from .paths.path import checked as checked
    from .random import generator as generator
    from .settings.base import Settings as Settings
    from .settings.keys import fixed as fixed
    from .settings.keys import key as key
    from .studies.group import Group as Group
    from .studies.study import Study as Study

_PLACES = {
    "claims.claim": ("Claim", "Expected", "Rival"),
    "data.sources.source": ("Data", "Generated", "Images", "Plane"),
    "errors": ("SettingError", "Undetermined"),
    "figures.named.figure": ("NamedFigure",),
    "limits.hamiltonian.kernels.kernel": ("OperatorKernel",),
    "limits.hamiltonian.losses.loss": ("PointwiseLoss",),
    "measurement.job": ("FinishedJob", "Job"),
    "measurement.record": ("Comparison", "Measurement", "Record"),
    "networks.activations.activation": ("Activation",),
    "networks.affine": ("affine", "linear"),
    "networks.blocks.block": ("Block",),
    "papers": ("Paper",),
    "paths.laws.law": ("Init", "Random", "Regularity"),
    "paths.path": ("Draw", "Path", "checked"),
    "random": ("generator",),
    "settings.base": ("Settings",),
    "settings.keys": ("fixed", "key"),
    "studies.group": ("Group",),
    "studies.study": ("Study",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(sorted(_MODULES))}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __package__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
