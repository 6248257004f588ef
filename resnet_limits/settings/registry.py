"""What has a name on the command line, by group: `name -> class`, imported when it is asked for.

    study=ode       a folder of `studies/`              init=smooth     a file of `paths/laws/`
    data=mnist      a file of `data/sources/`           cluster=slurm   a file of `settings/clusters/`

The names of a group are the files (or folders) of its package, found without importing one of them, and the entry
points of the group `reslim.GROUP` of whatever else is installed, `name = "module:Class"`. A file holds the class of
its name: `fashion_mnist.py` the class `FashionMnist`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar

from ..errors import SettingError

PACKAGE = Path(__file__).resolve().parents[1]
ENTRY_POINTS = "reslim"


class Registry(Mapping[str, Any]):
    """The names of one group, in the order of the alphabet; what a name stands for is imported when it is first read.

    `folder` is the package of those that are built in, relative to this one; `base` the file in it that says what they
    all are. `holds` is what each file has under one name, in place of a class of its own name. With `inside` each is a
    folder, and the class stands in the file of that name in it.
    """

    def __init__(self, group: str, folder: str, *, base: str = "", holds: str = "", inside: str = "") -> None:
        self.group, self.folder = group, folder
        self._base, self._holds, self._inside = base, holds, inside

    @functools.cached_property
    def places(self) -> dict[str, str]:
        """`module:attribute` by name."""
        found = pkgutil.iter_modules([str(PACKAGE.joinpath(*self.folder.split(".")))])
        names = [its.name for its in found if its.ispkg == bool(self._inside) and its.name != self._base]
        built_in = {name: self._place(name) for name in names if not name.startswith("_")}
        others = {its.name: its.value for its in entry_points(group=f"{ENTRY_POINTS}.{self.group}")}
        return dict(sorted({**others, **built_in}.items()))

    def _place(self, name: str) -> str:
        module = ".".join(word for word in (PACKAGE.name, self.folder, name, self._inside) if word)
        return f"{module}:{self._holds or camel_case(name)}"

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self.places[name].partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise SettingError(f"{self.group}={name}: {self.places[name]} cannot be imported: {error}") from error

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def camel_case(name: str) -> str:
    """`fashion_mnist` -> `FashionMnist`."""
    return "".join(part.capitalize() for part in name.split("_"))


STUDIES = Registry("study", "studies", inside="settings")
SINKS = Registry("sinks", "sinks.programs", holds="open_in")
FIGURES = Registry("figure", "figures.named", base="figure", holds="FIGURE")


@dataclass
class Option:
    """What a key may be that has keys of its own, such as a law of the weights: one of its `options`, by name."""

    options: ClassVar[Registry]
    name: str


@functools.cache
def groups() -> dict[type[Option], Registry]:
    """The groups of options that any study has a key for, by what an option of it is."""
    kinds = (kind for settings in STUDIES.values() for kind in typing.get_type_hints(settings).values())
    found = dict.fromkeys(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Option))
    return {kind: kind.options for kind in found}


def options_of(group: str) -> Mapping[str, type]:
    """The options of the group of this name (`init`, `block`, ...); none where it is no group."""
    return next((options for options in groups().values() if options.group == group), {})
